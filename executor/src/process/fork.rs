//! The first guard is forked before the executor does anything else.
//!
//! Executing the binary again would map, link and relocate the whole program, which takes longer
//! than the rest of a warm start. A forked guard shares those pages.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::ExitCode,
};

use fs_err::OpenOptions;
use nix::unistd::{ForkResult, Pid, dup2_stdin, dup2_stdout};

use super::{guard, sys};

/// A forked guard that nothing waits for yet.
#[derive(Debug)]
pub struct Forked {
    pub(super) pid: Pid,
    pub(super) socket: UnixStream,
}

/// Forks the guard, which never returns from here. Call it only in a process with a single thread:
/// a lock that another thread holds would be held forever in the guard.
#[expect(clippy::disallowed_methods, reason = "the child must not return, and has nothing to drop")]
pub fn fork() -> io::Result<Forked> {
    let (ours, theirs) = UnixStream::pair()?;
    match sys::fork()? {
        ForkResult::Parent { child } => Ok(Forked { pid: child, socket: ours }),
        ForkResult::Child => {
            drop(ours);
            let ended = guard::exit_code(alone(theirs.into()).and_then(|()| guard::guard()));
            std::process::exit(i32::from(ended != ExitCode::SUCCESS))
        }
    }
}

/// Runs the guard as if it were executed with this socket as its standard input: all other
/// inherited files are closed.
fn alone(socket: OwnedFd) -> anyhow::Result<()> {
    guard::take_name()?;
    dup2_stdin(&socket)?;
    dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
    drop(socket);
    sys::close_inherited().or_else(guard::ignore_old_kernel)?;
    Ok(())
}
