//! Where Flink's processes use TLS: the options that say so, as this Flink reads them.

use crate::config::{Configuration, ConfigurationError};
use crate::options::ConfigOption;
use crate::options::flink::{
    PEKKO_SSL_ENABLED, SECURITY_SSL_ENABLED, SECURITY_SSL_INTERNAL_ENABLED,
    SECURITY_SSL_REST_ENABLED,
};

/// Between Flink's own processes.
pub fn internal(config: &Configuration) -> Result<bool, ConfigurationError> {
    is_on(config, &SECURITY_SSL_INTERNAL_ENABLED)
}

/// For RPC between them, which has a switch of its own.
pub fn rpc(config: &Configuration) -> Result<bool, ConfigurationError> {
    Ok(internal(config)? && config.read(&PEKKO_SSL_ENABLED)?)
}

/// At the JobManager's REST API.
pub fn rest(config: &Configuration) -> Result<bool, ConfigurationError> {
    is_on(config, &SECURITY_SSL_REST_ENABLED)
}

/// What this option says. Before Flink 2.0, one older option stands for all that are not set.
fn is_on(
    config: &Configuration,
    option: &ConfigOption<Option<bool>>,
) -> Result<bool, ConfigurationError> {
    if let Some(configured) = config.read(option)? {
        return Ok(configured);
    }
    let older = SECURITY_SSL_ENABLED.declaration();
    let is_read = config.version().is_some_and(|version| older.exists_in(&version));
    Ok(is_read && config.read(&SECURITY_SSL_ENABLED)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn configuration(version: &str, options: &[(&str, &str)]) -> Configuration {
        let mut config = Configuration::new();
        config.read_as(version.parse().unwrap());
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        config
    }

    #[test]
    fn before_flink_2_one_option_turns_on_tls_everywhere_where_no_newer_option_says_otherwise() {
        let everywhere = (SECURITY_SSL_ENABLED.key(), "true");
        let internal_off = (SECURITY_SSL_INTERNAL_ENABLED.key(), "false");
        let rest_off = (SECURITY_SSL_REST_ENABLED.key(), "false");
        for (version, options, expected) in [
            ("1.18.1", &[everywhere][..], (true, true, true)),
            ("1.20.5", &[everywhere], (true, true, true)),
            ("2.0.0", &[everywhere], (false, false, false)),
            ("1.20.5", &[everywhere, internal_off], (false, false, true)),
            ("1.20.5", &[everywhere, rest_off], (true, true, false)),
            ("1.20.5", &[everywhere, (PEKKO_SSL_ENABLED.key(), "false")], (true, false, true)),
            ("2.3.0", &[(SECURITY_SSL_INTERNAL_ENABLED.key(), "true")], (true, true, false)),
            ("2.3.0", &[], (false, false, false)),
        ] {
            let config = configuration(version, options);
            let found = (internal(&config), rpc(&config), rest(&config));
            let found = (found.0.unwrap(), found.1.unwrap(), found.2.unwrap());
            assert_eq!(found, expected, "{version}: {options:?}");
        }
    }
}
