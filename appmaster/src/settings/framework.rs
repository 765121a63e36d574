//! Our framework at the master.

use flink::{
    config::Configuration,
    options::mesos::{
        FAILOVER_TIMEOUT, FRAMEWORK_NAME, FRAMEWORK_PRINCIPAL, FRAMEWORK_ROLE, FRAMEWORK_SECRET,
        FRAMEWORK_USER, STATE_FORGET_FRAMEWORK,
    },
};
use mesos::{
    scheduler::Credential,
    v1::{self, framework_info::capability, scheduler::OfferConstraints},
};
use scheduler::core::{
    constraint::{Constraint, Field},
    resources::Demand,
    state::Registration,
};

use super::{SettingsError, WorkerSettings, invalid, offer_constraints};
use crate::report::Report;

/// The options of our framework.
#[derive(Debug)]
pub struct FrameworkSettings {
    /// As it is registered.
    pub info: v1::FrameworkInfo,
    /// What it shows to a master that asks for authentication.
    pub credential: Option<Credential>,
    /// The framework to forget, with its workers, if it is the stored one.
    pub forgotten: Option<String>,
    /// The workers' constraints that the master applies itself.
    pub offer_constraints: Option<OfferConstraints>,
    /// The smallest offer that can be used.
    pub least_offer: Option<v1::OfferFilters>,
}

impl FrameworkSettings {
    /// Reads them; what the master gets of the workers' needs follows from `workers`.
    pub(super) fn read(
        config: &Configuration,
        workers: Option<&WorkerSettings>,
        report: &mut Report,
    ) -> Option<Self> {
        let core = workers.map(|workers| &workers.core);
        let special = core.map(|core| special(&core.demand, &core.constraints));
        let info = report.setting(config, info(config, &special.unwrap_or_default()));
        let credential = report.setting(config, credential(config));
        let forgotten = report.setting(config, config.read(&STATE_FORGET_FRAMEWORK));
        let info = info?;
        Some(Self {
            offer_constraints: core
                .and_then(|core| offer_constraints::constraints(&info.roles, &core.constraints)),
            least_offer: core.map(|core| offer_constraints::least(&core.demand)),
            info,
            credential: credential?,
            forgotten: forgotten?,
        })
    }

    /// The user and principal to register with.
    pub fn registration(&self) -> Registration {
        let v1::FrameworkInfo { user, principal, .. } = &self.info;
        Registration { user: Some(user.clone()), principal: principal.clone() }
    }
}

/// As it is registered; `special` are capabilities that not every cluster needs.
fn info(
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
fn special(demand: &Demand, constraints: &[Constraint]) -> Vec<capability::Type> {
    let gpus = demand.task.contains_key("gpus").then_some(capability::Type::GpuResources);
    let regions = constraints.iter().any(|constraint| constraint.field == Field::Region);
    gpus.into_iter().chain(regions.then_some(capability::Type::RegionAware)).collect()
}

/// What it shows to a master that asks for authentication.
pub(crate) fn credential(config: &Configuration) -> Result<Option<Credential>, SettingsError> {
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
            info(&config, &[]).map(|info| info.roles).map_err(|error| error.to_string())
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
        let info = info(&Configuration::default(), &[capability::Type::GpuResources]).unwrap();
        let gpus = capability::Type::GpuResources.into();
        assert!(info.capabilities.iter().any(|capability| capability.r#type == Some(gpus)));
    }
}
