//! The first guard is there from the beginning: the executor becomes two processes before it does anything else.
//!
//! One that is executed maps, links and relocates the whole program once more, which takes longer than everything else
//! that a warm start does. A forked one shares what is there.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::ExitCode,
};

use fs_err::OpenOptions;
use nix::unistd::{ForkResult, Pid, dup2_stdin, dup2_stdout};

use super::{guard, sys};

/// A guard that was forked, before anything waits for it.
#[derive(Debug)]
pub struct Forked {
    pub(super) pid: Pid,
    pub(super) socket: UnixStream,
}

/// Makes this process two, of which one is a guard and never returns from here. Only for a process that has no second
/// thread: what another thread holds would be held for ever.
#[expect(clippy::disallowed_methods, reason = "the child has nothing to go back to, and nothing to drop")]
pub fn fork() -> io::Result<Forked> {
    let (ours, theirs) = UnixStream::pair()?;
    match sys::fork()? {
        ForkResult::Parent { child } => Ok(Forked { pid: child, socket: ours }),
        ForkResult::Child => {
            drop(ours);
            let ended = guard::told(alone(theirs.into()).and_then(|()| guard::guard()));
            std::process::exit(i32::from(ended != ExitCode::SUCCESS))
        }
    }
}

/// As if it had been executed with this socket as its standard input: nothing else of the executor's is open.
fn alone(socket: OwnedFd) -> anyhow::Result<()> {
    guard::take_name()?;
    dup2_stdin(&socket)?;
    dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
    drop(socket);
    sys::close_inherited().or_else(guard::ignore_old_kernel)?;
    Ok(())
}
