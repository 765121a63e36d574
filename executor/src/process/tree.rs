//! Process trees, read from `/proc`.

use std::time::Duration;

use nix::{
    errno::Errno,
    sys::{
        signal::{self, Signal},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, SysconfVar, sysconf},
};

use serde::{Deserialize, Serialize};

use super::sys;

/// How often to check whether a killed process is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Identifies a process for as long as the machine is up. Its number alone is not enough, because
/// numbers are reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
}

/// A process, as it was at the time of the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) identity: Identity,
    pub(super) parent: i32,
    /// Its process group.
    pub(super) group: i32,
    /// Dead, and not reaped by its parent yet.
    pub(super) zombie: bool,
}

/// Process ids of all living descendants of this process.
pub fn below(pid: u32) -> Vec<u32> {
    let living = descendants(pid.cast_signed()).into_iter().filter(|process| !process.zombie);
    living.map(|process| process.identity.pid.cast_unsigned()).collect()
}

/// All descendants of this process, including those that wait to be reaped.
pub(super) fn descendants(of: i32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for process in
            all.iter().filter(|process| process.parent == parent && process.identity.pid != parent)
        {
            if !found.contains(process) {
                found.push(*process);
                parents.push(process.identity.pid);
            }
        }
    }
    found
}

/// Sends SIGTERM once to all descendants of this process: first to the whole group of `leader` at
/// once, then to those outside the group.
pub(super) fn terminate_descendants(of: i32, leader: Pid) {
    let others = descendants(of)
        .into_iter()
        .filter(|process| process.group != leader.as_raw() && !process.zombie);
    let others: Vec<Process> = others.collect();
    signal::killpg(leader, Signal::SIGTERM).ok();
    for process in others {
        process.identity.send(Signal::SIGTERM);
    }
}

/// Sends SIGKILL to all descendants of this process; returns how many there were.
///
/// Call it until it returns zero, because processes may fork during the listing.
pub(super) fn kill_descendants(of: i32) -> usize {
    let found = descendants(of);
    for process in found.iter().filter(|process| !process.zombie) {
        process.identity.send(Signal::SIGKILL);
    }
    found.len()
}

/// Calls [`kill_descendants`] until nothing is left, and reaps our own children.
pub(super) async fn end_descendants(of: i32) {
    while kill_descendants(of) > 0 {
        for process in
            descendants(of).iter().filter(|process| process.zombie && process.parent == of)
        {
            waitpid(Pid::from_raw(process.identity.pid), Some(WaitPidFlag::WNOHANG)).ok();
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The user and group of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Identity {
    /// The process that has this process id now.
    pub fn of(pid: i32) -> Option<Self> {
        process(pid).map(|process| process.identity)
    }

    /// Whether it is still running, not only waiting to be reaped.
    pub fn is_alive(&self) -> bool {
        process(self.pid).is_some_and(|now| now.identity == *self && !now.zombie)
    }

    /// Its user and group, while it is alive. None if its real, effective and saved user differ.
    pub fn owner(&self) -> Option<Owner> {
        let owner =
            parse_owner(&fs_err::read_to_string(format!("/proc/{}/status", self.pid)).ok()?)?;
        // Checked last: what was read belongs to this very process.
        self.is_alive().then_some(owner)
    }

    /// Whether it is alive and runs as this user.
    pub fn is_alive_as(&self, uid: u32) -> bool {
        self.owner().is_some_and(|owner| owner.uid == uid)
    }

    /// Whether a signal or a debugger has stopped it. False if unknown.
    pub fn is_stopped(&self) -> bool {
        let status =
            fs_err::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:\t"));
        state.is_some_and(|state| state.starts_with(['T', 't'])) && self.is_alive()
    }

    /// How long ago it started.
    pub fn age(&self) -> Option<Duration> {
        let ticks =
            u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok().filter(|ticks| *ticks > 0)?;
        let uptime = fs_err::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(uptime)
            .ok()?
            .checked_sub(Duration::from_millis(self.started.saturating_mul(1000) / ticks))
    }

    /// Kills it and all its descendants, and waits until it is gone. Its parent must reap it.
    pub async fn end_tree(self) {
        while self.is_alive() {
            kill_descendants(self.pid);
            self.send(Signal::SIGKILL);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Sends the signal to this very process, not to one that has reused its number.
    fn send(self, signal: Signal) {
        match sys::open_pidfd(self.pid) {
            Ok(pidfd) => {
                if process(self.pid).is_some_and(|now| now.identity == self) {
                    sys::send_signal(&pidfd, signal).ok();
                }
            }
            Err(Errno::ENOSYS | Errno::EPERM) => {
                signal::kill(Pid::from_raw(self.pid), signal).ok();
            }
            Err(_) => {}
        }
    }
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
    let pids =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(process).collect()
}

fn process(pid: i32) -> Option<Process> {
    parse_stat(&fs_err::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses `pid (name) state ppid …`, see proc(5). The name may contain anything, also `)`.
fn parse_stat(stat: &[u8]) -> Option<Process> {
    let pid = std::str::from_utf8(stat.split(|byte| *byte == b' ').next()?).ok()?.parse().ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields =
        std::str::from_utf8(stat.get(after_name + 1..)?).ok()?.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    // Field 22 of the line; the state was field 3.
    let started = fields.nth(16)?.parse().ok()?;
    Some(Process { identity: Identity { pid, started }, parent, group, zombie })
}

/// Parses `/proc/<pid>/status`: real, effective, saved and file system id of user and group.
fn parse_owner(status: &str) -> Option<Owner> {
    let ids = |name: &str| -> Option<[u32; 4]> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let ids: Vec<u32> = line.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        ids.try_into().ok()
    };
    let ([uid, users @ ..], [_, gid, ..]) = (ids("Uid:")?, ids("Gid:")?);
    users.iter().all(|user| *user == uid).then_some(Owner { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_two_different_users_has_no_owner() {
        let status = "Name:\tx\nUid:\t7\t7\t7\t7\nGid:\t8\t9\t9\t9\n";
        assert_eq!(parse_owner(status), Some(Owner { uid: 7, gid: 9 }));
        assert_eq!(parse_owner(&status.replacen("7\t7", "7\t0", 1)), None);
        assert_eq!(parse_owner("Name:\tx\n"), None);
        let me = Identity::of(std::process::id().cast_signed()).unwrap();
        assert!(me.is_alive_as(nix::unistd::getuid().as_raw()));
        assert!(
            !Identity { started: me.started + 1, ..me }.is_alive_as(nix::unistd::getuid().as_raw())
        );
    }

    #[test]
    fn a_process_name_cannot_forge_the_line() {
        let tail = "1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let line = format!("42 (a) Z 99 (b) S {tail}");
        let expected = Process {
            identity: Identity { pid: 42, started: 4711 },
            parent: 1,
            group: 7,
            zombie: false,
        };
        assert_eq!(parse_stat(line.as_bytes()), Some(expected));
        assert_eq!(parse_stat(b"42 (a"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn a_child_is_found_below_its_parent() {
        #[expect(clippy::disallowed_methods, reason = "the test is about processes")]
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(
            descendants(me).iter().any(|process| process.identity.pid == pid && !process.zombie)
        );
        let found = Identity::of(pid).unwrap();
        Identity { started: found.started + 1, ..found }.send(Signal::SIGKILL);
        assert!(
            child.try_wait().unwrap().is_none(),
            "the signal was for another process with that number"
        );
        found.send(Signal::SIGKILL);
        assert!(!child.wait().unwrap().success());
    }
}
