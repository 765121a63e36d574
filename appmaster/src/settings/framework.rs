//! Our framework, as registered with the master.

use flink::{
    config::Configuration,
    options::mesos::{
        FAILOVER_TIMEOUT, FRAMEWORK_NAME, FRAMEWORK_PRINCIPAL, FRAMEWORK_ROLE, FRAMEWORK_SECRET,
        FRAMEWORK_USER,
    },
};
use mesos::{
    scheduler::Credential,
    v1::{self, framework_info::capability},
};
use scheduler::core::{
    constraint::{Constraint, Field},
    resources::Demand,
    state::Registration,
};

use super::{SettingsError, invalid};

/// Our framework; `special` are capabilities that not every cluster needs.
pub(super) fn framework(
    config: &Configuration,
    special: &[capability::Type],
) -> Result<v1::FrameworkInfo, SettingsError> {
    let usual = [
        capability::Type::PartitionAware,
        capability::Type::MultiRole,
        capability::Type::TaskKillingState,
        capability::Type::ReservationRefinement,
    ];
    let roles: Vec<String> =
        config.text(&FRAMEWORK_ROLE).split(',').map(|r| r.trim().to_owned()).collect();
    if roles.iter().any(|role| !is_role(role)) {
        let allowed = "allowed are roles separated by commas, each of names separated by slashes; no name is empty, begins with '-', is '.' or '..', or contains blanks";
        return Err(invalid(FRAMEWORK_ROLE.key(), config, allowed.to_owned()));
    }
    Ok(v1::FrameworkInfo {
        user: config.read(&FRAMEWORK_USER)?,
        name: config.read(&FRAMEWORK_NAME)?,
        failover_timeout: Some(config.read(&FAILOVER_TIMEOUT)? as f64),
        checkpoint: Some(true),
        roles,
        principal: config.read(&FRAMEWORK_PRINCIPAL)?,
        capabilities: usual
            .iter()
            .chain(special)
            .map(|kind| v1::framework_info::Capability { r#type: Some((*kind).into()) })
            .collect(),
        ..Default::default()
    })
}

/// The user and principal to register with.
pub fn registration(config: &Configuration) -> Result<Registration, SettingsError> {
    let v1::FrameworkInfo { user, principal, .. } = framework(config, &[])?;
    Ok(Registration { user: Some(user), principal })
}

/// Whether Mesos accepts this as the name of a role: `*`, or names separated by slashes.
fn is_role(role: &str) -> bool {
    let is_name = |name: &str| {
        let is_bad = |c: char| c.is_ascii_whitespace() || c.is_ascii_control();
        !matches!(name, "" | "." | ".." | "*") && !name.starts_with('-') && !name.contains(is_bad)
    };
    role == "*" || role.split('/').all(is_name)
}

/// The capabilities for offers that Mesos otherwise holds back: agents with GPUs, and agents in
/// other regions than the master.
pub(super) fn special(demand: &Demand, constraints: &[Constraint]) -> Vec<capability::Type> {
    let gpus = demand.task.contains_key("gpus").then_some(capability::Type::GpuResources);
    let regions = constraints.iter().any(|constraint| constraint.field == Field::Region);
    gpus.into_iter().chain(regions.then_some(capability::Type::RegionAware)).collect()
}

/// What our framework shows to a master that asks for authentication.
pub fn credential(config: &Configuration) -> Result<Option<Credential>, SettingsError> {
    match (config.read(&FRAMEWORK_PRINCIPAL)?, config.read(&FRAMEWORK_SECRET)?) {
        (Some(principal), Some(secret)) => Ok(Some(Credential { principal, secret })),
        (None, Some(_)) => Err(SettingsError::Missing {
            key: FRAMEWORK_PRINCIPAL.key(),
            hint: "it is required with mesos.resourcemanager.framework.secret",
        }),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn special_of(resources: &[&str], constraints: &str) -> Vec<capability::Type> {
        let task = resources.iter().map(|name| ((*name).to_owned(), 1.0)).collect();
        special(
            &Demand { task, ..Demand::default() },
            &Constraint::parse_list(constraints).unwrap(),
        )
    }

    #[test]
    fn a_role_that_mesos_refuses_is_refused_here() {
        let read_roles = |roles: &str| {
            let mut config = Configuration::new();
            config.set(FRAMEWORK_ROLE.key(), roles, flink::config::Source::DynamicProperty);
            framework(&config, &[])
                .map(|framework| framework.roles)
                .map_err(|error| error.to_string())
        };
        assert_eq!(read_roles("a, b/c").unwrap(), ["a", "b/c"]);
        assert_eq!(read_roles("*").unwrap(), ["*"]);
        for wrong in ["a,", "", ",", "a b", "-a", "a//b", "/a", "a/", "..", "a/*"] {
            assert!(
                read_roles(wrong).unwrap_err().starts_with(&format!("{FRAMEWORK_ROLE}: {wrong}: ")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn capabilities_for_special_agents_are_requested_only_when_needed() {
        assert_eq!(special_of(&["cpus", "gpus"], ""), [capability::Type::GpuResources]);
        assert_eq!(
            special_of(&["cpus"], "rack:UNIQUE,@region:IS:us"),
            [capability::Type::RegionAware]
        );
        assert_eq!(special_of(&["cpus"], "@zone:GROUP_BY"), []);
        let framework =
            framework(&Configuration::default(), &[capability::Type::GpuResources]).unwrap();
        let gpus = capability::Type::GpuResources.into();
        assert!(framework.capabilities.iter().any(|capability| capability.r#type == Some(gpus)));
    }
}
