//! The calls to the kernel that Rust cannot check.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl,
        signal::{SigSet, Signal},
    },
    unistd::{self, ForkResult, Gid, Uid},
};

/// Makes the child the leader of a new session and process group that dies with this process.
///
/// It enters the control group of that entrance first, if it can. To be called, and the command spawned, on a thread
/// that lives as long as the process: the kernel means the thread.
pub(super) fn lead_session_and_die_with_parent(command: &mut Command, entrance: Option<File>) {
    let parent = unistd::getpid();
    // SAFETY: between fork and exec only write, sigprocmask, setsid, prctl and getppid are called, all of them
    // async-signal-safe; nothing is allocated or locked.
    unsafe {
        command.pre_exec(move || {
            // Without the group the process is still below the guard.
            entrance.as_ref().map(|mut entrance| entrance.write(b"0").ok());
            // Blocked signals would stay blocked in the new program.
            SigSet::empty().thread_set_mask()?;
            unistd::setsid()?;
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if unistd::getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
        });
    }
}

/// Makes the child somebody else: this user and this group, and a member of no other; without a terminal, unable to become
/// more again, and dead with this process. To be spawned on a thread that lives as long as the process.
///
/// A process that is not root can only be who it is.
pub(crate) fn become_user(command: &mut Command, user: Uid, group: Gid) {
    // SAFETY: between fork and exec only geteuid, setgroups, setresgid, setresuid, setsid and prctl are called, all of them
    // plain system calls; nothing is allocated or locked.
    unsafe {
        command.pre_exec(move || {
            if unistd::geteuid().is_root() {
                unistd::setgroups(&[])?;
                unistd::setresgid(group, group, group)?;
                unistd::setresuid(user, user, user)?;
            }
            unistd::setsid()?;
            prctl::set_no_new_privs()?;
            Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
        });
    }
}

/// Forks a process that has one thread.
pub(super) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the only thread there is goes on in the child: nothing is left locked or half-done.
    unsafe { unistd::fork() }
}

/// Closes every descriptor from 3 up. For a process that has just been forked, and whose own ones are none of them.
pub(super) fn close_inherited() -> nix::Result<()> {
    // SAFETY: close_range takes three integers. Nothing that owned one of the descriptors is used or dropped after that:
    // the child of a fork goes its own way and ends without returning.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    Errno::result(result).map(drop)
}

/// Marks every descriptor from 3 up to be closed by exec, also those that we inherited and know nothing of.
pub(super) fn close_inherited_on_exec() -> nix::Result<()> {
    // SAFETY: close_range with CLOSE_RANGE_CLOEXEC only sets a flag on descriptors; none is closed here.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// Of the processor and the disk this process gets what is left over.
pub(super) fn lower_priority() -> nix::Result<()> {
    const WHO_PROCESS: i32 = 1;
    const CLASS_IDLE: i32 = 3 << 13;
    // SAFETY: setpriority takes integers and changes this process only.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) })?;
    // SAFETY: ioprio_set takes integers and changes this process only.
    let set = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE) };
    Errno::result(set).map(drop)
}

/// A descriptor that stays with this process even when its number is given to another one.
pub(super) fn open_pidfd(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and returns a new descriptor or -1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = Errno::result(result)?;
    let descriptor = i32::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    // SAFETY: the descriptor is new, open, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sends a signal to exactly this process.
pub(super) fn send_signal(pidfd: &OwnedFd, signal: Signal) -> nix::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is an open pidfd; a null siginfo means an ordinary kill.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal as i32, no_info, 0) };
    Errno::result(result).map(drop)
}
