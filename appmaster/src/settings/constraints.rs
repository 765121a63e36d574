//! Placement constraints.

use flink::{
    config::Configuration,
    options::mesos::{CONSTRAINTS, HARD_CONSTRAINTS},
};
use scheduler::core::constraint::{Constraint, ConstraintError, Field, Operator};

use super::{SettingsError, invalid, public};

/// More than any cluster needs: each is checked for each offer, and each pattern takes memory.
const MOST: usize = 100;
const MOST_BYTES: usize = 64 << 10;

/// Marathon's constraints, and upstream's `attribute:value` pairs, all of which must hold.
pub(super) fn constraints(config: &Configuration) -> Result<Vec<Constraint>, SettingsError> {
    // The reason names the invalid constraint of the list.
    let wrong =
        |e: ConstraintError| SettingsError::File { key: CONSTRAINTS.key(), reason: e.to_string() };
    for key in [CONSTRAINTS.key(), HARD_CONSTRAINTS.key()] {
        // First, because other errors show the invalid constraint.
        public::check(config, key)?;
        let bytes = config.get(key).map_or(0, str::len);
        if bytes > MOST_BYTES {
            let found = format!("{bytes} bytes long, allowed are {MOST_BYTES}");
            return Err(SettingsError::File { key, reason: found });
        }
    }
    let mut constraints =
        config.get(&CONSTRAINTS).map_or(Ok(Vec::new()), Constraint::parse_list).map_err(wrong)?;
    let key = HARD_CONSTRAINTS.key();
    for pair in config
        .get(key)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let form = || invalid(key, config, format!("{pair} is not of the form attribute:value"));
        let (name, value) =
            pair.split_once(':').filter(|(name, _)| !name.is_empty()).ok_or_else(form)?;
        constraints.push(Constraint {
            field: Field::from(name),
            operator: Operator::Is(value.to_owned()),
        });
    }
    if constraints.len() > MOST {
        let reason = format!("{} constraints, allowed are {MOST}", constraints.len());
        return Err(SettingsError::File { key: CONSTRAINTS.key(), reason });
    }
    Ok(constraints)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    #[test]
    fn more_constraints_than_any_cluster_needs_are_refused() {
        let refused = |key: &str, value: String| {
            let mut config = Configuration::default();
            config.set(key, value, Source::DynamicProperty);
            constraints(&config).err().map(|error| error.to_string())
        };
        assert_eq!(refused("mesos.constraints", "hostname:UNIQUE,".repeat(100)), None);
        assert!(
            refused("mesos.constraints", "hostname:UNIQUE,".repeat(101))
                .unwrap()
                .contains("101 constraints, allowed are 100")
        );
        for key in ["mesos.constraints", HARD_CONSTRAINTS.key()] {
            let error = refused(key, format!("a:{}", "b".repeat(MOST_BYTES))).unwrap();
            assert!(error.contains(key) && error.contains("allowed are 65536"), "{error}");
        }
    }

    #[test]
    fn a_secret_in_a_constraint_is_refused_without_being_shown() {
        for key in [CONSTRAINTS.key(), HARD_CONSTRAINTS.key()] {
            for value in ["password=hush", "a:password=hush", "a:LIKE:password=hush["] {
                let mut config = Configuration::default();
                config.set(key, value, Source::DynamicProperty);
                let error = constraints(&config).unwrap_err().to_string();
                assert!(error.starts_with(key) && !error.contains("hush"), "{error}");
            }
        }
        let mut config = Configuration::default();
        config.set(
            CONSTRAINTS.key(),
            "rack:UNIQUE,@region:IS:us,@zone:GROUP_BY",
            Source::DynamicProperty,
        );
        assert!(constraints(&config).is_ok());
    }

    #[test]
    fn upstreams_pairs_must_all_hold_in_addition_to_marathons_constraints() {
        let mut config = Configuration::default();
        config.set("mesos.constraints", "hostname:UNIQUE", Source::DynamicProperty);
        config.set(
            "mesos.constraints.hard.hostattribute",
            "az:eu, disk:ssd:2,",
            Source::DynamicProperty,
        );
        let shown: Vec<_> = constraints(&config).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["hostname:UNIQUE", "az:IS:eu", "disk:IS:ssd:2"]);
    }

    #[test]
    fn an_error_is_reported_once_with_key_and_value() {
        let error_of = |key: &str, value: &str| {
            let mut config = Configuration::default();
            config.set(key, value, Source::DynamicProperty);
            constraints(&config).unwrap_err().to_string()
        };
        let message = error_of("mesos.constraints", "rack:LIKE");
        assert!(
            message.starts_with("mesos.constraints: rack:LIKE: LIKE needs a regular expression"),
            "{message}"
        );
        let message = error_of("mesos.constraints", "hostname:UNIQUE,rack:LIKE");
        assert!(
            message.starts_with("mesos.constraints: rack:LIKE: LIKE needs"),
            "which of them: {message}"
        );
        let message = error_of("mesos.constraints", "[[\"rack\"");
        assert_eq!(message.matches("[[\"rack\"").count(), 1, "{message}");
        assert!(
            error_of("mesos.constraints.hard.hostattribute", ":eu").contains("attribute:value")
        );
    }
}
