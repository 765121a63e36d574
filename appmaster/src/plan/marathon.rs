//! The host and the ports that Marathon gives an app, where options name its variables, such as
//! `rest.port: $PORT1`. In the `cmd` of an app, a shell replaces them; in its `args` and in a
//! configuration file, nobody else does.

use flink::{
    config::{Configuration, Source},
    options::{
        flink::{
            BLOB_SERVER_PORT, HIGH_AVAILABILITY_JOBMANAGER_PORT, JOBMANAGER_RPC_ADDRESS,
            JOBMANAGER_RPC_BIND_PORT, JOBMANAGER_RPC_PORT, METRICS_INTERNAL_QUERY_SERVICE_PORT,
            REST_ADDRESS, REST_BIND_PORT, REST_PORT,
        },
        mesos::{
            ARTIFACT_SERVER_ADDRESS, ARTIFACT_SERVER_BIND_PORT, ARTIFACT_SERVER_EXECUTOR_PORT,
            ARTIFACT_SERVER_PORT, WEB_ADDRESS, WEB_BIND_PORT, WEB_PORT,
        },
    },
};

use crate::report::Report;

/// Options whose value may be one of the variables.
const OPTIONS: [&str; 16] = [
    JOBMANAGER_RPC_ADDRESS.key(),
    JOBMANAGER_RPC_PORT.key(),
    JOBMANAGER_RPC_BIND_PORT.key(),
    HIGH_AVAILABILITY_JOBMANAGER_PORT.key(),
    REST_ADDRESS.key(),
    REST_PORT.key(),
    REST_BIND_PORT.key(),
    BLOB_SERVER_PORT.key(),
    METRICS_INTERNAL_QUERY_SERVICE_PORT.key(),
    ARTIFACT_SERVER_ADDRESS.key(),
    ARTIFACT_SERVER_PORT.key(),
    ARTIFACT_SERVER_BIND_PORT.key(),
    ARTIFACT_SERVER_EXECUTOR_PORT.key(),
    WEB_ADDRESS.key(),
    WEB_PORT.key(),
    WEB_BIND_PORT.key(),
];

/// Replaces the variables with what Marathon has set them to.
pub(super) fn apply(
    config: &mut Configuration,
    environment: &[(String, String)],
    report: &mut Report,
) {
    for key in OPTIONS {
        let Some(name) = config.get(key).and_then(variable).map(str::to_owned) else { continue };
        if let Some((_, value)) = environment.iter().find(|(known, _)| *known == name) {
            config.set(key, value.clone(), Source::Environment(name));
        } else {
            let origin = config.source(key).unwrap_or(&Source::Default);
            report.error(format!(
                    "{key}: ${name}: the variable {name} is not set (from {origin}): Marathon sets HOST, PORT0, PORT1 … in the \
                     order of `portDefinitions`, and PORT_NAME for a port with a name"
                ));
        }
    }
}

/// The variable of Marathon that a value stands for: `$PORT0`, `${PORT_REST}`, `$HOST`.
fn variable(value: &str) -> Option<&str> {
    let name = value.trim().strip_prefix('$')?;
    let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    let name = inner.unwrap_or(name);
    let is_port = |rest: &str| {
        rest.bytes().all(|byte| byte.is_ascii_digit())
            || rest.strip_prefix('_').is_some_and(|port| {
                !port.is_empty()
                    && port.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            })
    };
    (name == "HOST" || name.strip_prefix("PORT").is_some_and(is_port)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(options: &[(&str, &str)], environment: &[(&str, &str)]) -> (Configuration, Report) {
        let mut config = Configuration::new();
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut report = Report::default();
        apply(&mut config, &environment.collect::<Vec<_>>(), &mut report);
        (config, report)
    }

    #[test]
    fn every_address_and_port_can_be_what_marathon_gives() {
        let environment = [("HOST", "agent-1"), ("PORT0", "31000"), ("PORT_REST", "31001")];
        for key in OPTIONS {
            for (value, expected) in [
                ("$PORT0", "31000"),
                ("${PORT0}", "31000"),
                ("$PORT_REST", "31001"),
                (" $HOST ", "agent-1"),
            ] {
                let (config, report) = applied(&[(key, value)], &environment);
                assert_eq!(config.get(key), Some(expected), "{key}: {value}: {report}");
            }
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named_with_its_option() {
        let (config, report) = applied(&[("rest.port", "$PORT1")], &[("PORT0", "31000")]);
        let error = report.failure().to_string();
        assert!(error.starts_with("rest.port: $PORT1: the variable PORT1 is not set"), "{error}");
        assert!(error.contains("-D"), "{error}");
        assert_eq!(config.get("rest.port"), Some("$PORT1"));
    }

    #[test]
    fn other_variables_and_other_options_stay_as_they_are() {
        let environment = [("HOME", "/root"), ("PORT0", "31000"), ("PORTER", "1")];
        for (key, value) in [
            ("jobmanager.rpc.address", "$HOME"),
            ("rest.port", "$PORTER"),
            ("rest.port", "$PORT_"),
            ("rest.port", "8081"),
            ("rest.port", "PORT0"),
            ("env.java.opts.all", "$PORT0"),
        ] {
            let (config, report) = applied(&[(key, value)], &environment);
            assert_eq!(
                (config.get(key), report.is_fatal()),
                (Some(value), false),
                "{key}: {value}"
            );
        }
    }
}
