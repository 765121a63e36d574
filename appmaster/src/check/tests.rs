#![allow(clippy::unwrap_used)]
mod application;

use mesos_local::{LocalCluster, LocalOptions};
use scheduler::{
    core::state::{Change, Registration},
    store::{FileStore, Store},
};
use tempfile::TempDir;

use super::*;

/// A valid installation with empty files, which each test breaks in its own way.
struct Installation {
    folder: TempDir,
    dynamic: Vec<String>,
    job: Option<Application>,
    jars: Vec<String>,
}

impl Installation {
    fn new(master: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("flink/bin/config.sh", ""),
            ("flink/lib/flink-dist-1.20.5.jar", ""),
            ("flink/conf/log4j-console.properties", ""),
            ("flink/conf/config.yaml", "jobmanager.memory.process.size: 1600m\n"),
            ("flink-mesos-executor", ""),
            ("jdk/bin/java", ""),
            ("jdk/release", "JAVA_VERSION=\"17.0.15\"\n"),
        ];
        for (name, content) in files {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        let this = Self { folder, dynamic: Vec::new(), job: None, jars: Vec::new() };
        let executor = format!("mesos.executor.binary={}", this.path("flink-mesos-executor"));
        this.with(&format!("mesos.master={master}"))
            .with("taskmanager.memory.process.size=1g")
            .with("jobmanager.rpc.port=0")
            .with("rest.port=0")
            .with(&executor)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn with(mut self, property: &str) -> Self {
        self.dynamic.push(property.to_owned());
        self
    }

    fn configured(self, text: &str) -> Self {
        fs_err::write(self.path("flink/conf/config.yaml"), text).unwrap();
        self
    }

    async fn check(&self, offline: bool) -> Report {
        let java_home = self.path("jdk");
        let lookup = move |name: &str| (name == "JAVA_HOME").then(|| java_home.clone());
        let request = Request {
            flink_home: Some(self.path("flink").into()),
            dynamic: self.dynamic.clone(),
            jars: self.jars.clone(),
            ..Request::default()
        };
        check(Subject { request, job: self.job.clone(), offline, local: false }, Arc::new(lookup))
            .await
            .unwrap()
    }

    /// The texts of all errors.
    async fn errors(&self, offline: bool) -> Vec<String> {
        let findings = self.check(offline).await.findings;
        findings.into_iter().filter(|finding| finding.fatal).map(|finding| finding.text).collect()
    }
}

#[tokio::test]
async fn a_valid_installation_has_no_findings_and_lists_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = LocalOptions { work_dir: folder.path().to_owned(), ..LocalOptions::default() };
    let cluster = LocalCluster::start(options).await.unwrap();
    let report = Installation::new(&cluster.master()).check(false).await;
    cluster.shutdown().await;
    assert_eq!(report.findings, []);
    let text = report.to_string();
    for part in [
        "Flink 1.20.5",
        "Java 17",
        "TaskManagers: 1",
        "3 files (0 MB) will be shipped to each worker, none secret",
        "answers",
        "0 errors, 0 warnings: this configuration can be started",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn secrets_for_workers_are_counted() {
    let installation = Installation::new("127.0.0.1:1").with("s3.secret-key=x");
    let text = installation.check(true).await.to_string();
    assert!(
        text.contains("4 files (0 MB) will be shipped to each worker, 1 of them secret"),
        "{text}"
    );
}

#[tokio::test]
async fn secrets_that_no_worker_could_fetch_are_an_error_at_the_start_and_name_the_options() {
    let with = |more: &[&str]| {
        let installation = Installation::new("127.0.0.1:1")
            .with("s3.secret-key=hush")
            .with("my.url=http://u:hush@h");
        more.iter().fold(installation, |installation, property| installation.with(property))
    };
    let far = "jobmanager.rpc.address=192.0.2.1";
    let errors = with(&[far]).errors(true).await;
    let [error] = errors.as_slice() else { panic!("{errors:#?}") };
    let expected = "workers need secrets (s3.secret-key, my.url), but the artifact server sends none to 192.0.2.1 without TLS";
    assert!(
        error.starts_with(expected) && error.contains("artifactserver.plain-secrets"),
        "{error}"
    );
    for fine in [&[][..], &[far, "mesos.resourcemanager.artifactserver.plain-secrets=true"]] {
        assert_eq!(with(fine).errors(true).await, Vec::<String>::new());
    }
    assert_eq!(
        Installation::new("127.0.0.1:1").with(far).errors(true).await,
        Vec::<String>::new(),
        "without secrets"
    );
}

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
    let report = installation.check(true).await;
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
async fn an_error_shows_neither_user_nor_query_nor_password_of_a_value_but_its_hint() {
    for setting in [
        "mesos.master=user:hush@h:5050",
        "mesos.master=h/x?sig=hush",
        "mesos.master=zk://user:hush hush@h",
        r#"mesos.master={"password":"hush"}"#,
        "mesos.resourcemanager.tasks.uris=user:hush@h/x",
        "mesos.resourcemanager.tasks.uris=hush@h/x",
        "mesos.resourcemanager.tasks.uris=h/x?sig=hush",
        "mesos.control.bind-address=user:hush@h",
        "mesos.resourcemanager.artifactserver.bind-address=h?sig=hush",
        "mesos.resourcemanager.artifactserver.address=user:hush@h",
        "rest.address=user:hush@h",
        "rest.address=hush@h",
        "rest.bind-address=h?sig=hush",
        "rest.port=user:hush@1",
    ] {
        let errors = Installation::new("127.0.0.1:1").with(setting).errors(true).await.join("\n");
        assert!(!errors.is_empty() && !errors.contains("hush"), "{setting}: {errors}");
        let hint = "allowed are host:port, host1:port1,host2:port2, zk://host1:port1,host2:port2/path (with a user";
        assert!(errors.contains(hint) || !setting.starts_with("mesos.master"), "{errors}");
    }
}

#[tokio::test]
async fn a_secret_that_mesos_would_show_to_everybody_is_an_error_with_its_place() {
    let installation = Installation::new("127.0.0.1:1")
        .with("mesos.resourcemanager.framework.name=Flink password=hush")
        .with("mesos.resourcemanager.tasks.labels=team:blue,db.password:hush");
    let errors = installation.errors(true).await;
    let parts = [
        "mesos.resourcemanager.framework.name: Mesos shows",
        "mesos.resourcemanager.tasks.labels: Mesos shows",
    ];
    assert!(
        errors.len() == 2 && errors.iter().zip(parts).all(|(error, part)| error.starts_with(part)),
        "{errors:#?}"
    );
    assert!(
        errors.iter().all(|error| error.ends_with("(from -D)") && !error.contains("hush")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn a_broken_file_does_not_hide_a_broken_property() {
    let installation = Installation::new("127.0.0.1:1").configured("a: [1\nb: 2\n").with("=x");
    let errors = installation.errors(true).await;
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].contains("config.yaml:"), "{errors:#?}");
    assert!(errors[1].contains("has no key"), "{errors:#?}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_its_key() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let installation = Installation::new("127.0.0.1:1").with(&format!("rest.port={port}"));
    let errors = installation.errors(true).await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("rest.port: ")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn the_control_port_in_use_is_reported_too() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let installation = Installation::new("127.0.0.1:1").with(&format!("mesos.control.port={port}"));
    let errors = installation.errors(true).await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("mesos.control.port: ")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn a_port_that_two_options_use_is_reported() {
    let free =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let installation = Installation::new("127.0.0.1:1")
        .with(&format!("rest.port={free}"))
        .with(&format!("mesos.resourcemanager.artifactserver.port={free}"));
    let expected = format!(
        "mesos.resourcemanager.artifactserver.port: {free}: rest.port uses this port too (from -D)"
    );
    assert_eq!(installation.errors(true).await, [expected]);
}

#[tokio::test]
async fn a_mesos_or_zookeeper_that_does_not_answer_is_an_error_unless_offline() {
    let installation = Installation::new("127.0.0.1:1")
        .with("high-availability.type=zookeeper")
        .with("high-availability.zookeeper.quorum=127.0.0.1:1");
    assert_eq!(installation.errors(true).await, Vec::<String>::new());
    let errors = installation.errors(false).await;
    let parts =
        ["mesos.master: 127.0.0.1:1 cannot be reached", "high-availability.zookeeper.quorum: "];
    assert!(
        errors.len() == 2 && errors.iter().zip(parts).all(|(e, part)| e.starts_with(part)),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn invalid_jvm_options_are_reported_once_with_their_place() {
    let installation = Installation::new("127.0.0.1:1").with("env.java.opts.all=-Da='b");
    let errors = installation.errors(true).await;
    let [error] = errors.as_slice() else { panic!("{errors:#?}") };
    assert!(
        error.starts_with("env.java.opts.all: ") && error.contains("a quote is not closed"),
        "{error}"
    );
    assert!(error.ends_with("(from -D)"), "{error}");
}

#[tokio::test]
async fn folders_that_cannot_be_written_to_are_reported() {
    let installation = Installation::new("127.0.0.1:1");
    let file = installation.path("flink/conf/config.yaml");
    let installation = installation
        .with(&format!("env.log.dir={file}/log"))
        .with(&format!("mesos.state.dir={file}/state"));
    let errors = installation.errors(true).await;
    let expected = [
        format!("FLINK_LOG_DIR, env.log.dir: logs cannot be written: {file} is not a folder"),
        format!("mesos.state.dir: the state cannot be written: {file} is not a folder"),
    ];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn changed_options_of_a_registered_framework_are_reported() {
    let installation = Installation::new("127.0.0.1:1");
    let folder = installation.path("state");
    let (store, _) = FileStore::open(folder.as_ref()).await.unwrap();
    let registration =
        Registration { user: Some("alice".to_owned()), principal: Some("flink".to_owned()) };
    let changes = vec![Change::Framework(Some("F".to_owned())), Change::Registration(registration)];
    scheduler::store::write(Store::File(Box::new(store)), changes).await;
    let installation = installation.with(&format!("mesos.state.dir={folder}"));
    let errors = installation.errors(true).await;
    let option = "mesos.resourcemanager.framework.principal";
    assert!(
        matches!(&errors[..], [error] if error.starts_with(&format!("{option}: it is not set now, but was flink"))),
        "{errors:#?}"
    );
    let report = installation.with(&format!("{option}=flink")).check(true).await;
    assert!(!report.is_fatal(), "{report}");
    let user = "mesos.resourcemanager.framework.user: it is not set now, but was alice";
    assert!(report.warnings().iter().any(|warning| warning.starts_with(user)), "{report}");
}

#[tokio::test]
async fn a_plugin_without_a_jar_is_named() {
    let installation = Installation::new("127.0.0.1:1");
    for folder in ["flink/plugins/empty", "flink/plugins/s3"] {
        fs_err::create_dir_all(installation.path(folder)).unwrap();
    }
    fs_err::write(installation.path("flink/plugins/s3/s3.jar"), "").unwrap();
    fs_err::write(installation.path("flink/plugins/README.txt"), "").unwrap();
    let errors = installation.errors(true).await;
    let folder = installation.path("flink/plugins/empty");
    assert!(matches!(errors.as_slice(), [error] if error.starts_with(&folder)), "{errors:#?}");
}

#[tokio::test]
async fn a_java_version_that_was_never_tested_gives_a_warning() {
    for (version, warnings) in [("25.0.3", 0), ("26", 1)] {
        let installation = Installation::new("127.0.0.1:1");
        fs_err::write(installation.path("jdk/release"), format!("JAVA_VERSION=\"{version}\"\n"))
            .unwrap();
        let report = installation.check(true).await;
        assert_eq!((report.is_fatal(), report.warnings().len()), (false, warnings), "{report}");
    }
}

#[tokio::test]
async fn temporary_folders_that_the_job_manager_cannot_use_are_reported() {
    let installation = Installation::new("127.0.0.1:1").with("io.tmp.dirs=/not/there/a");
    let error = "io.tmp.dirs: the JobManager cannot use it on this machine: /not/there/a is not a folder (from -D)";
    assert_eq!(installation.errors(true).await, [error]);
    let there = installation.path("flink");
    let installation = Installation::new("127.0.0.1:1")
        .with(&format!("io.tmp.dirs={there},{there}/not/there/yet"));
    assert_eq!(installation.errors(true).await, Vec::<String>::new());
}

#[tokio::test]
async fn folders_that_the_job_manager_cannot_create_are_reported_to_root_too() {
    for key in ["blob.storage.directory", "web.upload.dir", "web.tmpdir", "process.working-dir"] {
        let installation = Installation::new("127.0.0.1:1");
        let file = installation.path("flink/conf/config.yaml");
        let error = format!(
            "{key}: the JobManager cannot use it on this machine: {file} is not a folder (from -D)"
        );
        let installation = installation.with(&format!("{key}={file}/below"));
        assert_eq!(installation.errors(true).await, [error]);
        for folder in ["/proc", "/sys"] {
            let installation =
                Installation::new("127.0.0.1:1").with(&format!("{key}={folder}/none/below"));
            let why = format!("{folder} belongs to the kernel (from -D)");
            let error = format!("{key}: the JobManager cannot use it on this machine: {why}");
            assert_eq!(installation.errors(true).await, [error]);
        }
    }
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
    let errors = installation.errors(true).await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("s3.secret-key cannot be written")),
        "{errors:#?}"
    );
    assert!(!errors[0].contains("ab#c"), "{errors:#?}");
}

#[tokio::test]
async fn files_for_the_sandboxes_that_are_missing_here_are_reported() {
    let installation = Installation::new("127.0.0.1:1")
        .with("mesos.resourcemanager.tasks.uris=/no/such,http://h/x");
    let errors = installation.errors(true).await;
    assert!(
        errors.len() == 1 && errors[0].contains("tasks.uris") && errors[0].contains("/no/such"),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn users_and_queries_of_addresses_are_not_in_errors() {
    let address = "https://user:hush@h/a?sig=hush";
    for (key, value) in [
        ("mesos.artifacts.x", address),
        ("mesos.secret-artifacts.x", address),
        ("security.ssl.internal.keystore", address),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush@h:port/a?hush"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush/hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush#hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush?hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "//user:x,https://user:hush@h/a?hush#cache=true"),
    ] {
        let report =
            Installation::new("127.0.0.1:1").with(&format!("{key}={value}")).check(true).await;
        let (shown, refusal) = (report.to_string(), report.refusal().unwrap());
        assert!(shown.contains(&format!("error: {key}: ")) && !shown.contains("hush"), "{shown}");
        assert!(!refusal.contains("hush"), "{refusal}");
    }
}
