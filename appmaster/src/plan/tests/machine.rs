//! What this machine lacks: ports, folders, Java, plugins; and what it holds of an earlier cluster.

use scheduler::{
    core::state::{Change, Registration},
    store::{FileStore, Store},
};

use super::*;

#[tokio::test]
async fn a_port_in_use_is_reported_with_its_key() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let installation = Installation::new("127.0.0.1:1").with(&format!("rest.port={port}"));
    let errors = installation.errors().await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("rest.port: ")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn the_control_port_in_use_is_reported_too() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let installation = Installation::new("127.0.0.1:1").with(&format!("mesos.web.port={port}"));
    let errors = installation.errors().await;
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("mesos.web.port: ")),
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
    assert_eq!(installation.errors().await, [expected]);
}

#[tokio::test]
async fn folders_that_cannot_be_written_to_are_reported() {
    let installation = Installation::new("127.0.0.1:1");
    let file = installation.path("flink/conf/config.yaml");
    let installation = installation
        .with(&format!("env.log.dir={file}/log"))
        .with(&format!("mesos.state.dir={file}/state"));
    let errors = installation.errors().await;
    let expected = [
        format!("FLINK_LOG_DIR, env.log.dir: logs cannot be written: {file} is not a folder"),
        format!("mesos.state.dir: the state cannot be written: {file} is not a folder"),
    ];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn a_plugin_without_a_jar_is_named() {
    let installation = Installation::new("127.0.0.1:1");
    for folder in ["flink/plugins/empty", "flink/plugins/s3"] {
        fs_err::create_dir_all(installation.path(folder)).unwrap();
    }
    fs_err::write(installation.path("flink/plugins/s3/s3.jar"), "").unwrap();
    fs_err::write(installation.path("flink/plugins/README.txt"), "").unwrap();
    let errors = installation.errors().await;
    let folder = installation.path("flink/plugins/empty");
    assert!(matches!(errors.as_slice(), [error] if error.starts_with(&folder)), "{errors:#?}");
}

#[tokio::test]
async fn a_java_version_that_was_never_tested_gives_a_warning() {
    for (version, warnings) in [("25.0.3", 0), ("26", 1)] {
        let installation = Installation::new("127.0.0.1:1");
        fs_err::write(installation.path("jdk/release"), format!("JAVA_VERSION=\"{version}\"\n"))
            .unwrap();
        let report = installation.check().await;
        assert_eq!((report.is_fatal(), report.warnings().len()), (false, warnings), "{report}");
    }
}

#[tokio::test]
async fn temporary_folders_that_the_job_manager_cannot_use_are_reported() {
    let installation = Installation::new("127.0.0.1:1").with("io.tmp.dirs=/not/there/a");
    let error = "io.tmp.dirs: the JobManager cannot use it on this machine: /not/there/a is not a folder (from -D)";
    assert_eq!(installation.errors().await, [error]);
    let there = installation.path("flink");
    let installation = Installation::new("127.0.0.1:1")
        .with(&format!("io.tmp.dirs={there},{there}/not/there/yet"));
    assert_eq!(installation.errors().await, Vec::<String>::new());
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
        assert_eq!(installation.errors().await, [error]);
        for folder in ["/proc", "/sys"] {
            let installation =
                Installation::new("127.0.0.1:1").with(&format!("{key}={folder}/none/below"));
            let why = format!("{folder} belongs to the kernel (from -D)");
            let error = format!("{key}: the JobManager cannot use it on this machine: {why}");
            assert_eq!(installation.errors().await, [error]);
        }
    }
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
    let errors = installation.errors().await;
    let option = "mesos.resourcemanager.framework.principal";
    assert!(
        matches!(&errors[..], [error] if error.starts_with(&format!("{option}: it is not set now, but was flink"))),
        "{errors:#?}"
    );
    let report = installation.with(&format!("{option}=flink")).check().await;
    assert!(!report.is_fatal(), "{report}");
    let user = "mesos.resourcemanager.framework.user: it is not set now, but was alice";
    assert!(report.warnings().iter().any(|warning| warning.starts_with(user)), "{report}");
}
