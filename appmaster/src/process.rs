//! Child processes: those that end with us, and this program again in the background.

pub(crate) mod identity;

use std::{
    io,
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use flink::command::CommandLine;
use fs_err::File;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// Starts `line` in its own process group, so that Ctrl-C at the terminal reaches only us. It gets
/// SIGTERM when this process dies. Its output is appended to `out` and `err`. It inherits `lock`,
/// which stays locked until both processes have ended, and no other descriptor.
pub fn start(
    line: &CommandLine,
    out: &Path,
    err: &Path,
    lock: Option<Arc<File>>,
) -> io::Result<Child> {
    let append =
        |path: &Path| common::own_files::append(path).map(|file| Stdio::from(file.into_parts().0));
    let mut command = command(line);
    command.stdout(append(out)?).stderr(append(err)?);
    if let Some(lock) = lock {
        sys::inherit(&mut command, lock);
    }
    command.spawn()
}

/// Starts this program with the same command line and this variable in a session of its own, so
/// that no terminal ends it. It writes to `log`; its standard output is for the caller.
pub fn again(log: &File, variable: &str) -> io::Result<Child> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this program itself, which outlives this process"
    )]
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).env(variable, "1");
    let log = log.file().try_clone()?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    sys::begin_session(&mut command);
    common::descriptors::inherit_none(command.as_std_mut());
    command.spawn()
}

/// Runs `line` until it ends, and returns its output. It is killed after `most`.
pub async fn output(line: &CommandLine, most: Duration) -> io::Result<Output> {
    let mut command = command(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = tokio::time::timeout(most, command.spawn()?.wait_with_output()).await;
    ended.unwrap_or_else(|_| {
        let text = format!("{} did not end within {} s", line.program.display(), most.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// A child in its own process group that ends with us, and whose output goes nowhere yet.
fn command(line: &CommandLine) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this crate that starts processes"
    )]
    let mut command = Command::new(&line.program);
    let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in inherited.filter(|name| is_ours(name)) {
        command.env_remove(name);
    }
    command
        .args(&line.arguments)
        .envs(line.environment.iter().map(|(k, v)| (k, v)))
        .current_dir(&line.directory);
    command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    sys::end_with_parent(&mut command);
    common::descriptors::inherit_none(command.as_std_mut());
    command
}

/// Whether a variable is read by this program alone: it may hold a secret of ours, and jobs can
/// read the environment of the JobManager.
fn is_ours(variable: &str) -> bool {
    let is_ours = ["FLINK_MESOS_", "FLINK_CONF_", "FLINK_PROPERTIES"]
        .iter()
        .any(|prefix| variable.starts_with(prefix));
    is_ours && variable != "FLINK_CONF_DIR"
}

/// Sends SIGTERM to the child's process group, and SIGKILL after `grace`.
pub async fn stop(child: &mut Child, grace: Duration) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    // A group that no longer exists has ended, as wanted.
    let signal = |signal| group.map(|group| killpg(group, signal));
    _ = signal(Signal::SIGTERM);
    if tokio::time::timeout(grace, child.wait()).await.is_err() {
        _ = signal(Signal::SIGKILL);
        _ = child.wait().await;
    }
}

mod sys {
    #![allow(unsafe_code)]

    use std::sync::Arc;

    use fs_err::File;
    use nix::{
        fcntl::{FcntlArg, FdFlag, fcntl},
        sys::{prctl, signal::Signal},
        unistd::{getppid, setsid},
    };
    use tokio::process::Command;

    /// Has the kernel send SIGTERM to the child when its parent dies.
    pub(super) fn end_with_parent(command: &mut Command) {
        let parent = nix::unistd::getpid();
        // SAFETY: between fork and exec only prctl and getppid are called and an error is created;
        // none allocates or locks.
        unsafe {
            command.pre_exec(move || {
                prctl::set_pdeathsig(Signal::SIGTERM)?;
                // The parent may have died before `prctl`.
                if getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
            });
        }
    }

    /// Has the child lead a session without a terminal.
    pub(super) fn begin_session(command: &mut Command) {
        // SAFETY: between fork and exec only setsid is called, a plain system call.
        unsafe {
            command.pre_exec(|| setsid().map(drop).map_err(Into::into));
        }
    }

    /// Leaves `file` open in the child, and in no other process that is started at the same time.
    pub(super) fn inherit(command: &mut Command, file: Arc<File>) {
        // SAFETY: between fork and exec only fcntl is called, and an error is created; none
        // allocates or locks.
        unsafe {
            command.pre_exec(move || {
                fcntl(file.file(), FcntlArg::F_SETFD(FdFlag::empty()))?;
                Ok(())
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_inherits_the_lock_and_no_other_descriptor_of_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let [out, err, lock, other] =
            ["out", "err", "lock", "other"].map(|name| folder.path().join(name));
        let held = Arc::new(File::create(&lock).unwrap());
        // As if the process that started this one had left it open.
        let _inherited = nix::unistd::dup(File::create(&other).unwrap().file()).unwrap();
        let line = CommandLine {
            program: "sleep".into(),
            arguments: vec!["60".to_owned()],
            environment: Vec::new(),
            directory: folder.path().to_owned(),
        };
        let mut child = start(&line, &out, &err, Some(held)).unwrap();
        let open = fs_err::read_dir(format!("/proc/{}/fd", child.id().unwrap())).unwrap();
        // What the program itself opens may be closed meanwhile.
        let open: Vec<_> =
            open.filter_map(|entry| fs_err::read_link(entry.ok()?.path()).ok()).collect();
        stop(&mut child, Duration::from_secs(10)).await;
        assert!(
            [&out, &err, &lock].into_iter().all(|path| open.contains(path))
                && !open.contains(&other),
            "{open:?}"
        );
    }

    #[test]
    fn variables_that_only_this_program_reads_are_not_passed_on() {
        for variable in
            ["FLINK_MESOS_CONTROL_TOKEN", "FLINK_PROPERTIES", "FLINK_CONF_mesos__master"]
        {
            assert!(is_ours(variable), "{variable}");
        }
        for variable in ["PATH", "HADOOP_CONF_DIR", "FLINK_CONF_DIR", "FLINK_HOME", "JAVA_HOME"] {
            assert!(!is_ours(variable), "{variable}");
        }
    }
}
