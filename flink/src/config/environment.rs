//! Configuration out of environment variables: `FLINK_PROPERTIES` as Flink's Docker images have it,
//! and one variable for each key, `FLINK_CONF_<key>`.

use super::{Configuration, ConfigurationError, Source, flat};

const PROPERTIES: &str = "FLINK_PROPERTIES";
const PREFIX: &str = "FLINK_CONF_";
/// Begins like the others, but names the folder of the configuration.
const DIRECTORY: &str = "FLINK_CONF_DIR";

impl Configuration {
    /// Sets what the environment says: the lines `key: value` of `FLINK_PROPERTIES`, then every
    /// `FLINK_CONF_<key>`, where `__` stands for a dot and `___` for a hyphen. The order of
    /// `variables` does not matter.
    pub fn apply_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigurationError> {
        let mut keys = Vec::new();
        for (name, value) in variables {
            if name == PROPERTIES {
                self.apply_properties(&value)?;
            } else if let Some(key) = key_of(&name) {
                keys.push((key, name, value));
            }
        }
        keys.sort();
        for (key, name, value) in keys {
            self.set(key, value, Source::Environment(name));
        }
        Ok(())
    }

    /// Sets `keys` where the environment that `lookup` reads has a `FLINK_CONF_<key>` for them.
    pub fn apply_environment_for(
        &mut self,
        keys: &[&str],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) {
        for key in keys {
            let name = variable_of(key);
            if let Some(value) = lookup(&name) {
                self.set(*key, value, Source::Environment(name));
            }
        }
    }

    fn apply_properties(&mut self, text: &str) -> Result<(), ConfigurationError> {
        for line in flat::read(text) {
            let line =
                line.map_err(|skipped| ConfigurationError::Property { line: skipped.number })?;
            self.set(line.key, line.value, Source::Environment(PROPERTIES.to_owned()));
        }
        Ok(())
    }
}

/// `FLINK_CONF_high___availability__type` is `high-availability.type`.
fn key_of(variable: &str) -> Option<String> {
    let name =
        variable.strip_prefix(PREFIX).filter(|name| !name.is_empty() && variable != DIRECTORY)?;
    Some(name.replace("___", "-").replace("__", "."))
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('-', "___").replace('.', "__"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn apply(variables: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        let mut config = Configuration::new();
        config.apply_environment(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )?;
        Ok(config)
    }

    #[test]
    fn a_variable_names_a_key_and_goes_before_the_properties() {
        let config = apply(&[
            ("FLINK_CONF_high___availability__type", "zookeeper"),
            ("FLINK_CONF_taskmanager__numberOfTaskSlots", "4"),
            (
                "FLINK_PROPERTIES",
                "taskmanager.numberOfTaskSlots: 2\n\n# comment\nrest.port: 9090\n",
            ),
            ("FLINK_CONF_DIR", "/etc/flink"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        let expected = [
            ("taskmanager.numberOfTaskSlots", "4"),
            ("rest.port", "9090"),
            ("high-availability.type", "zookeeper"),
        ];
        assert_eq!(config.iter().collect::<Vec<_>>(), expected);
        let source = Source::Environment("FLINK_CONF_taskmanager__numberOfTaskSlots".to_owned());
        assert_eq!(config.source("taskmanager.numberOfTaskSlots"), Some(&source));
    }

    #[test]
    fn a_property_that_is_none_is_refused_by_its_line() {
        let error = apply(&[("FLINK_PROPERTIES", "a: b\nnothing\n")]).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("key: value"), "{error}");
    }

    #[test]
    fn only_the_asked_keys_are_taken_from_a_lookup() {
        let mut config = Configuration::new();
        config.apply_environment_for(
            &["io.tmp.dirs", "env.java.default-opts.taskmanager"],
            &|name| {
                (name == "FLINK_CONF_env__java__default___opts__taskmanager")
                    .then(|| "-Dx=y".to_owned())
            },
        );
        assert_eq!(
            config.iter().collect::<Vec<_>>(),
            [("env.java.default-opts.taskmanager", "-Dx=y")]
        );
    }
}
