//! One process of this machine, told apart from a later one with the same id.

use fs_err as fs;
use serde::{Deserialize, Serialize};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// When it was started, in clock ticks since the machine was.
    pub(super) started: u64,
    /// Which start of the machine that was.
    boot: String,
}

impl Process {
    pub(super) fn this() -> Self {
        let pid = std::process::id();
        Self { pid, started: started(pid).unwrap_or_default(), boot: boot() }
    }

    pub(super) fn lives(&self) -> bool {
        self.boot == boot() && started(self.pid) == Some(self.started)
    }

    pub(super) fn exists(pid: u32) -> bool {
        started(pid).is_some()
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The 22nd field of `stat`. The second is a name in brackets, which may hold blanks and brackets.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
