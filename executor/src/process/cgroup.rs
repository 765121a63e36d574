//! A control group for the TaskManager, below the one that the Mesos agent gave the executor. The
//! kernel can end everything in it at once, however fast it forks.
//!
//! It needs a parent group: in a machine's root group, or without write access, the guard walks the
//! process tree instead.

use std::{fs::File, path::PathBuf};

use fs_err as fs;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::cgroups::Hierarchy;

/// The control group of one guard's TaskManager.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: PathBuf,
    hierarchy: Hierarchy,
}

impl Cgroup {
    /// Creates the group; none where that is not possible.
    pub(super) fn create(self) -> Option<Self> {
        fs::create_dir(&self.folder).ok().map(|()| self)
    }

    /// The group that this guard has created or would create.
    pub(super) fn of_guard(guard: u32) -> Option<Self> {
        let mut hierarchies = [Hierarchy::Unified, Hierarchy::Freezer].into_iter();
        let (parent, hierarchy) =
            hierarchies.find_map(|hierarchy| Some((hierarchy.own_folder()?, hierarchy)))?;
        Some(Self { folder: parent.join(format!("taskmanager-{guard}")), hierarchy })
    }

    /// The file to which a process writes `0` to enter.
    pub(super) fn entrance(&self) -> Option<File> {
        let file =
            fs::OpenOptions::new().write(true).open(self.folder.join("cgroup.procs")).ok()?;
        Some(file.into_parts().0)
    }

    /// Sends SIGKILL to everything in the group.
    pub(super) fn kill(&self) {
        match self.hierarchy {
            // Since Linux 5.14.
            Hierarchy::Unified => {
                fs::write(self.folder.join("cgroup.kill"), "1").ok();
            }
            // Frozen, killed one by one, thawed.
            Hierarchy::Freezer | Hierarchy::Memory => {
                self.freeze("FROZEN");
                let processes =
                    fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
                for pid in processes.lines().filter_map(|line| line.parse().ok()) {
                    signal::kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
                }
                self.freeze("THAWED");
            }
        }
    }

    /// Removes the group; it must be empty.
    pub(super) fn remove(&self) {
        fs::remove_dir(&self.folder).ok();
    }

    fn freeze(&self, state: &str) {
        fs::write(self.folder.join("freezer.state"), state).ok();
    }
}
