//! `…tasks.bootstrap-cmd` and `…tasks.taskmanager-cmd` on the real Mesos.

use super::*;

/// The working directory of the worker's TaskManager: its sandbox.
fn sandbox_of(worker: &str) -> std::path::PathBuf {
    let pid = task_managers(worker).pop().expect("the TaskManager's process");
    fs_err::read_link(format!("/proc/{pid}/cwd")).unwrap()
}

fn registered_worker(cluster: &mut FlinkMesos) -> String {
    cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_command_runs_in_the_sandbox_before_the_task_manager_and_leaves_no_process() {
    let mesos = RealMesos::start(1).await;
    let bootstrap = "-Dmesos.resourcemanager.tasks.bootstrap-cmd=export GREETING='good day'; pwd > bootstrapped";
    let mut cluster = session(&mesos, Line::V1_20, 1, &[bootstrap]);
    let worker = registered_worker(&mut cluster);
    let sandbox = sandbox_of(&worker);
    let said = fs_err::read_to_string(sandbox.join("bootstrapped")).unwrap();
    assert_eq!(Path::new(said.trim()), sandbox);
    let pid = task_managers(&worker).pop().unwrap();
    let environment = fs_err::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.split(|byte| *byte == 0).any(|variable| variable == b"GREETING=good day"));
    end_in_order(cluster);
    assert_no_flink_in(mesos.work_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distribution_on_the_agent_may_run_the_task_manager_by_its_own_script() {
    let mesos = RealMesos::start(1).await;
    let script = flink_home(Line::V1_20).join("bin/taskmanager.sh");
    let own = format!(
        "-Dmesos.resourcemanager.tasks.taskmanager-cmd={} start-foreground",
        script.display()
    );
    let mut cluster = session(&mesos, Line::V1_20, 1, &[&own]);
    let worker = registered_worker(&mut cluster);
    let pid = task_managers(&worker).pop().expect("the TaskManager's process");
    let line = fs_err::read(format!("/proc/{pid}/cmdline")).unwrap();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let jar = flink_home(Line::V1_20).join("lib/flink-dist");
    assert!(line.contains(&jar.display().to_string()), "it is not the script's own Flink: {line}");
    end_in_order(cluster);
    assert_no_flink_in(mesos.work_dir());
}
