//! A control group of the TaskManager's own, below the one that the Mesos agent gave the executor: the kernel then ends
//! everything in it at once, however fast it forks.
//!
//! Only where there is something to be below: in a machine's root group, or where we may not write, the walk through the
//! process tree has to do, and does.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use fs_err as fs;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// The group of one guard's TaskManager.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Version 2: killed by `cgroup.kill` (Linux 5.14).
    Unified,
    /// Version 1: frozen by the freezer, killed one by one, thawed.
    Freezer,
}

impl Cgroup {
    /// Makes the group of the guard with this process id; none where that is not possible.
    pub(super) fn create(guard: u32) -> Option<Self> {
        let cgroup = Self::of_guard(guard)?;
        fs::create_dir(&cgroup.folder).ok()?;
        Some(cgroup)
    }

    /// The group that a guard has or would have made.
    pub(super) fn of_guard(guard: u32) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mut kinds = [Kind::Unified, Kind::Freezer].into_iter();
        let (parent, kind) = kinds.find_map(|kind| Some((own_folder(kind, &groups, &mounts)?, kind)))?;
        Some(Self { folder: parent.join(format!("taskmanager-{guard}")), kind })
    }

    /// The file to which a process writes `0` to enter.
    pub(super) fn entrance(&self) -> Option<File> {
        let file = fs::OpenOptions::new().write(true).open(self.folder.join("cgroup.procs")).ok()?;
        Some(file.into_parts().0)
    }

    /// SIGKILL to everything in it.
    pub(super) fn kill(&self) {
        match self.kind {
            Kind::Unified => {
                fs::write(self.folder.join("cgroup.kill"), "1").ok();
            }
            Kind::Freezer => {
                self.freeze("FROZEN");
                let processes = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
                for pid in processes.lines().filter_map(|line| line.parse().ok()) {
                    signal::kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
                }
                self.freeze("THAWED");
            }
        }
    }

    /// Once it is empty.
    pub(super) fn remove(&self) {
        fs::remove_dir(&self.folder).ok();
    }

    fn freeze(&self, state: &str) {
        fs::write(self.folder.join("freezer.state"), state).ok();
    }
}

/// Where our own group of this kind is in the file system; none for the root group.
fn own_folder(kind: Kind, groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let is_it = match kind {
            Kind::Unified => controllers.is_empty(),
            Kind::Freezer => controllers.split(',').any(|controller| controller == "freezer"),
        };
        is_it.then(|| Path::new(path))
    })?;
    let (root, point) = mounts.lines().find_map(|line| mount_of(kind, line))?;
    let below = own.strip_prefix(&root).ok()?;
    (!below.as_os_str().is_empty()).then(|| point.join(below))
}

/// Root and mount point of a line of mountinfo, see proc(5), if it mounts this kind.
fn mount_of(kind: Kind, line: &str) -> Option<(PathBuf, PathBuf)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let (file_system, options) = (right.split(' ').next()?, right.split(' ').nth(2)?);
    let is_it = match kind {
        Kind::Unified => file_system == "cgroup2",
        Kind::Freezer => file_system == "cgroup" && options.split(',').any(|option| option == "freezer"),
    };
    is_it.then(|| (root.into(), point.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "25 1 0:22 / /proc rw - proc proc rw
30 25 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
31 25 0:27 /docker/1 /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
";

    #[test]
    fn our_group_is_found_below_its_mount() {
        let groups = "7:cpu,cpuacct:/x\n6:freezer:/docker/1/mesos/2\n0::/mesos/2\n";
        let unified = own_folder(Kind::Unified, groups, MOUNTS);
        assert_eq!(unified, Some("/sys/fs/cgroup/unified/mesos/2".into()));
        let freezer = own_folder(Kind::Freezer, groups, MOUNTS);
        assert_eq!(freezer, Some("/sys/fs/cgroup/freezer/mesos/2".into()));
    }

    #[test]
    fn the_root_group_and_foreign_ones_are_left_alone() {
        assert_eq!(own_folder(Kind::Unified, "0::/\n", MOUNTS), None);
        assert_eq!(own_folder(Kind::Freezer, "6:freezer:/docker/1\n", MOUNTS), None);
        assert_eq!(own_folder(Kind::Freezer, "6:freezer:/elsewhere\n", MOUNTS), None);
        assert_eq!(own_folder(Kind::Unified, "", ""), None);
    }
}
