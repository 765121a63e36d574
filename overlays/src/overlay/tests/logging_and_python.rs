//! The workers' own logging, and Python.

use super::*;

#[test]
fn workers_may_log_by_a_file_of_their_own() {
    let installation = Installation::new(&[
        "flink/conf/log4j-console.properties",
        "flink/conf/log4j.properties",
        "ours/quiet.properties",
        "ours/logback.xml",
    ]);
    let (log4j, logback) =
        (installation.path("ours/quiet.properties"), installation.path("ours/logback.xml"));
    let installation = installation
        .set("mesos.worker.log4j", log4j.to_str().unwrap())
        .set("mesos.worker.logback", logback.to_str().unwrap());
    let spec = installation.collect().unwrap();
    let sources: Vec<_> =
        spec.artifacts.iter().map(|file| (file.target.as_str(), file.source.clone())).collect();
    assert_eq!(
        sources[1..4],
        [
            ("conf/log4j-console.properties", log4j),
            ("conf/log4j.properties", installation.path("flink/conf/log4j.properties")),
            ("conf/logback-console.xml", logback),
        ]
    );
    assert!(spec.configuration.get("mesos.worker.log4j").is_none());
    let missing = Installation::new(&[]).set("mesos.worker.log4j", "/no/such.properties");
    assert!(missing.collect().unwrap_err().to_string().contains("mesos.worker.log4j"));
}

#[test]
fn a_logging_file_of_the_workers_own_is_limited_and_secret_if_it_holds_a_secret() {
    let installation =
        Installation::new(&["flink/conf/log4j-console.properties", "ours/own.properties"]);
    let own = installation.path("ours/own.properties");
    let installation = installation.set("mesos.worker.log4j", own.to_str().unwrap());
    fs_err::write(&own, "appender.mail.smtpPassword = hush").unwrap();
    let spec = installation.collect().unwrap();
    let file = spec.artifacts.iter().find(|file| file.source == own).unwrap();
    assert!(file.secret && file.target == "conf/log4j-console.properties");
    fs_err::OpenOptions::new().write(true).open(&own).unwrap().set_len((4 << 20) + 1).unwrap();
    assert!(installation.collect().unwrap_err().to_string().contains("too large: more than 4 MB"));
}

#[test]
fn a_python_environment_is_shipped_and_first_in_the_path() {
    let installation = Installation::new(&["env/bin/python", "env/lib/python3.11/os.py"]);
    let folder = installation.path("env");
    let installation = installation.set("mesos.python.environment", folder.to_str().unwrap());
    let spec = installation.collect().unwrap();
    assert_eq!(targets(&spec)[2..], ["python/bin/python", "python/lib/python3.11/os.py"]);
    let path = ("PATH".to_owned(), "_SANDBOX_/flink/python/bin:_AGENTS_PATH_".to_owned());
    assert!(spec.environment.contains(&path), "{:?}", spec.environment);

    let spec =
        installation.set("containerized.taskmanager.env.PATH", "/opt/bin").collect().unwrap();
    let paths: Vec<_> = spec.environment.iter().filter(|(name, _)| name == "PATH").collect();
    assert_eq!(paths, [&("PATH".to_owned(), "_SANDBOX_/flink/python/bin:/opt/bin".to_owned())]);
}

#[test]
fn a_folder_without_python_is_no_python_environment() {
    let installation = Installation::new(&["env/bin/perl"]);
    let folder = installation.path("env");
    let error = installation
        .set("mesos.python.environment", folder.to_str().unwrap())
        .collect()
        .unwrap_err();
    assert!(error.to_string().starts_with("mesos.python.environment: "), "{error}");
}
