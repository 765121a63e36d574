//! `…tasks.container.*` on the real Mesos. Images need a helper program that the tests' Mesos does
//! not have.

use std::io::Write as _;

use tests::RealMesosOptions;

use super::*;

/// The linux launcher's parent group of an agent's containers.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

/// An agent's own control groups, removed with all below them when dropped.
struct Groups(String);

impl Drop for Groups {
    fn drop(&mut self) {
        remove(&Path::new(FREEZER).join(&self.0));
    }
}

/// The files of a group cannot be removed, and need not be.
fn remove(group: &Path) {
    for entry in fs_err::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs_err::remove_dir(group).ok();
}

/// A Mesos whose agent can mount folders into its containers, if this machine allows it.
async fn mesos_with_volumes() -> Option<(Groups, RealMesos)> {
    if !nix::unistd::geteuid().is_root() || !Path::new(FREEZER).is_dir() {
        let text =
            b"\nSKIPPED: volumes of containers: they need root and the first version of cgroups\n";
        std::io::stderr().write_all(text).unwrap();
        return None;
    }
    let groups = Groups(format!("flink-mesos-volumes-{}", std::process::id()));
    let agent_flags = vec![
        "--launcher=linux".to_owned(),
        "--isolation=posix/cpu,posix/mem,filesystem/linux,volume/host_path".to_owned(),
        // An agent ends unknown containers below its root.
        format!("--cgroups_root={}", groups.0),
    ];
    let mesos =
        RealMesos::start_with(RealMesosOptions { agent_flags, ..RealMesosOptions::default() })
            .await;
    Some((groups, mesos))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_sees_the_volumes_that_it_was_given_and_may_not_write_to_one_that_is_read_only()
 {
    let data = tempfile::tempdir().unwrap();
    fs_err::write(data.path().join("model"), "weights").unwrap();
    let Some((_groups, mesos)) = mesos_with_volumes().await else { return };
    let (data, place) = (data.path().display(), tempfile::tempdir().unwrap());
    let place = place.path().display();
    let volumes =
        format!("-Dmesos.resourcemanager.tasks.container.volumes={data}:data:RO, {data}:{place}");
    // The command runs where the TaskManager does.
    let look = format!(
        "cat data/model > seen && cat {place}/model >> seen && ! touch data/new && touch {place}/new"
    );
    let bootstrap = format!("-Dmesos.resourcemanager.tasks.bootstrap-cmd={look}");
    let mut cluster = session(&mesos, Line::V1_20, 1, &[&volumes, &bootstrap]);
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let pid = task_managers(&worker).pop().expect("the TaskManager's process");
    assert_eq!(fs_err::read_to_string(format!("/proc/{pid}/cwd/seen")).unwrap(), "weightsweights");
    end_in_order(cluster);
}
