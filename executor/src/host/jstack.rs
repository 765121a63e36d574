//! `jstack`: run the jstack of the TaskManager's Java on the TaskManager.
//!
//! The kernel says which Java that is, not a file that the task's user can write. The user could still have put any
//! program there. So it runs as that user: without root's groups, environment and terminal, and with its output
//! escaped.

use std::{
    io::{self, Read as _, Write as _},
    os::fd::AsFd as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::{Gid, Uid, geteuid},
};
use tokio::time::Instant;

use super::{Found, HostError};
use crate::{
    process::{self, Identity, Owner},
    text::Escaping,
};

/// Time limit for jstack; a JVM answers within seconds or not at all.
const LONGEST: Duration = Duration::from_secs(60);

/// Prints the thread dump.
pub(super) fn run(found: &Found) -> Result<(), HostError> {
    let (process, owner) = found.task_manager().ok_or_else(|| HostError::NotRunning(found.task().to_owned()))?;
    let me = geteuid();
    if !me.is_root() && me.as_raw() != owner.uid {
        return Err(HostError::NotOurs { task: found.task().to_owned(), user: found.user() });
    }
    let (process, java) = java(process, owner).ok_or_else(|| HostError::NoJava(found.task().to_owned()))?;
    let jstack = java.with_file_name("jstack");
    if !jstack.is_file() {
        return Err(HostError::NoJstack { java, pid: process.pid });
    }
    print(command(&jstack, process, owner), owner)
}

/// The Java process and its program: the TaskManager itself, or the JVM that a custom command started.
fn java(task_manager: Identity, owner: Owner) -> Option<(Identity, PathBuf)> {
    let below = process::below(task_manager.pid.cast_unsigned()).into_iter();
    let below = below.filter_map(|pid| Identity::of(pid.cast_signed()));
    [task_manager].into_iter().chain(below).find_map(|process| {
        let program = fs_err::read_link(format!("/proc/{}/exe", process.pid)).ok()?;
        // Checked last, so that the program is surely that of this process.
        (program.ends_with("java") && process.is_alive_as(owner.uid)).then_some((process, program))
    })
}

#[expect(clippy::disallowed_methods, reason = "this process waits for jstack and ends with it")]
fn command(jstack: &std::path::Path, process: Identity, owner: Owner) -> Command {
    let mut command = Command::new(jstack);
    command.arg(process.pid.to_string()).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/").stdin(Stdio::null());
    process::become_user(&mut command, Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    command
}

/// Runs the command to its end, and prints its output, escaped.
fn print(mut command: Command, owner: Owner) -> Result<(), HostError> {
    let program = PathBuf::from(command.get_program());
    let (mut output, writer) = io::pipe()?;
    command.stderr(writer.try_clone()?).stdout(writer);
    let started = command.spawn();
    // `command` holds the write end of the pipe; once dropped, only jstack does.
    drop(command);
    let failed = |error: &dyn std::fmt::Display| HostError::Jstack {
        program: program.clone(),
        user: owner.uid,
        why: error.to_string(),
    };
    let mut child = started.map_err(|error| failed(&error))?;
    let copied = copy(&mut output);
    if copied.as_ref().is_ok_and(|ended| !ended) {
        child.kill()?;
    }
    let status = child.wait()?;
    match copied {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
        Ok(false) => Err(failed(&format!("it did not end within {} s", LONGEST.as_secs()))),
        Ok(true) if status.success() => Ok(()),
        Ok(true) => Err(failed(&status)),
    }
}

/// Copies the output; false if it did not end in time.
fn copy(output: &mut io::PipeReader) -> io::Result<bool> {
    let give_up_at = Instant::now() + LONGEST;
    let mut out = Escaping::new(io::stdout().lock());
    let mut chunk = [0; 16 << 10];
    loop {
        let left = give_up_at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return out.finish().map(|()| false);
        }
        let mut wanted = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wanted, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match output.read(&mut chunk)? {
            0 => return out.finish().map(|()| true),
            count => out.write_all(&chunk[..count])?,
        }
    }
}
