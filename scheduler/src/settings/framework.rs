//! Who we are at the master.

use mesos::{
    scheduler::Credential,
    v1::{self, framework_info::capability},
};
use overlays::config::Configuration;

use super::{SettingsError, invalid};

const WEEK: i64 = 7 * 24 * 3600;

pub(super) fn framework(config: &Configuration, gpus: bool) -> Result<v1::FrameworkInfo, SettingsError> {
    let text = |key: &str| config.get(&format!("mesos.resourcemanager.framework.{key}")).map(str::to_owned);
    let mut capabilities = vec![
        capability::Type::PartitionAware,
        capability::Type::MultiRole,
        capability::Type::TaskKillingState,
        capability::Type::ReservationRefinement,
    ];
    // Mesos keeps its GPU agents for frameworks that say so.
    capabilities.extend(gpus.then_some(capability::Type::GpuResources));
    let roles: Vec<String> =
        text("role").unwrap_or_else(|| "*".to_owned()).split(',').map(|r| r.trim().to_owned()).collect();
    let timeout = "mesos.failover-timeout";
    let failover = config.get_i64(timeout)?.unwrap_or(WEEK);
    if failover < 0 {
        return Err(invalid(timeout, config, "a number of seconds, not negative".to_owned()));
    }
    Ok(v1::FrameworkInfo {
        user: text("user").unwrap_or_default(),
        name: text("name").unwrap_or_else(|| "Flink".to_owned()),
        failover_timeout: Some(failover as f64),
        checkpoint: Some(true),
        roles,
        principal: text("principal"),
        capabilities: capabilities
            .into_iter()
            .map(|kind| v1::framework_info::Capability { r#type: Some(kind.into()) })
            .collect(),
        ..Default::default()
    })
}

pub(super) fn credential(config: &Configuration) -> Result<Option<Credential>, SettingsError> {
    let principal = config.get("mesos.resourcemanager.framework.principal");
    let secret = config.get("mesos.resourcemanager.framework.secret");
    match (principal, secret) {
        (Some(principal), Some(secret)) => {
            Ok(Some(Credential { principal: principal.to_owned(), secret: secret.to_owned() }))
        }
        (None, Some(_)) => Err(SettingsError::Missing {
            key: "mesos.resourcemanager.framework.principal",
            hint: "mesos.resourcemanager.framework.secret alone says nothing",
        }),
        (_, None) => Ok(None),
    }
}
