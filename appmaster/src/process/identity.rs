//! The identity of a process, which distinguishes it from a later one with the same id.

use fs_err as fs;
use serde::{Deserialize, Serialize};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// When it was started, in clock ticks since the machine's boot.
    pub(crate) started: u64,
    /// The id of that boot.
    boot: String,
}

impl Process {
    pub(crate) fn this() -> Self {
        let pid = std::process::id();
        Self { pid, started: started(pid).unwrap_or_default(), boot: boot() }
    }

    pub(crate) fn lives(&self) -> bool {
        self.boot == boot() && started(self.pid) == Some(self.started)
    }

    pub(crate) fn exists(pid: u32) -> bool {
        started(pid).is_some()
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a running process was started, in clock ticks since boot: the 22nd field of `stat`, see
/// proc(5). The second field is a name in parentheses, which may contain blanks and parentheses.
/// The third is the state: a process that has ended but was not reaped by its parent counts as
/// gone.
pub(crate) fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};

    use super::*;

    #[test]
    fn a_process_that_has_ended_is_gone_although_its_parent_has_not_reaped_it() {
        assert!(Process::this().lives());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap())), flags).unwrap();
        assert!(!Process::exists(pid));
        child.wait().unwrap();
    }
}
