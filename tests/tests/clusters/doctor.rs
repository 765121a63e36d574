//! `flink-mesos doctor` with the real Mesos, ZooKeeper and Flink.

use serde_json::Value;
use tests::{Line, RealMesos, RealMesosOptions, RealZooKeeper, cluster::command, flink_home};

/// What the doctor says: its exit code, and the results by check.
fn examined(options: &[String]) -> (i32, Vec<Value>) {
    let mut doctor =
        command(&["doctor", "--output", "json", "-Djobmanager.rpc.port=0", "-Drest.port=0"]);
    let logs = tempfile::tempdir().unwrap();
    doctor.args(options).arg(format!("-Denv.log.dir={}", logs.path().display()));
    let home = flink_home(Line::V1_20);
    let output = doctor.env("FLINK_HOME", home).env_remove("FLINK_CONF_DIR").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let shown: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), shown["checks"].as_array().unwrap().clone())
}

/// The findings of one check with this result.
fn findings(rows: &[Value], check: &str, result: &str) -> Vec<String> {
    let rows = rows.iter().filter(|row| row["check"] == check && row["result"] == result);
    rows.map(|row| row["finding"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_examines_mesos_and_zookeeper_and_names_what_failed_with_the_next_step() {
    let options = RealMesosOptions {
        credentials: vec![("flink".to_owned(), "hush-hush".to_owned())],
        ..RealMesosOptions::default()
    };
    let (mesos, zookeeper) = tokio::join!(RealMesos::start_with(options), RealZooKeeper::start());
    let common = [
        format!("-Dmesos.master={}", mesos.master()),
        "-Dhigh-availability.type=zookeeper".to_owned(),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
        "-Dmesos.resourcemanager.framework.principal=flink".to_owned(),
    ];
    let secret = |secret: &str| format!("-Dmesos.resourcemanager.framework.secret={secret}");
    let (code, rows) = examined(&[&common[..], &[secret("hush-hush")]].concat());
    let failed: Vec<_> = rows.iter().filter(|row| row["result"] == "failed").collect();
    assert_eq!((code, failed), (0, Vec::new()), "{rows:#?}");
    for (check, part) in [
        ("mesos", "Mesos 1."),
        ("mesos login", "accepts the credential of principal flink"),
        ("agents", "1 agent is registered"),
        ("clock", "the Mesos master agrees"),
        ("clock", "agent "),
        ("java", "Java "),
        ("ports", "can be used"),
        ("artifacts", "127.0.0.1"),
        ("zookeeper", "accepts connections"),
        ("zookeeper", "allows reading and writing"),
    ] {
        let found = findings(&rows, check, "ok");
        assert!(found.iter().any(|finding| finding.contains(part)), "{check}: {part}: {rows:#?}");
    }
    zookeeper.kill().await;
    let (code, rows) = examined(&[&common[..], &[secret("wrong")]].concat());
    assert_eq!(code, 1);
    assert_eq!(findings(&rows, "mesos login", "failed").len(), 1, "{rows:#?}");
    assert_eq!(findings(&rows, "zookeeper", "failed").len(), 1, "{rows:#?}");
    let without_step = |row: &&Value| row["result"] != "ok" && row["next"] == "";
    assert_eq!(rows.iter().find(without_step), None);
}
