//! What a child process does between fork and exec.

#![allow(unsafe_code)]

use std::io;

use nix::{
    sys::{prctl, signal::Signal},
    unistd::{Pid, getpid, getppid, setsid},
};
use tokio::process::Command;

/// Gives the child a session and process group of its own and none of this process's descriptors,
/// and has the kernel kill it when the thread that starts it ends, however that comes about.
pub(crate) fn isolate(command: &mut Command) {
    common::descriptors::inherit_none(command.as_std_mut());
    let parent = getpid();
    // SAFETY: `in_child` calls async-signal-safe system calls only, allocates nothing and takes no
    // lock.
    unsafe {
        command.pre_exec(move || in_child(parent));
    }
}

fn in_child(parent: Pid) -> io::Result<()> {
    setsid()?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The parent may have died before the line above.
    if getppid() == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::ESRCH)) }
}
