//! `jstack`: run the jstack of the TaskManager's Java on the TaskManager.
//!
//! The kernel says which Java that is, not a file that the task's user can write. The user could
//! still have put any program there. So it runs as that user: without root's groups, environment
//! and terminal, and with its output escaped.

use std::{
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, BorrowedFd},
    path::PathBuf,
    process::{Child, Command, Stdio},
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
    let (process, owner) =
        found.task_manager().ok_or_else(|| HostError::NotRunning(found.task().to_owned()))?;
    let me = geteuid();
    if !me.is_root() && me.as_raw() != owner.uid {
        return Err(HostError::NotOurs { task: found.task().to_owned(), user: found.user() });
    }
    let (process, java) =
        java(process, owner).ok_or_else(|| HostError::NoJava(found.task().to_owned()))?;
    let jstack = java.with_file_name("jstack");
    if !jstack.is_file() {
        return Err(HostError::NoJstack { java, pid: process.pid });
    }
    if process.is_stopped() {
        return Err(HostError::Stopped { task: found.task().to_owned(), pid: process.pid });
    }
    print(command(&jstack, process, owner), process, owner, LONGEST)
}

/// The Java process and its program: the TaskManager itself, or the JVM that a custom command
/// started.
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
    command
        .arg(process.pid.to_string())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::null());
    process::become_user(&mut command, Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    command
}

/// Runs the command to its end, and prints its output, escaped. Ends it if it takes longer than
/// `limit`, or if nobody reads on.
fn print(
    mut command: Command,
    process: Identity,
    owner: Owner,
    limit: Duration,
) -> Result<(), HostError> {
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
    let give_up_at = Instant::now() + limit;
    let copied = copy(&mut output, give_up_at);
    let is_complete = matches!(copied, Ok(true)) && ends_before(&child, give_up_at);
    if !is_complete {
        child.kill()?;
    }
    let status = child.wait()?;
    match copied {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) if !is_complete => {
            Err(HostError::NoAnswer { program, pid: process.pid, seconds: limit.as_secs() })
        }
        Ok(_) if status.success() => Ok(()),
        Ok(_) => Err(failed(&status)),
    }
}

/// Copies the output; false if it did not end in time.
fn copy(output: &mut io::PipeReader, give_up_at: Instant) -> io::Result<bool> {
    let mut out = Escaping::new(io::stdout().lock());
    let mut chunk = [0; 16 << 10];
    while is_ready(output.as_fd(), give_up_at)? {
        match output.read(&mut chunk)? {
            0 => return out.finish().map(|()| true),
            count => out.write_all(&chunk[..count])?,
        }
    }
    out.finish().map(|()| false)
}

/// Waits for the end of a process that has closed its output, which it may do long before.
fn ends_before(child: &Child, give_up_at: Instant) -> bool {
    let ended = process::open_pidfd(child.id().cast_signed());
    // Before Linux 5.3, which has no such descriptors, there is no limit here.
    ended.map_or(true, |ended| is_ready(ended.as_fd(), give_up_at).unwrap_or(false))
}

/// Waits until a descriptor can be read; false if it cannot in time.
fn is_ready(descriptor: BorrowedFd<'_>, give_up_at: Instant) -> io::Result<bool> {
    loop {
        let left = give_up_at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut wanted = [PollFd::new(descriptor, PollFlags::POLLIN)];
        match poll(&mut wanted, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is tested ends the process")]
    fn a_jstack_that_does_not_end_is_killed_and_the_error_says_what_to_try() {
        let me = Identity::of(std::process::id().cast_signed()).unwrap();
        let owner =
            Owner { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() };
        // The second one closes its output first.
        for script in ["sleep 1000", "exec >&- 2>&-; sleep 1000"] {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            let error =
                print(command, me, owner, Duration::from_millis(200)).unwrap_err().to_string();
            let expected = format!(
                "/bin/sh did not end within 0 s, because Java does not answer; `kill -QUIT {}`",
                me.pid
            );
            assert!(error.starts_with(&expected) && error.contains("taskmanager.out"), "{error}");
        }
    }
}
