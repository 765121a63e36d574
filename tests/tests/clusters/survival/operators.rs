//! Actions and requirements of Mesos's operators: removed frameworks, credentials.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{
    Line, RealMesos, RealMesosOptions, RealZooKeeper, cluster::FlinkMesos, flink_home, site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_an_operator_removes_comes_back_once_under_another_id() {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let framework = site.mesos.state().await["frameworks"][0]["id"].as_str().unwrap().to_owned();
    site.mesos.post("teardown", &[("frameworkId", &framework)]).await;
    site.master.wait_for("framework-lost");
    let second = site.master.wait_for("registered")["framework"].clone();
    assert_ne!(second, framework.as_str());
    site.until_whole(2).await;
    let after = site.task_managers();
    assert!(
        after.len() == 2 && after.keys().all(|name| !before.contains_key(name)),
        "{before:?} {after:?}"
    );
    site.until_tasks_are(after.keys()).await;
    let reported =
        (site.master.events("framework-lost").len(), site.master.events("registered").len());
    assert_eq!(reported, (1, 2), "it is done once");
    site.end().await;
}

/// The parent of a process.
fn parent(pid: i32) -> Pid {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    Pid::from_raw(after_name.split_whitespace().nth(1).unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_whose_executor_receives_no_kill_is_ended_by_mesos_and_this_is_reported() {
    let mut site =
        Site::start(1, RealMesosOptions::default(), &["-Dmesos.worker.kill-grace=0 s"]).await;
    let before = site.task_managers();
    let (worker, pid) = before.first_key_value().unwrap();
    kill(parent(*pid), Signal::SIGSTOP).unwrap();
    site.operate(&["restart"]);
    loop {
        let reported = site.master.wait_for("killing");
        assert_eq!(reported["worker"], worker.as_str());
        if reported["reason"].as_str().unwrap().contains("asking Mesos to kill its executor") {
            break;
        }
    }
    site.until_whole(1).await;
    let after = site.task_managers();
    assert!(after.len() == 1 && !after.contains_key(worker), "{before:?} {after:?}");
    site.until_tasks_are(after.keys()).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_open_the_master_and_wrong_ones_are_a_mistake_of_configuration_that_is_not_shown()
 {
    let credentials = vec![("flink".to_owned(), "s3cret".to_owned())];
    let mesos = RealMesos::start_with(RealMesosOptions { credentials, ..Default::default() }).await;
    let conf = |secret: &str| {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs_err::read_dir(flink_home(Line::V1_20).join("conf")).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path = folder.path().join("config.yaml");
        let framework = "mesos.resourcemanager.framework";
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(
            path,
            format!("{text}\n{framework}.principal: flink\n{framework}.secret: {secret}\n"),
        )
        .unwrap();
        folder
    };
    let right = conf("s3cret");
    let option = format!("--conf-dir={}", right.path().display());
    let site = Site::begin(1, mesos, RealZooKeeper::start().await, &[&option]).await;
    let wrong = conf("guess");
    let option = format!("--conf-dir={}", wrong.path().display());
    let master = format!("-Dmesos.master={}", site.mesos.master());
    let java = site.java_option();
    let mut refused =
        FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master, &option, &java]);
    assert_eq!(refused.end().code(), Some(64));
    let errors = refused.errors();
    assert!(
        errors.contains("refused the framework's principal and secret (401 Unauthorized)"),
        "{errors}"
    );
    assert!(!errors.contains("guess"), "{errors}");
    site.end().await;
}
