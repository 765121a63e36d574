//! Memory and disk that run out. Only where the machine lets us set limits: as root, with control groups of version 1
//! or 2.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use mesos::v1::{TaskState, TaskStatus, task_status::Reason};

use crate::host::Host;

/// A control group that allows 64 MB.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let kinds = [("memory", "memory.limit_in_bytes"), (".", "memory.max")];
        kinds.iter().find_map(|(hierarchy, limit)| {
            let folder = Path::new("/sys/fs/cgroup").join(hierarchy).join(format!("oom-test-{}", std::process::id()));
            folder.parent()?.join("cgroup.procs").exists().then_some(())?;
            fs_err::create_dir(&folder).ok()?;
            let group = Self(folder);
            fs_err::write(group.0.join(limit), "67108864").ok()?;
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs_err::remove_dir(&self.0).ok();
    }
}

#[tokio::test]
async fn a_kill_for_lack_of_memory_is_told_as_such() {
    let Some(group) = Group::new() else { return skip("no control group may be made here") };
    let mut host = Host::new().await;
    host.group = Some(group.0.clone());
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "exec python3 -c 'a = bytearray(300 << 20)'"));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(failed.message().contains("as its container reached its memory limit of 64 MB"), "{}", failed.message());
    assert_eq!(failed.reason(), Reason::ContainerLimitationMemory);
    assert!(executor.ended().await.success());
}

/// A small file system in place of the sandbox.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).status();
        let disk = mounted.is_ok_and(|status| status.success()).then(|| Self(path));
        if disk.is_none() {
            skip("no file system may be mounted here");
        }
        disk
    }
}

/// Not captured, unlike what macros print, and counted by what runs all tests.
fn skip(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let mut host = Host::new().await;
    let Some(_disk) = Disk::mount(host.sandbox(""), "64k") else { return };
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "sleep 1000"));
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(failed.message().contains("no space left in"), "{}", failed.message());
    assert_blamed_on_the_disk(failed);
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn a_disk_that_fills_up_while_a_task_manager_runs_is_told_although_no_log_can_say_so() {
    let mut host = Host::new().await;
    let Some(_disk) = Disk::mount(host.sandbox(""), "4m") else { return };
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let script = format!("dd if=/dev/zero of={} bs=64k", host.sandbox("fill").display());
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(failed.message().contains("there is no space left in"), "{}", failed.message());
    assert_blamed_on_the_disk(failed);
    assert!(executor.ended().await.success());
}

fn assert_blamed_on_the_disk(failed: TaskStatus) {
    assert_eq!(failed.reason(), Reason::ContainerLimitationDisk);
    let blame = failed.labels.unwrap().labels.into_iter().find(|label| label.key == "blame").unwrap();
    assert_eq!(blame.value(), "agent");
}
