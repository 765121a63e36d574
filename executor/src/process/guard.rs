//! The guard: see the drawing in [`crate::process`]. One thread, no async, asleep until something happens.

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
use crate::core::{Ended, ExitStatus, OutputLimits, Survivors};

/// The argument that makes the executor's binary a guard.
pub const ARGUMENT: &str = "--guard";

/// How the guard calls itself in process lists.
pub const NAME: &str = "flink-taskmanager-guard";

/// While killing: how long to wait for a death before looking again.
const LOOK_AGAIN_MS: u16 = 20;

/// The guard's `main`: its standard input is the socket to the executor.
pub fn run() -> ExitCode {
    told(guard())
}

/// What went wrong is told where nobody but a person looks.
pub(super) fn told(ended: anyhow::Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "{NAME}: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

pub(super) fn guard() -> anyhow::Result<()> {
    sys::close_inherited_on_exec().or_else(ignore_old_kernel).context("cannot keep inherited files to itself")?;
    prctl::set_child_subreaper(true).context("cannot become a sub-reaper")?;
    take_name().context("cannot name itself")?;
    // Fails only when we lead a session already.
    setsid().ok();
    let signals = block_signals().context("cannot take signals")?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // All that can be made out now need not be once the order is there.
    let cgroup = Cgroup::of_guard(std::process::id());
    let Some(order) = Order::read(&mut socket).context("got no order")? else { return Ok(()) };
    set_limits().context("cannot set limits")?;
    if order.background {
        step_back().context("cannot stay in the background")?;
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
    // The executor may be gone already: the watch below notices.
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

/// The name in the lists of the kernel, which are all the name that a forked guard has.
pub(super) fn take_name() -> nix::Result<()> {
    prctl::set_name(c"tm-guard")
}

/// Signals are read like files, so that none is lost and none interrupts.
fn block_signals() -> nix::Result<SignalFd> {
    let signals: SigSet =
        [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect();
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Flink opens many files; its core dumps would fill the sandbox; nobody else reads what it writes.
fn set_limits() -> nix::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let (_, most) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, most)?;
    umask(Mode::from_bits_truncate(0o027));
    Ok(())
}

/// What is started from here on inherits it.
fn step_back() -> io::Result<()> {
    fs_err::write("/proc/self/oom_score_adj", "1000")?;
    sys::lower_priority().map_err(io::Error::from)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that starts, ends and reaps the TaskManager")]
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

/// Linux before 5.11 has no such call, and a container made by an older Docker forbids calls that it does not know; the
/// descriptors of ours are closed on exec anyway.
pub(super) fn ignore_old_kernel(error: Errno) -> nix::Result<()> {
    if matches!(error, Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) { Ok(()) } else { Err(error) }
}

struct Watch {
    child: Pid,
    /// The executor has asked the TaskManager to end: what came of it may take its time until the executor says that it is
    /// over.
    terminated: bool,
    /// What was alive when that time was over.
    survivors: Survivors,
    /// Once the TaskManager itself is reaped.
    status: Option<ExitStatus>,
    /// None once the executor is gone.
    socket: Option<UnixStream>,
    signals: SignalFd,
    cgroup: Option<Cgroup>,
    /// Those that somebody may still write to.
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

    /// Until a signal, a word of the executor or the TaskManager, or, while killing, a moment has passed.
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

    /// Does what the executor asks; true when all is to be killed.
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
                let commands: Vec<_> = bytes[..count].iter().filter_map(|byte| order::Command::of(*byte)).collect();
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

    /// What lives now.
    fn survivors(&mut self) -> Survivors {
        self.reap();
        let living = tree::below(std::process::id()).len();
        let task_manager = self.status.is_none();
        Survivors { task_manager, others: living.saturating_sub(usize::from(task_manager)) }
    }

    /// True when there is no child any more. As all that came of the TaskManager is below this process, and what loses its
    /// parent becomes a child, then nothing of it is left.
    fn reap(&mut self) -> bool {
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, ExitStatus::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ExitStatus::Signal(signal as i32)),
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
    fn where_files_cannot_be_closed_at_once_a_guard_does_without() {
        for error in [Errno::ENOSYS, Errno::EINVAL, Errno::EPERM] {
            assert_eq!(ignore_old_kernel(error), Ok(()), "{error}");
        }
        assert_eq!(ignore_old_kernel(Errno::EBADF), Err(Errno::EBADF));
    }
}
