//! Dynamic properties: `-Dkey=value`.

use super::{Configuration, ConfigurationError, Source};
use crate::options;

impl Configuration {
    /// Sets `key=value` texts as they come after `-D`; the first `=` parts them. A key alone is
    /// `true`, unless it is known to take something else.
    pub fn apply_dynamic_properties(
        &mut self,
        arguments: &[String],
    ) -> Result<(), ConfigurationError> {
        for argument in arguments {
            let (key, value) = argument.split_once('=').unwrap_or((argument, "true"));
            let key = key.trim();
            let takes_more =
                options::find(key).is_some_and(|option| option.kind != options::Kind::Boolean);
            if takes_more && !argument.contains('=') {
                return Err(ConfigurationError::NoValue { key: key.to_owned() });
            }
            if key.is_empty() {
                return Err(ConfigurationError::Argument { argument: "=…".to_owned() });
            }
            self.set(key, value, Source::DynamicProperty);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn apply(arguments: &[&str]) -> Result<Configuration, ConfigurationError> {
        let mut config = Configuration::new();
        config.apply_dynamic_properties(
            &arguments.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )?;
        Ok(config)
    }

    #[test]
    fn the_first_equals_sign_parts_key_and_value() {
        let config = apply(&["env.java.opts.all=-Da=b -Dc=d", "empty="]).unwrap();
        assert_eq!(config.get("env.java.opts.all"), Some("-Da=b -Dc=d"));
        assert_eq!(config.get("empty"), Some(""));
    }

    #[test]
    fn a_key_alone_is_true() {
        assert_eq!(apply(&["web.submit.enable"]).unwrap().get("web.submit.enable"), Some("true"));
    }

    #[test]
    fn an_option_that_is_no_switch_needs_a_value() {
        for key in ["mesos.master", "rest.port", "mesos.workers"] {
            let error = apply(&[key]).unwrap_err().to_string();
            assert_eq!(error, format!("-D{key} has no value: give -D{key}=VALUE"));
        }
        assert_eq!(apply(&["mesos.flink.opt"]).unwrap().get("mesos.flink.opt"), Some("true"));
    }

    #[test]
    fn a_property_without_a_key_is_refused_without_showing_its_value() {
        let error = apply(&["=hush"]).unwrap_err().to_string();
        assert!(error.contains("key=value") && !error.contains("hush"), "{error}");
    }
}
