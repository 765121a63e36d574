//! The guard, drawn in [`crate::process`]: one thread, no async, asleep until something happens.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::Context as _;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        stat::{Mode, umask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, setsid},
};

use super::{
    cgroup::Cgroup,
    order::{self, Notice, Order},
    output::Output,
    sys, tree,
};
use crate::core::{Ended, ExitStatus, Survivors};
use crate::rotation::OutputLimits;

/// The argument that runs the executor's binary as a guard.
pub const ARGUMENT: &str = "--guard";

/// The guard's name in process lists.
pub const NAME: &str = "flink-taskmanager-guard";

/// While killing: how long to wait for a process to end before looking again, in milliseconds.
const LOOK_AGAIN_MS: u16 = 20;

/// The guard's `main`. Its standard input is the socket to the executor.
pub fn run() -> ExitCode {
    exit_code(guard())
}

/// The exit code for this result. Errors go to standard error, the only place left for them.
pub(super) fn exit_code(ended: anyhow::Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "{NAME}: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

pub(super) fn guard() -> anyhow::Result<()> {
    common::descriptors::close_on_exec();
    prctl::set_child_subreaper(true).context("cannot become a sub-reaper")?;
    take_name().context("cannot set the process name")?;
    // Fails only if we lead a session already.
    setsid().ok();
    let signals = block_signals().context("cannot block signals")?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Done now, to save time once the order is there.
    let cgroup = Cgroup::of_guard(std::process::id());
    let Some(order) = Order::read(&mut socket).context("cannot read the order")? else {
        return Ok(());
    };
    set_limits().context("cannot set limits")?;
    if order.background {
        step_back().context("cannot lower the priority")?;
    }
    let cgroup = cgroup.and_then(Cgroup::create);
    let (child, outputs) = match start(&order, cgroup.as_ref()) {
        Ok(started) => started,
        Err(error) => {
            cgroup.as_ref().map(Cgroup::remove);
            socket.write_all(Notice::Failed(format!("{error:#}")).line().as_bytes())?;
            return Ok(());
        }
    };
    // If the executor is gone already, the loop below notices.
    socket.write_all(Notice::Started(child.id()).line().as_bytes()).ok();
    drop(order);
    let child = Pid::from_raw(child.id().cast_signed());
    let watch = Watch {
        child,
        terminated: false,
        survivors: Survivors::default(),
        status: None,
        socket: Some(socket),
        signals,
        cgroup,
        outputs,
    };
    watch.until_all_is_gone()
}

/// Sets the name in the kernel's process lists; a forked guard has no command line of its own to
/// show.
pub(super) fn take_name() -> nix::Result<()> {
    prctl::set_name(c"tm-guard")
}

/// Signals are read from a descriptor, so that none is lost and none interrupts a call.
fn block_signals() -> nix::Result<SignalFd> {
    let signals: SigSet =
        [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT]
            .into_iter()
            .collect();
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Flink opens many files, core dumps would fill the sandbox, and other users must not read the
/// TaskManager's files.
fn set_limits() -> nix::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let (_, most) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, most)?;
    umask(Mode::from_bits_truncate(0o027));
    Ok(())
}

/// Lowers the priority of this process and of everything it starts.
fn step_back() -> io::Result<()> {
    fs_err::write("/proc/self/oom_score_adj", "1000")?;
    sys::lower_priority().map_err(io::Error::from)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that starts, ends and reaps the TaskManager"
)]
fn start(order: &Order, cgroup: Option<&Cgroup>) -> anyhow::Result<(Child, Vec<Output>)> {
    let limits = OutputLimits { size: order.output_size, older: order.older_outputs };
    let (stdout, to_stdout) = Output::open(order::path(&order.stdout), limits)?;
    let (stderr, to_stderr) = Output::open(order::path(&order.stderr), limits)?;
    let program = order::path(&order.program);
    let mut command = Command::new(program);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().map(|variable| (&variable.name, &variable.value)))
        .current_dir(order::path(&order.directory))
        .stdin(Stdio::null())
        .stdout(to_stdout)
        .stderr(to_stderr);
    sys::lead_session_and_die_with_parent(&mut command, cgroup.and_then(Cgroup::entrance));
    let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    Ok((child, vec![stdout, stderr]))
}

/// Linux before 5.11 has no such call, and containers of older Docker versions forbid unknown
/// calls. Our own descriptors are closed on exec anyway.
pub(super) fn ignore_old_kernel(error: Errno) -> nix::Result<()> {
    if matches!(error, Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) { Ok(()) } else { Err(error) }
}

struct Watch {
    child: Pid,
    /// The executor has asked the TaskManager to end. Its descendants then have until the executor
    /// sends [`order::Command::Destroy`].
    terminated: bool,
    /// What was alive when [`order::Command::Destroy`] came.
    survivors: Survivors,
    /// Set once the TaskManager itself is reaped.
    status: Option<ExitStatus>,
    /// None once the executor is gone.
    socket: Option<UnixStream>,
    signals: SignalFd,
    cgroup: Option<Cgroup>,
    /// Outputs that some process can still write to.
    outputs: Vec<Output>,
}

impl Watch {
    fn until_all_is_gone(mut self) -> anyhow::Result<()> {
        let me = std::process::id().cast_signed();
        let mut destroying = false;
        loop {
            let nothing_is_left = self.reap();
            destroying |= self.status.is_some() && !self.terminated || self.socket.is_none();
            if nothing_is_left && self.status.is_some() {
                break;
            }
            if destroying {
                self.cgroup.as_ref().map(Cgroup::kill);
                if tree::kill_descendants(me) == 0 {
                    break;
                }
            }
            self.sleep(destroying)?;
            while let Ok(Some(signal)) = self.signals.read_signal() {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    self.terminate();
                }
            }
            if self.obey() && !destroying {
                self.survivors = self.survivors();
                destroying = true;
            }
            self.outputs.retain_mut(Output::copy);
        }
        self.outputs.into_iter().for_each(Output::copy_rest);
        self.cgroup.as_ref().map(Cgroup::remove);
        if let Some(mut socket) = self.socket {
            let status = self.status.unwrap_or(ExitStatus::Unknown);
            let ended = Ended { status, survivors: self.survivors };
            socket.write_all(Notice::Exited(ended).line().as_bytes()).ok();
        }
        Ok(())
    }

    /// Waits for a signal, the executor's command or output of the TaskManager; while killing, only
    /// for a moment.
    fn sleep(&self, destroying: bool) -> anyhow::Result<()> {
        let wanted = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let socket = self.socket.as_ref().map(|socket| wanted(socket.as_fd()));
        let outputs = self.outputs.iter().map(|output| wanted(output.as_fd()));
        let mut wanted: Vec<PollFd<'_>> =
            socket.into_iter().chain([wanted(self.signals.as_fd())]).chain(outputs).collect();
        let timeout = if destroying { PollTimeout::from(LOOK_AGAIN_MS) } else { PollTimeout::NONE };
        match poll(&mut wanted, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("cannot wait"),
        }
    }

    /// Obeys the executor's commands; true if everything must be killed.
    fn obey(&mut self) -> bool {
        let Some(socket) = &mut self.socket else { return true };
        let mut bytes = [0; 16];
        if !is_readable(socket.as_fd()) {
            return false;
        }
        match socket.read(&mut bytes) {
            Ok(0) | Err(_) => {
                self.socket = None;
                true
            }
            Ok(count) => {
                let commands: Vec<_> =
                    bytes[..count].iter().filter_map(|byte| order::Command::of(*byte)).collect();
                if commands.contains(&order::Command::Terminate) {
                    self.terminated |= self.status.is_none();
                    self.terminate();
                }
                commands.contains(&order::Command::Destroy)
            }
        }
    }

    fn terminate(&self) {
        if self.status.is_none() {
            tree::terminate_descendants(std::process::id().cast_signed(), self.child);
        }
    }

    /// What is alive now.
    fn survivors(&mut self) -> Survivors {
        self.reap();
        let living = tree::below(std::process::id()).len();
        let task_manager = self.status.is_none();
        Survivors { task_manager, others: living.saturating_sub(usize::from(task_manager)) }
    }

    /// Reaps dead children; true if no child is left. Then no descendant of the TaskManager is left
    /// either, because all of them are below this process, and orphans become its children.
    fn reap(&mut self) -> bool {
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, ExitStatus::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, ExitStatus::Signal(signal as i32))
                }
                Ok(WaitStatus::StillAlive) => return false,
                Err(error) => return error == Errno::ECHILD,
                Ok(_) => continue,
            };
            if status.0 == self.child {
                self.status = Some(status.1);
            }
        }
    }
}

fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut wanted = [PollFd::new(descriptor, PollFlags::POLLIN)];
    poll(&mut wanted, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_works_on_kernels_without_close_range() {
        for error in [Errno::ENOSYS, Errno::EINVAL, Errno::EPERM] {
            assert_eq!(ignore_old_kernel(error), Ok(()), "{error}");
        }
        assert_eq!(ignore_old_kernel(Errno::EBADF), Err(Errno::EBADF));
    }
}
