//! Each Flink line reads some options otherwise, and does not know others.

use super::super::{Problem, check};
use crate::config::{Configuration, Source};

fn problems(version: &str, key: &str, value: &str) -> Vec<Problem> {
    let mut config = Configuration::new();
    config.read_as(version.parse().unwrap());
    config.set(key, value, Source::DynamicProperty);
    check(&config)
}

/// One release of each line.
const RELEASES: [&str; 7] = ["1.18.1", "1.19.3", "1.20.5", "2.0.1", "2.1.1", "2.2.1", "2.3.0"];

#[test]
fn a_value_is_checked_as_the_type_that_the_flink_which_reads_it_has_for_the_option() {
    const START_UP: &str = "resourcemanager.standalone.start-up-time";
    const SESSION: &str = "high-availability.zookeeper.client.session-timeout";
    const BALANCE: &str = "taskmanager.load-balance.mode";
    // Which of the releases take the value.
    for (key, value, right) in [
        (START_UP, "5 min", 2..7),
        (START_UP, "300000", 0..7),
        (START_UP, "-1", 0..2),
        (START_UP, "21427200001", 0..0),
        ("heartbeat.timeout", "50 s", 2..7),
        ("resourcemanager.job.timeout", "10 min", 0..7),
        (SESSION, "60000", 0..7),
        (SESSION, "3000000000", 2..7),
        ("recovery.zookeeper.client.session-timeout", "4 s", 2..7),
        ("taskmanager.data.bind-port", "50100-50200", 1..7),
        // Flink 1.18 does not know it.
        (BALANCE, "slots", 0..7),
        (BALANCE, "MIN_RESOURCES", 4..7),
        (BALANCE, "TASKS", 5..7),
        ("taskmanager.network.compression.codec", "my.own.Codec", 0..2),
        ("jobmanager.scheduler", "ng", 0..3),
    ] {
        for (at, version) in RELEASES.iter().enumerate() {
            let is_unknown = key == BALANCE && at == 0;
            let found = problems(version, key, value);
            let is_refused = found.iter().any(|problem| problem.fatal);
            assert_eq!(
                is_refused,
                !right.contains(&at) && !is_unknown,
                "{version} {key}={value}: {found:?}"
            );
        }
    }
}

#[test]
fn the_message_names_the_form_that_this_flink_reads_and_the_line_from_which_on_the_value_is_right()
{
    let said =
        |version: &str, key: &str, value: &str| problems(version, key, value)[0].message.clone();
    assert_eq!(
        said("1.18.1", "heartbeat.timeout", "50 s"),
        "'50 s' is not a whole number of milliseconds; it is allowed from Flink 1.20 on"
    );
    assert_eq!(
        said("2.0.1", "taskmanager.load-balance.mode", "tasks"),
        "'tasks' is not one of NONE, SLOTS; it is allowed from Flink 2.2 on"
    );
    assert_eq!(
        said("1.18.1", "heartbeat.timeout", "soon"),
        "'soon' is not a whole number of milliseconds"
    );
}

#[test]
fn a_negative_number_that_meant_forever_before_flink_1_20_is_refused_since_then_with_what_to_do() {
    for version in ["1.20.5", "2.3.0"] {
        let found = problems(version, "resourcemanager.standalone.start-up-time", "-1");
        let is_said = found[0].fatal
            && found[0].message.ends_with("remove the option, or set a long duration");
        assert!(is_said, "{version}: {found:?}");
    }
}

#[test]
fn an_option_that_this_flink_does_not_know_is_worth_a_warning_whatever_its_value() {
    for (version, key, value, when) in [
        ("1.18.1", "taskmanager.load-balance.mode", "x", "exists from Flink 1.19 on"),
        ("2.0.1", "security.ssl.enabled", "true", "was removed in Flink 2.0"),
    ] {
        let [found] = <[Problem; 1]>::try_from(problems(version, key, value)).unwrap();
        let expected = format!("Flink {version} ignores this option: it {when}");
        assert_eq!((found.fatal, found.message), (false, expected), "{key}");
    }
    // Known in another line, or under this name as an old one.
    for (version, key, value) in [
        ("1.20.5", "security.ssl.enabled", "true"),
        ("2.0.1", "high-availability.zookeeper.path.jobgraphs", "/jobs"),
        ("1.18.1", "taskmanager.runtime.fs_timeout", "10"),
        ("1.18.1", "mesos.worker.launch-timeout", "1 min"),
    ] {
        assert_eq!(problems(version, key, value), [], "{version} {key}");
    }
}

#[test]
fn values_with_which_a_process_of_flink_ends_are_refused_with_key_and_value() {
    for (version, key, value) in [
        ("1.20.5", "blob.server.port", "50100-50000"),
        ("2.3.0", "blob.server.port", ""),
        ("2.3.0", "high-availability.jobmanager.port", "1-70000"),
        ("1.20.5", "taskmanager.data.bind-port", "50100-"),
        ("2.3.0", "metrics.internal.query-service.port", "99999"),
        ("1.20.5", "web.submit.enable", "yes"),
        ("1.20.5", "jobmanager.web.submit.enable", "yes"),
        ("1.18.1", "web.timeout", "10 min"),
        ("1.20.5", "cluster.evenly-spread-out-slots", "yes"),
        ("1.20.5", "classloader.resolve-order", "child"),
        ("1.18.1", "akka.ask.timeout", "ten"),
        ("2.3.0", "pekko.ask.timeout", "10 parsecs"),
        ("1.18.1", "akka.framesize", "lots"),
        ("1.20.5", "pekko.framesize", "10 mb"),
        ("2.3.0", "pekko.framesize", "31999b"),
        ("2.3.0", "jobmanager.execution.failover-strategy", "none"),
        ("1.18.1", "security.ssl.provider", "BoringSSL"),
    ] {
        let [found] = <[Problem; 1]>::try_from(problems(version, key, value))
            .unwrap_or_else(|found| panic!("{version} {key}={value}: {found:?}"));
        let is_named = found.to_string().starts_with(&format!("{key}: '{value}' is not "));
        assert!(found.fatal && is_named, "{version} {key}={value}: {found}");
    }
}
