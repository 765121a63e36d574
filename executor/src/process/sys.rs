//! The `unsafe` calls to the kernel.
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

use common::descriptors;
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
/// It enters the control group of `entrance` first, if it can. Call this, and spawn the command, on
/// a thread that lives as long as the process, because the kernel watches the thread.
pub(super) fn lead_session_and_die_with_parent(command: &mut Command, entrance: Option<File>) {
    let parent = unistd::getpid();
    // SAFETY: between fork and exec only write, sigprocmask, setsid, prctl and getppid are called,
    // all of them async-signal-safe; nothing is allocated or locked.
    unsafe {
        command.pre_exec(move || {
            // Even without the group, the process is below the guard.
            entrance.as_ref().map(|mut entrance| entrance.write(b"0").ok());
            // Blocked signals would stay blocked in the new program.
            SigSet::empty().thread_set_mask()?;
            unistd::setsid()?;
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if unistd::getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
        });
    }
}

/// Makes the child run as this user and group, without other groups, without other descriptors than
/// its standard ones, without a terminal, unable to gain privileges, and killed when this process
/// ends. Spawn it on a thread that lives as long as the process.
///
/// Without root, the child stays the user that this process is.
pub(crate) fn become_user(command: &mut Command, user: Uid, group: Gid) {
    // SAFETY: between fork and exec only `close_on_exec`, geteuid, setgroups, setresgid, setresuid,
    // setsid and prctl are called, all of them plain system calls; nothing is allocated or locked.
    unsafe {
        command.pre_exec(move || {
            // What root's shell left open is none of that user's business.
            descriptors::close_on_exec();
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

/// Forks. Call it only in a process with a single thread.
pub(super) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the child continues with the only thread there is, so no lock is left held and
    // nothing half-done.
    unsafe { unistd::fork() }
}

/// Closes every descriptor from 3 up. For a forked process that owns none of them.
pub(super) fn close_inherited() -> nix::Result<()> {
    // SAFETY: close_range takes three integers. Nothing that owned one of the descriptors is used
    // or dropped afterwards: the forked child never returns to the parent's code.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    Errno::result(result).map(drop)
}

/// Gives this process the CPU and the disk only when they are otherwise idle.
pub(super) fn lower_priority() -> nix::Result<()> {
    const WHO_PROCESS: i32 = 1;
    const CLASS_IDLE: i32 = 3 << 13;
    // SAFETY: setpriority takes integers and changes this process only.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) })?;
    // SAFETY: ioprio_set takes integers and changes this process only.
    let set = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE) };
    Errno::result(set).map(drop)
}

/// Opens a descriptor that stays with this process even if its number is reused.
pub(crate) fn open_pidfd(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and returns a new descriptor or -1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = Errno::result(result)?;
    let descriptor = i32::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    // SAFETY: the descriptor is new and open, and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sends a signal to exactly this process.
pub(super) fn send_signal(pidfd: &OwnedFd, signal: Signal) -> nix::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is an open pidfd; a null siginfo means an ordinary kill.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal as i32, no_info, 0)
    };
    Errno::result(result).map(drop)
}
