//! Dynamic properties: `-Dkey=value`.

use super::{Configuration, ConfigurationError, Source};

impl Configuration {
    /// Sets `key=value` texts as they come after `-D`; the first `=` parts them, a key alone is `true`.
    pub fn apply_dynamic_properties(&mut self, arguments: &[String]) -> Result<(), ConfigurationError> {
        for argument in arguments {
            let (key, value) = argument.split_once('=').unwrap_or((argument, "true"));
            let key = key.trim();
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
        config.apply_dynamic_properties(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())?;
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
    fn a_property_without_a_key_is_refused_without_showing_its_value() {
        let error = apply(&["=hush"]).unwrap_err().to_string();
        assert!(error.contains("key=value") && !error.contains("hush"), "{error}");
    }
}
