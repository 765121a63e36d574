//! What an executor reads from its environment.

use crate::fakes::executor;
use std::{path::PathBuf, time::Duration};

use mesos::executor::{EnvironmentError, ExecutorEnvironment};

const AGENT: &str = "10.0.0.1:5051";

fn with(name: &'static str, value: &'static str) -> Result<ExecutorEnvironment, EnvironmentError> {
    let more = move |asked: &str| (asked == name).then(|| value.to_owned());
    ExecutorEnvironment::from_variables(|asked| executor::variable(AGENT, asked, more))
}

#[test]
fn the_environment_of_a_mesos_1_11_agent_is_understood() {
    let environment = executor::environment(AGENT, |_| None);
    assert_eq!(environment.framework_id.value, "framework-1");
    assert_eq!(environment.executor_id.value, "executor-1");
    assert_eq!(environment.agent_id, Some("agent-1".into()));
    assert_eq!(environment.agent_endpoint, AGENT);
    assert_eq!(environment.path_prefix, "/slave(1)");
    assert_eq!(environment.sandbox, PathBuf::from("/sandbox"));
    assert!(environment.checkpoint);
    assert_eq!(environment.recovery_timeout, Duration::from_secs(900));
    assert_eq!(environment.subscription_backoff_max, Duration::from_secs(2));
    assert_eq!(environment.shutdown_grace_period, Duration::from_secs(5));
    assert_eq!((environment.token, environment.domain_socket), (None, None));
    assert!(!environment.https && !environment.verify_certificate);
}

#[test]
fn what_an_agent_sets_only_with_checkpointing_has_mesoss_own_defaults_without() {
    let only_the_ids = |name: &str| match name {
        "MESOS_FRAMEWORK_ID" | "MESOS_EXECUTOR_ID" | "MESOS_SLAVE_PID" | "MESOS_DIRECTORY" => {
            executor::variable(AGENT, name, |_| None)
        }
        _ => None,
    };
    let environment = ExecutorEnvironment::from_variables(only_the_ids).unwrap();
    assert!(!environment.checkpoint);
    assert_eq!(environment.agent_endpoint, AGENT);
    assert_eq!(environment.recovery_timeout, Duration::from_secs(900));
    assert_eq!(environment.subscription_backoff_max, Duration::from_secs(2));
    assert_eq!(environment.shutdown_grace_period, Duration::from_secs(5));
}

#[test]
fn tls_is_on_for_either_variable_and_either_way_to_say_yes() {
    for (name, value) in [("MESOS_SSL_ENABLED", "1"), ("LIBPROCESS_SSL_ENABLED", "true")] {
        assert!(with(name, value).unwrap().https, "{name}");
    }
    for value in ["0", "false", ""] {
        assert!(!with("LIBPROCESS_SSL_ENABLED", value).unwrap().https, "{value:?}");
    }
}

#[test]
fn a_token_is_read_and_not_in_debug_output() {
    let environment = with("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "hidden").unwrap();
    assert_eq!(environment.token.as_ref().unwrap().reveal(), "hidden");
    assert!(!format!("{environment:?}").contains("hidden"));
}

#[test]
fn a_missing_variable_is_named() {
    for name in ["MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID", "MESOS_SLAVE_PID"] {
        assert_eq!(with(name, "").unwrap_err(), EnvironmentError::Missing(name));
    }
    assert!(ExecutorEnvironment::from_variables(|_| None).is_err());
}

#[test]
fn a_malformed_variable_is_named_with_its_value() {
    for (name, value) in [
        ("MESOS_SLAVE_PID", "nonsense"),
        ("MESOS_AGENT_ENDPOINT", "10.0.0.1:x"),
        ("MESOS_RECOVERY_TIMEOUT", "soon"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2 secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5"),
    ] {
        let error = with(name, value).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
}
