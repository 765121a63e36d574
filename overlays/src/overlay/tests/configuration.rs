//! The workers' environment and configuration.

use super::*;

#[test]
fn configured_variables_become_the_workers_environment() {
    let installation = Installation::new(&[])
        .set("containerized.taskmanager.env.LD_PRELOAD", "/lib/jemalloc.so")
        .set("containerized.taskmanager.env.GREETING", "a \"b\" $c; d=e");
    let spec = installation.collect().unwrap();
    let expected = [("LD_PRELOAD", "/lib/jemalloc.so"), ("GREETING", "a \"b\" $c; d=e")];
    assert_eq!(
        spec.environment[..2],
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let error = Installation::new(&[])
        .set("containerized.taskmanager.env.", "x")
        .collect()
        .unwrap_err()
        .to_string();
    assert!(error.contains("containerized.taskmanager.env."), "{error}");
}

#[test]
fn workers_get_the_configuration_without_what_is_between_master_and_mesos() {
    let installation = Installation::new(&[])
        .set("mesos.resourcemanager.framework.secret", "hush")
        .set("mesos.executor.running-when", "listening")
        .set("containerized.taskmanager.env.X", "y")
        .set("taskmanager.numberOfTaskSlots", "2");
    let spec = installation.collect().unwrap();
    let expected =
        [("mesos.executor.running-when", "listening"), ("taskmanager.numberOfTaskSlots", "2")];
    assert_eq!(spec.configuration.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn hosts_that_are_nobodys_choice_are_left_to_the_executor() {
    let shipped = || Source::File { path: "config.yaml".into(), line: None };
    for (key, value, source, is_kept) in [
        ("taskmanager.host", "localhost", shipped(), false),
        ("taskmanager.bind-host", "localhost", shipped(), false),
        ("taskmanager.host", "0.0.0.0", Source::DynamicProperty, false),
        ("taskmanager.bind-host", "0.0.0.0", Source::DynamicProperty, true),
        ("taskmanager.bind-host", "127.0.0.1", shipped(), true),
        ("taskmanager.bind-host", "localhost", Source::DynamicProperty, true),
    ] {
        let mut installation = Installation::new(&[]);
        installation.config.set(key, value, source);
        assert_eq!(
            installation.collect().unwrap().configuration.contains(key),
            is_kept,
            "{key}: {value}"
        );
    }
}

#[test]
fn the_same_installation_gives_the_same_specification() {
    let names: Vec<String> =
        (0..40).map(|i| format!("flink/lib/{:x}.jar", i * 7919 % 41)).collect();
    let installation = Installation::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        installation.collect().unwrap().artifacts,
        installation.collect().unwrap().artifacts
    );
    assert!(targets(&installation.collect().unwrap()).is_sorted());
}

#[test]
fn every_problem_is_told_not_only_the_first() {
    let master = Installation::new(&[])
        .set("security.kerberos.login.keytab", "/no/keytab")
        .set("security.ssl.internal.keystore", "/no/keystore")
        .set("security.ssl.truststore", "/no/truststore")
        .set("mesos.artifacts.../x", "/tmp")
        .set("mesos.secret-artifacts.key", "/no/key");
    let problems = master.collect().unwrap_err();
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected = [
        "login.keytab",
        "ssl.truststore",
        "internal.keystore",
        "mesos.artifacts.../x",
        "secret-artifacts.key",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    assert!(said.iter().zip(expected).all(|(said, part)| said.contains(part)), "{said:#?}");
    assert_eq!(problems.to_string(), said.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let installation = Installation::new(&["flink/lib/gone.jar"]);
    let spec = installation.collect().unwrap();
    assert_eq!(spec.unreadable().count(), 0);
    fs_err::remove_file(installation.path("flink/lib/gone.jar")).unwrap();
    let problems: Vec<_> = spec.unreadable().map(|problem| problem.to_string()).collect();
    assert!(matches!(&problems[..], [one] if one.contains("lib/gone.jar")), "{problems:?}");
}
