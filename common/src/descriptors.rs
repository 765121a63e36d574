//! File descriptors: raise the limit, divide it among the listeners, and keep them from the
//! processes that are started.

use std::process::Command;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The highest limit that we set; child processes inherit it.
const MOST: u64 = 1 << 16;
/// Descriptors that no listener may use: for state, ZooKeeper, Mesos, logs and files being read.
const RESERVE: u64 = 256;
/// What every listener may use, even under a low limit.
const LEAST: usize = 16;

/// Raises the limit on open files as far as this process may, and returns the new limit. Call it
/// once at the start, before anything listens.
pub fn raise() -> Result<u64, Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(MOST).max(soft);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted)
}

/// How many connections a listener may accept that would like `wanted`. Each of a process's
/// listeners leaves enough for the others and for everything else.
pub fn connections(wanted: usize) -> usize {
    // If the limit cannot be read, assume the usual one.
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    share(limit, wanted)
}

/// Has the child inherit its standard descriptors and no other. This process closes its own by
/// itself, but the one that started it may have left some open.
pub fn inherit_none(command: &mut Command) {
    sys::inherit_none(command);
}

/// Has every process that this one becomes or starts inherit no descriptor from 3 up that is open
/// now.
pub fn close_on_exec() {
    sys::close_on_exec();
}

mod sys {
    #![allow(unsafe_code)]

    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use nix::libc::{self, c_int};
    use nix::sys::resource::{Resource, getrlimit};

    use super::MOST;

    pub(super) fn inherit_none(command: &mut Command) {
        // SAFETY: between fork and exec only close_range, getrlimit and fcntl are called, all of
        // them plain system calls; nothing is allocated or locked.
        unsafe {
            command.pre_exec(|| {
                close_on_exec();
                Ok(())
            });
        }
    }

    pub(super) fn close_on_exec() {
        // SAFETY: close_range with CLOSE_RANGE_CLOEXEC only sets a flag on descriptors; none is
        // closed here.
        if unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }
            == 0
        {
            return;
        }
        // Linux before 5.11 does not know it, and containers of older Docker versions forbid
        // unknown calls.
        let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(MOST, |(soft, _)| soft.min(MOST));
        for descriptor in 3..c_int::try_from(most).unwrap_or(c_int::MAX) {
            // SAFETY: fcntl takes integers and sets a flag. It refuses a descriptor that is not
            // open.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

fn share(limit: u64, wanted: usize) -> usize {
    let share = usize::try_from(limit.saturating_sub(RESERVE) / 3).unwrap_or(usize::MAX);
    wanted.min(share.max(LEAST))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listener_leaves_enough_descriptors_for_others() {
        for (limit, wanted, expected) in [
            (1024, 4096, 256),
            (1024, 64, 64),
            (65536, 4096, 4096),
            (100, 4096, LEAST),
            (u64::MAX, 4096, 4096),
        ] {
            assert_eq!(share(limit, wanted), expected, "{limit} {wanted}");
        }
        // Three listeners and the reserve.
        assert!(3 * share(1024, 4096) as u64 + RESERVE <= 1024);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the child is ended and reaped here")]
    fn a_child_inherits_nothing_that_was_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let _left_open =
            nix::unistd::dup(fs_err::File::open(folder.path()).unwrap().file()).unwrap();
        let mut command = Command::new("sleep");
        inherit_none(command.arg("60"));
        let mut child = command.spawn().unwrap();
        let open = fs_err::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        // What the program itself opens may be closed meanwhile.
        let open: Vec<_> =
            open.filter_map(|entry| fs_err::read_link(entry.ok()?.path()).ok()).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!open.is_empty() && open.iter().all(|path| path != folder.path()), "{open:?}");
    }

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        let (before, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let raised = raise().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (raised, hard));
        assert!(raised >= before && (raised == hard || raised >= MOST));
    }
}
