#![allow(clippy::unwrap_used)]
use mesos_local::{LocalCluster, LocalOptions};

use super::*;
use crate::plan::tests::Installation;

async fn check(installation: &Installation, offline: bool) -> Report {
    super::check(installation.request(), offline, installation.lookup()).await.unwrap()
}

#[tokio::test]
async fn a_valid_installation_has_no_findings_and_lists_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = LocalOptions { work_dir: folder.path().to_owned(), ..LocalOptions::default() };
    let cluster = LocalCluster::start(options).await.unwrap();
    let report = check(&Installation::new(&cluster.master()), false).await;
    cluster.shutdown().await;
    assert_eq!(report.findings, []);
    let text = report.to_string();
    for part in [
        "Flink 1.20.5",
        "Java 17",
        "TaskManagers: 0 or more",
        "3 files (0 MB) will be shipped to each worker, none secret",
        "answers",
        "0 errors, 0 warnings: this configuration can be started",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn a_mesos_or_zookeeper_that_does_not_answer_is_an_error_unless_offline() {
    let installation = Installation::new("127.0.0.1:1")
        .with("high-availability.type=zookeeper")
        .with("high-availability.zookeeper.quorum=127.0.0.1:1");
    assert!(!check(&installation, true).await.is_fatal());
    let report = check(&installation, false).await;
    let errors: Vec<_> = report.findings.iter().filter(|finding| finding.fatal).collect();
    let parts =
        ["mesos.master: 127.0.0.1:1 cannot be reached", "high-availability.zookeeper.quorum: "];
    assert!(
        errors.len() == 2 && errors.iter().zip(parts).all(|(e, part)| e.text.starts_with(part)),
        "{errors:#?}"
    );
}
