//! The control groups of the executor, as the Mesos agent or its service manager set them up.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// A tree of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 2.
    Unified,
    /// Version 1, controller `freezer`.
    Freezer,
    /// Version 1, controller `memory`.
    Memory,
}

impl Hierarchy {
    /// Folder of our own group; none if it is the root group, which belongs to the whole machine.
    pub(crate) fn own_folder(self) -> Option<PathBuf> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        own_folder(self, &groups, &mounts)
    }

    fn controller(self) -> &'static str {
        match self {
            Self::Unified => "",
            Self::Freezer => "freezer",
            Self::Memory => "memory",
        }
    }
}

/// From the contents of `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn own_folder(hierarchy: Hierarchy, groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let is_it = match hierarchy {
            Hierarchy::Unified => controllers.is_empty(),
            _ => controllers.split(',').any(|controller| controller == hierarchy.controller()),
        };
        is_it.then(|| Path::new(path))
    })?;
    let (root, point) = mounts.lines().find_map(|line| mount_of(hierarchy, line))?;
    let below = own.strip_prefix(&root).ok()?;
    (!below.as_os_str().is_empty()).then(|| point.join(below))
}

/// Root and mount point in a line of mountinfo (see proc(5)), if the line mounts this hierarchy.
fn mount_of(hierarchy: Hierarchy, line: &str) -> Option<(PathBuf, PathBuf)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let (file_system, options) = (right.split(' ').next()?, right.split(' ').nth(2)?);
    let is_it = match hierarchy {
        Hierarchy::Unified => file_system == "cgroup2",
        _ => {
            file_system == "cgroup"
                && options.split(',').any(|option| option == hierarchy.controller())
        }
    };
    is_it.then(|| (root.into(), point.into()))
}

/// The group that limits the memory of the executor and all its descendants.
#[derive(Debug, Clone)]
pub(crate) struct MemoryGroup {
    folder: PathBuf,
    unified: bool,
}

impl MemoryGroup {
    /// Our own group; none if no control group limits memory.
    pub(crate) fn own() -> Option<Self> {
        if let Some(folder) = Hierarchy::Memory.own_folder() {
            return Some(Self { folder, unified: false });
        }
        let folder = Hierarchy::Unified.own_folder()?;
        folder.join("memory.max").exists().then_some(Self { folder, unified: true })
    }

    /// How many processes the kernel has killed because the limit was reached.
    pub(crate) fn kills(&self) -> u64 {
        let file = if self.unified { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let count =
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
        count.unwrap_or(0)
    }

    /// The limit in bytes; none without a limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        let file = if self.unified { "memory.max" } else { "memory.limit_in_bytes" };
        let limit = fs::read_to_string(self.folder.join(file)).ok()?.trim().parse().ok()?;
        // Version 1 reports "no limit" as a number near the largest.
        (limit < u64::MAX >> 2).then_some(limit)
    }

    /// Working set and limit in bytes. None without a limit: the group is then not the container's
    /// own, but shared with the agent and other processes.
    pub(crate) fn use_of_limit(&self) -> Option<(u64, u64)> {
        self.limit().and_then(|limit| Some((self.working_set()?, limit)))
    }

    /// Memory that cannot be reclaimed under pressure, in bytes: all except inactive page cache.
    fn working_set(&self) -> Option<u64> {
        let (usage, idle) = if self.unified {
            ("memory.current", "inactive_file ")
        } else {
            ("memory.usage_in_bytes", "total_inactive_file ")
        };
        let usage: u64 = fs::read_to_string(self.folder.join(usage)).ok()?.trim().parse().ok()?;
        let statistics = fs::read_to_string(self.folder.join("memory.stat")).ok()?;
        let idle = statistics.lines().find_map(|line| line.strip_prefix(idle)?.trim().parse().ok());
        Some(usage.saturating_sub(idle.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_and_limits_are_read_in_both_versions() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("memory.events", "low 0\noom 2\noom_kill 1\noom_group_kill 0\n");
        write("memory.max", "1048576\n");
        let group = MemoryGroup { folder: folder.path().into(), unified: true };
        assert_eq!((group.kills(), group.limit()), (1, Some(1 << 20)));
        write("memory.current", "5000\n");
        write("memory.stat", "anon 1\ninactive_file 2000\ntotal_inactive_file 9\n");
        assert_eq!(group.working_set(), Some(3000));
        assert_eq!(group.use_of_limit(), Some((3000, 1 << 20)));
        write("memory.max", "max\n");
        assert_eq!(group.limit(), None);
        assert_eq!(group.use_of_limit(), None, "a group without a limit is not the task's own");
        write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        write("memory.limit_in_bytes", "9223372036854771712\n");
        let group = MemoryGroup { unified: false, ..group };
        assert_eq!((group.kills(), group.limit()), (3, None));
        write("memory.usage_in_bytes", "5000\n");
        assert_eq!(group.working_set(), Some(4991));
        write("memory.limit_in_bytes", "2097152\n");
        assert_eq!(group.limit(), Some(2 << 20));
    }

    const MOUNTS: &str = "25 1 0:22 / /proc rw - proc proc rw
30 25 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
31 25 0:27 /docker/1 /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
";

    #[test]
    fn our_own_group_is_found_below_its_mount() {
        let groups = "7:cpu,cpuacct:/x\n6:freezer:/docker/1/mesos/2\n0::/mesos/2\n";
        let unified = own_folder(Hierarchy::Unified, groups, MOUNTS);
        assert_eq!(unified, Some("/sys/fs/cgroup/unified/mesos/2".into()));
        let freezer = own_folder(Hierarchy::Freezer, groups, MOUNTS);
        assert_eq!(freezer, Some("/sys/fs/cgroup/freezer/mesos/2".into()));
    }

    #[test]
    fn the_root_group_and_groups_outside_the_mount_are_ignored() {
        assert_eq!(own_folder(Hierarchy::Unified, "0::/\n", MOUNTS), None);
        assert_eq!(own_folder(Hierarchy::Freezer, "6:freezer:/docker/1\n", MOUNTS), None);
        assert_eq!(own_folder(Hierarchy::Freezer, "6:freezer:/elsewhere\n", MOUNTS), None);
        assert_eq!(own_folder(Hierarchy::Unified, "", ""), None);
    }
}
