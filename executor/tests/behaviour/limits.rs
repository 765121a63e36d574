//! Memory and disk that run out. Only where the machine allows limits: as root, with control groups
//! of version 1 or 2.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use mesos::v1::{TaskState, TaskStatus, task_status::Reason};

use crate::host::Host;

/// A control group with a memory limit.
struct Group {
    folder: PathBuf,
    /// The files with the limit and with the usage.
    limit: &'static str,
    usage: &'static str,
}

impl Group {
    /// A group limited to 64 MB.
    fn new(name: &str) -> Option<Self> {
        let kinds = [
            ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            (".", "memory.max", "memory.current"),
        ];
        kinds.into_iter().find_map(|(hierarchy, limit, usage)| {
            let folder = Path::new("/sys/fs/cgroup")
                .join(hierarchy)
                .join(format!("{name}-{}", std::process::id()));
            folder.parent()?.join("cgroup.procs").exists().then_some(())?;
            fs_err::create_dir(&folder).ok()?;
            let group = Self { folder, limit, usage };
            group.allow(64 << 20).ok()?;
            Some(group)
        })
    }

    fn allow(&self, bytes: u64) -> std::io::Result<()> {
        fs_err::write(self.folder.join(self.limit), bytes.to_string())
    }

    /// Usage without the inactive page cache, which is reclaimed before any process is killed.
    fn used(&self) -> u64 {
        let usage: u64 =
            fs_err::read_to_string(self.folder.join(self.usage)).unwrap().trim().parse().unwrap();
        let statistics = fs_err::read_to_string(self.folder.join("memory.stat")).unwrap();
        let idle = statistics
            .lines()
            .find_map(|line| line.trim_start_matches("total_").strip_prefix("inactive_file "));
        usage - idle.unwrap().parse::<u64>().unwrap().min(usage)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs_err::remove_dir(&self.folder).ok();
    }
}

#[tokio::test]
async fn memory_near_its_limit_causes_a_warning() {
    let Some(group) = Group::new("warning-test") else {
        return skip("no control group may be made here");
    };
    group.allow(512 << 20).unwrap();
    let mut host = Host::new().await;
    host.group = Some(group.folder.clone());
    let executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(
        host.task("w", "exec python3 -c 'a = bytearray(200 << 20); import time; time.sleep(1000)'"),
    );
    host.agent.update(TaskState::TaskRunning).await;
    crate::host::until(|| (group.used() > 200 << 20).then_some(())).await;
    group.allow(group.used() / 100 * 106).unwrap();
    let message: serde_json::Value = serde_json::from_slice(&host.agent.message().await).unwrap();
    assert!(
        message["memory_warning"].as_u64().is_some_and(|percent| (90..=100).contains(&percent)),
        "{message}"
    );
    host.end("w", executor).await;
}

#[tokio::test]
async fn an_out_of_memory_kill_is_reported_as_one() {
    let Some(group) = Group::new("oom-test") else {
        return skip("no control group may be made here");
    };
    let mut host = Host::new().await;
    host.group = Some(group.folder.clone());
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "exec python3 -c 'a = bytearray(300 << 20)'"));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(
        failed.message().contains("as its container reached its memory limit of 64 MB"),
        "{}",
        failed.message()
    );
    assert_eq!(failed.reason(), Reason::ContainerLimitationMemory);
    assert!(executor.ended().await.success());
}

/// A small file system in place of the sandbox.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).status();
        let disk = mounted.is_ok_and(|status| status.success()).then(|| Self(path));
        if disk.is_none() {
            skip("no file system may be mounted here");
        }
        disk
    }
}

/// Prints a line that is not captured, unlike those of macros; the test runner counts such lines.
fn skip(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_as_one() {
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
async fn a_disk_that_fills_up_under_a_running_task_manager_is_reported_without_any_log() {
    let mut host = Host::new().await;
    let Some(_disk) = Disk::mount(host.sandbox(""), "4m") else { return };
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let script = format!("dd if=/dev/zero of={} bs=64k", host.sandbox("fill").display());
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(failed.message().contains("no space left in"), "{}", failed.message());
    assert_blamed_on_the_disk(failed);
    assert!(executor.ended().await.success());
}

fn assert_blamed_on_the_disk(failed: TaskStatus) {
    assert_eq!(failed.reason(), Reason::ContainerLimitationDisk);
    let blame =
        failed.labels.unwrap().labels.into_iter().find(|label| label.key == "blame").unwrap();
    assert_eq!(blame.value(), "agent");
}
