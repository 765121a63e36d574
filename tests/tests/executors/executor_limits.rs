//! Our executor on the real agent when memory or disk runs out: with the agent's own isolators, and
//! with a full file system. Only where the machine allows it: as root, with control groups and
//! mounts.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use mesos::v1::{TaskState, TaskStatus, task_status::Reason, value::Scalar};
use tests::{
    RealMesosOptions,
    rig::{self, Rig},
};

/// The control groups of version 1, which Mesos 1.11 supports.
const GROUPS: &str = "/sys/fs/cgroup";

/// A test's own tree of control groups, removed with all below it when dropped.
struct Groups(String);

impl Groups {
    fn new() -> Option<Self> {
        let name = format!("flink-mesos-test-{}", std::process::id());
        let made = ["memory", "freezer"]
            .map(|kind| fs_err::create_dir(Path::new(GROUPS).join(kind).join(&name)));
        made.into_iter().all(|made| made.is_ok()).then_some(Self(name))
    }

    fn agent_flags(&self) -> Vec<String> {
        vec![
            "--isolation=posix/cpu,cgroups/mem,filesystem/posix".to_owned(),
            "--launcher=linux".to_owned(),
            format!("--cgroups_hierarchy={GROUPS}"),
            format!("--cgroups_root={}", self.0),
        ]
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for kind in ["memory", "freezer"] {
            remove(&Path::new(GROUPS).join(kind).join(&self.0));
        }
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

/// A small file system mounted at a path while this lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf) -> Option<Self> {
        fs_err::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(&path)
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(path))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap();
    }
}

fn skip(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

fn blame(status: &TaskStatus) -> Option<&str> {
    let labels = status.labels.iter().flat_map(|labels| &labels.labels);
    labels.filter(|label| label.key == "blame").find_map(|label| label.value.as_deref())
}

#[tokio::test]
async fn a_task_manager_that_exceeds_its_containers_memory_is_ended_and_reported_as_such() {
    let Some(groups) = Groups::new() else {
        return skip("no control groups of version 1 may be made here");
    };
    let rig = Rig::start_with(RealMesosOptions {
        agent_flags: groups.agent_flags(),
        ..Default::default()
    })
    .await;
    // The kernel ends the TaskManager, and not by chance its executor, which needs much memory if
    // built for debugging.
    let greedy = r#"exec python3 -c 'open("/proc/self/oom_score_adj", "w").write("1000"); a = bytearray(300 << 20)'"#;
    let mut task = rig::task(&rig.worker("greedy", greedy));
    for memory in task.resources.iter_mut().filter(|resource| resource.name == "mem") {
        memory.scalar = Some(Scalar { value: 128.0 });
    }
    rig.launch_tasks(vec![task]).await;
    rig.update("greedy", TaskState::TaskRunning).await;
    // The executor sees the kill; the agent sees that the limit was reached and ends the container.
    // Either reports first.
    let failed = rig.update("greedy", TaskState::TaskFailed).await;
    assert_eq!(failed.reason(), Reason::ContainerLimitationMemory, "{failed:?}");
    assert!(failed.message().to_lowercase().contains("memory limit"), "{failed:?}");
    rig.until_nothing_is_left(&["greedy".to_owned()]).await;
}

#[tokio::test]
async fn a_full_disk_below_the_sandbox_is_reported_and_counts_against_the_agent() {
    let rig = Rig::start().await;
    let Some(_disk) = Disk::mount(rig.mesos.sandboxes(0)) else {
        return skip("no file system may be mounted here");
    };
    rig.launch(vec![rig.worker("writer", "dd if=/dev/zero of=fill bs=64k; exit 1")]).await;
    let failed = rig.update("writer", TaskState::TaskFailed).await;
    assert_eq!(
        (failed.reason(), blame(&failed)),
        (Reason::ContainerLimitationDisk, Some("agent")),
        "{failed:?}"
    );
    assert!(failed.message().contains("no space left"), "{failed:?}");
    rig.until_nothing_is_left(&["writer".to_owned()]).await;
}

#[tokio::test]
async fn a_sandbox_that_exceeds_its_quota_ends_its_task_with_mesoss_message() {
    let flags = [
        "--isolation=posix/cpu,posix/mem,filesystem/posix,disk/du",
        "--enforce_container_disk_quota",
        "--container_disk_watch_interval=200ms",
    ];
    let agent_flags = flags.map(str::to_owned).to_vec();
    let rig = Rig::start_with(RealMesosOptions { agent_flags, ..Default::default() }).await;
    let mut task =
        rig::task(&rig.worker("writer", "dd if=/dev/zero of=fill bs=1M count=64; exec sleep 1000"));
    task.resources.push(mesos::resources::scalar("disk", 16.0));
    rig.launch_tasks(vec![task]).await;
    let failed = rig.update("writer", TaskState::TaskFailed).await;
    assert_eq!(failed.reason(), Reason::ContainerLimitationDisk, "{failed:?}");
    rig.until_nothing_is_left(&["writer".to_owned()]).await;
}
