//! Where workers may run.

use overlays::config::Configuration;

use super::{SettingsError, invalid};
use crate::core::constraint::{Constraint, ConstraintError, Field, Operator};

/// Marathon's constraints, and upstream's `attribute:value` pairs, which all must hold.
pub(super) fn constraints(config: &Configuration) -> Result<Vec<Constraint>, SettingsError> {
    let key = "mesos.constraints";
    // The reason names the constraint of the list that is wrong.
    let wrong = |e: ConstraintError| SettingsError::File { key, reason: e.to_string() };
    let mut constraints = config.get(key).map_or(Ok(Vec::new()), Constraint::parse_list).map_err(wrong)?;
    let key = "mesos.constraints.hard.hostattribute";
    for pair in config.get(key).unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let form = || invalid(key, config, format!("{pair} is not of the form attribute:value"));
        let (name, value) = pair.split_once(':').ok_or_else(form)?;
        constraints.push(Constraint { field: Field::from(name), operator: Operator::Is(value.to_owned()) });
    }
    Ok(constraints)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use overlays::config::Source;

    use super::*;

    #[test]
    fn upstreams_pairs_all_have_to_hold_beside_marathons_constraints() {
        let mut config = Configuration::default();
        config.set("mesos.constraints", "hostname:UNIQUE", Source::DynamicProperty);
        config.set("mesos.constraints.hard.hostattribute", "az:eu, disk:ssd:2,", Source::DynamicProperty);
        let shown: Vec<_> = constraints(&config).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["hostname:UNIQUE", "az:IS:eu", "disk:IS:ssd:2"]);
    }
}
