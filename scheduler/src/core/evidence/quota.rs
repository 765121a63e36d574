//! Quotas: ours that leave too little, and those of others that the master keeps free.

use std::collections::BTreeMap;

use mesos::v1::{Resource, master::QuotaConfig};

use super::{Inspection, amount, is_below, rounded};
use crate::core::resources::Demand;

impl Inspection {
    /// Which quota of our roles leaves too little.
    pub fn own_quota(&self, demand: &Demand) -> Vec<String> {
        let mut reasons = Vec::new();
        for (role, limits) in self.limits().into_iter().filter(|(role, _)| self.is_ours(role)) {
            for (name, limit) in limits {
                let (needed, used) = (demand.total(&name), self.used(&role, &name));
                if needed > 0.0 && rounded(limit - used) < needed {
                    let used = if used > 0.0 {
                        format!(" of which {} are in use,", rounded(used))
                    } else {
                        String::new()
                    };
                    let (limit, needed) = (amount(&name, limit), rounded(needed));
                    reasons.push(format!(
                        "role `{role}` has a quota of {limit},{used} a TaskManager needs {needed}"
                    ));
                }
            }
        }
        reasons
    }

    /// The limits of all quotas, by role.
    fn limits(&self) -> Vec<(String, BTreeMap<String, f64>)> {
        let Some(quota) = &self.snapshot.quota else { return Vec::new() };
        let values = |config: &QuotaConfig| {
            config.limits.iter().map(|(name, limit)| (name.clone(), limit.value)).collect()
        };
        if !quota.configs.is_empty() {
            return quota
                .configs
                .iter()
                .map(|config| (config.role.clone(), values(config)))
                .collect();
        }
        let scalar = |resource: &Resource| Some((resource.name.clone(), resource.scalar?.value));
        let infos = quota.infos.iter();
        infos
            .filter_map(|info| {
                Some((info.role.clone()?, info.guarantee.iter().filter_map(scalar).collect()))
            })
            .collect()
    }

    /// How much of a resource a role and its child roles use.
    fn used(&self, role: &str, name: &str) -> f64 {
        let roles = self.snapshot.roles.iter().flatten();
        roles
            .filter(|other| is_below(&other.name, role))
            .map(|other| mesos::resources::sum(&other.resources, name))
            .sum()
    }

    /// A guarantee that another role does not use up, which the master keeps free for it.
    pub(super) fn kept_for_others(&self) -> Option<String> {
        let configs = self.snapshot.quota.iter().flat_map(|quota| &quota.configs);
        configs.filter(|config| !self.is_ours(&config.role)).find_map(|config| {
            let role = &config.role;
            let (name, guarantee) = config
                .guarantees
                .iter()
                .map(|(name, guarantee)| (name, guarantee.value))
                .find(|(name, guarantee)| *guarantee > self.used(role, name))?;
            Some(format!(
                "role `{role}` is guaranteed {} and has {}",
                amount(name, guarantee),
                rounded(self.used(role, name))
            ))
        })
    }
}
