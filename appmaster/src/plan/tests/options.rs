//! Errors in options, each with its place.

use flink::command::Application;

use super::*;

#[tokio::test]
async fn all_problems_are_in_one_list_each_with_its_place() {
    let installation = Installation::new("zk:/nonsense")
        .configured(
            "mesos.resourcemanager.tasks.gpus: many\nmesos.typo: 1\nmesos.initial-tasks: -1\n",
        )
        .with("security.kerberos.login.keytab=/no/keytab")
        .with("mesos.resourcemanager.tasks.uris=x")
        .with("mesos.constraints.hard.hostattribute=x")
        .with("mesos.executor.binary=/no/executor")
        .with("taskmanager.memory.process.size=1k");
    let report = installation.check().await;
    let text = report.to_string();
    let file = installation.path("flink/conf/config.yaml");
    for part in [
        format!(
            "error: mesos.resourcemanager.tasks.gpus: 'many' is not a whole number (from {file}:1)"
        ),
        format!("warning: mesos.typo: unknown option (from {file}:2)"),
        format!("(from {file}:3)"),
        "error: mesos.master: no port between 1 and 65535 in \"zk:/nonsense\"".to_owned(),
        "error: the TaskManager's memory: ".to_owned(),
        "error: mesos.resourcemanager.tasks.uris: x: is not absolute".to_owned(),
        "error: mesos.constraints.hard.hostattribute: x: ".to_owned(),
        "error: the JobManager's memory: ".to_owned(),
        "error: security.kerberos.login.keytab: ".to_owned(),
        "(from -D)".to_owned(),
    ] {
        assert!(text.contains(&part), "{part} is missing in {text}");
    }
    assert!(report.is_fatal());
    assert_eq!(text.matches("tasks.gpus").count(), 1, "reported twice: {text}");
}

#[tokio::test]
async fn a_broken_file_does_not_hide_a_broken_property() {
    let installation = Installation::new("127.0.0.1:1").configured("a: [1\nb: 2\n").with("=x");
    let errors = installation.errors().await;
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].contains("config.yaml:"), "{errors:#?}");
    assert!(errors[1].contains("has no key"), "{errors:#?}");
}

#[tokio::test]
async fn invalid_jvm_options_are_reported_once_with_their_place() {
    let installation = Installation::new("127.0.0.1:1").with("env.java.opts.all=-Da='b");
    let errors = installation.errors().await;
    let [error] = errors.as_slice() else { panic!("{errors:#?}") };
    assert!(
        error.starts_with("env.java.opts.all: ") && error.contains("a quote is not closed"),
        "{error}"
    );
    assert!(error.ends_with("(from -D)"), "{error}");
}

#[tokio::test]
async fn a_value_that_the_file_of_flink_1_18_cannot_hold_is_reported() {
    let installation = Installation::new("127.0.0.1:1").with("s3.secret-key=ab#c");
    fs_err::rename(
        installation.path("flink/lib/flink-dist-1.20.5.jar"),
        installation.path("flink/lib/flink-dist-1.18.1.jar"),
    )
    .unwrap();
    fs_err::rename(
        installation.path("flink/conf/config.yaml"),
        installation.path("flink/conf/flink-conf.yaml"),
    )
    .unwrap();
    let errors = installation.errors().await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("s3.secret-key cannot be written")),
        "{errors:#?}"
    );
    assert!(!errors[0].contains("ab#c"), "{errors:#?}");
}

#[tokio::test]
async fn every_mistake_in_the_list_of_files_for_the_sandboxes_is_reported() {
    let uris = ["/no/such", "/nor/this", "http://h/x", "ftp://h/x", "http://h/y#extract=maybe"];
    let installation = Installation::new("127.0.0.1:1")
        .with(&format!("mesos.resourcemanager.tasks.uris={}", uris.join(",")))
        .with("mesos.source.s3.bucket=b")
        .with("mesos.source.ftp.user=u");
    let errors = installation.errors().await;
    let key = "mesos.resourcemanager.tasks.uris: ";
    let parts = [
        [key, "ftp://h/x"],
        [key, "extract=maybe"],
        [key, "/no/such"],
        [key, "/nor/this"],
        ["mesos.source.s3.bucket: ", "allowed: endpoint"],
        ["mesos.source.ftp.user: ", "allowed: file"],
    ];
    assert_eq!(errors.len(), parts.len(), "{errors:#?}");
    for (error, [start, part]) in errors.iter().zip(parts) {
        assert!(error.starts_with(start) && error.contains(part), "{errors:#?}");
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_form_is_reported_once_whatever_reads_it() {
    for option in [
        "taskmanager.memory.process.size=many",
        "jobmanager.memory.process.size=many",
        "mesos.executor.log-format=xml",
        "jobmanager.rpc.port=many",
        "mesos.web.port=many",
        "env.java.opts.jobmanager=-Da='b",
    ] {
        let installation = Installation::new("127.0.0.1:1")
            .with("high-availability.type=zookeeper")
            .with("high-availability.zookeeper.quorum=127.0.0.1:1")
            .with(option);
        let errors = installation.errors().await;
        let key = option.split('=').next().unwrap();
        assert!(
            matches!(&errors[..], [one] if one.starts_with(&format!("{key}: ")) && one.ends_with("(from -D)")),
            "{errors:#?}"
        );
    }
}

#[tokio::test]
async fn an_external_job_manager_needs_an_address_and_no_memory_ports_and_logs_here() {
    let external = |more: &[&str]| {
        let common = Installation::new("127.0.0.1:1").with("mesos.jobmanager=external");
        more.iter().fold(common, |installation, option| installation.with(option))
    };
    let errors = external(&[]).errors().await;
    assert!(
        matches!(&errors[..], [one] if one.starts_with("jobmanager.rpc.address")),
        "{errors:#?}"
    );
    let fits = external(&[
        "jobmanager.rpc.address=10.1.2.3",
        "jobmanager.rpc.port=6123",
        "rest.port=8081",
        "jobmanager.memory.process.size=1k",
        "env.log.dir=/proc/logs",
        "web.upload.dir=/proc/jars",
    ]);
    let (inspection, lookup) = (fits.request(), fits.lookup());
    let plan = Inspection::of(inspection, lookup).await.unwrap().plan().unwrap();
    assert_eq!(plan.config.get("jobmanager.rpc.address"), Some("10.1.2.3"));
    assert!(plan.addresses.rest.is_none() && plan.addresses.host == "127.0.0.1");
}

#[tokio::test]
async fn a_job_on_a_cluster_of_its_own_has_no_external_job_manager() {
    let mut installation = Installation::new("127.0.0.1:1").with("mesos.jobmanager=external");
    installation.job = Some(Job::Application(Application::default()));
    let errors = installation.with("jobmanager.rpc.address=jm").errors().await;
    let refused = |error: &String| error.starts_with("mesos.jobmanager: external: a job");
    assert!(errors.iter().any(refused), "{errors:#?}");
}
