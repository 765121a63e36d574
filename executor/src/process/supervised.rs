//! A TaskManager under its guard, as the executor sees it.

use std::{
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as StdStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use flink::command::CommandLine;
use nix::unistd::Pid;
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    Forked,
    cgroup::Cgroup,
    guard,
    guard_process::GuardProcess,
    order::{Command, Notice, Order},
    output, tree,
};
use crate::core::{Ended, ExitStatus, Survivors};
use crate::rotation::OutputLimits;

/// Why a TaskManager was not started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The guard itself could not be started.
    #[error("cannot start the guard process: {0}")]
    Guard(#[from] std::io::Error),
    /// The guard could not start the program, or could not open its output files.
    #[error("{0}")]
    Program(String),
    /// The guard ended before it answered.
    #[error(
        "the guard process ended before the TaskManager was started; see stderr in the sandbox"
    )]
    GuardLost,
}

/// The files of a TaskManager's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The file of its standard output; rotated files have `.1` and so on appended.
    pub stdout: PathBuf,
    /// The file of its standard error.
    pub stderr: PathBuf,
    /// How much of each is kept.
    pub limits: OutputLimits,
}

impl Outputs {
    /// Creates the files unless they exist; the guard appends to them. Blocking.
    pub fn begin(&self) -> std::io::Result<()> {
        [&self.stdout, &self.stderr].into_iter().try_for_each(|path| output::begin(path))
    }
}

/// A guard without a process to guard yet.
#[derive(Debug)]
pub struct Guard {
    process: GuardProcess,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Guard {
    /// Starts `binary` as the guard of the process with this name. Blocks until it is executed.
    pub fn start(binary: &Path, name: &str) -> Result<Self, StartError> {
        let (ours, theirs) = StdStream::pair()?;
        Self::behind(start_guard(binary, name, theirs.into())?, ours)
    }

    /// Takes over a forked guard.
    pub fn of(forked: Forked) -> Result<Self, StartError> {
        Self::behind(forked.pid, forked.socket)
    }

    fn behind(pid: Pid, socket: StdStream) -> Result<Self, StartError> {
        socket.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(socket)?.into_split();
        Ok(Self { process: GuardProcess::new(pid)?, read, write })
    }

    /// Whether it is alive, so that it can get an order.
    pub fn is_there(&mut self) -> bool {
        self.process.is_there()
    }

    /// Ends a guard that is not needed; returns once it is gone.
    pub async fn dismiss(self) {
        let Self { mut process, read, write } = self;
        drop((read, write));
        process.wait().await;
    }

    async fn obey(self, order: Order) -> Result<Supervised, StartError> {
        let Self { process, read, mut write } = self;
        let mut notices = BufReader::new(read).lines();
        let answer = match write.write_all(&order.to_bytes()).await {
            Ok(()) => notices.next_line().await.ok().flatten(),
            Err(_) => None,
        };
        match answer.as_deref().and_then(Notice::parse) {
            Some(Notice::Started(pid)) => Ok(Supervised {
                pid,
                control: Control(write),
                end: End { guard: process, notices },
            }),
            Some(Notice::Failed(why)) => Err(StartError::Program(why)),
            // The TaskManager may have been started before.
            Some(Notice::Exited(_)) | None => {
                drop(write);
                End { guard: process, notices }.end_what_is_left().await;
                Err(StartError::GuardLost)
            }
        }
    }
}

/// A running TaskManager. Dropping it kills the TaskManager and all its descendants.
#[derive(Debug)]
pub struct Supervised {
    /// Process id of the TaskManager.
    pub pid: u32,
    /// Asks for its end.
    pub control: Control,
    /// Waits for its end.
    pub end: End,
}

/// Asks for the end of a TaskManager.
#[derive(Debug)]
pub struct Control(OwnedWriteHalf);

/// Waits for the end of a TaskManager.
#[derive(Debug)]
pub struct End {
    guard: GuardProcess,
    notices: Lines<BufReader<OwnedReadHalf>>,
}

impl Supervised {
    /// Starts the guard (`binary` with its argument), which starts the command and writes its
    /// output to files.
    pub async fn start(
        binary: &Path,
        name: &str,
        command: &CommandLine,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        Self::start_under(Guard::start(binary, name)?, command, outputs).await
    }

    /// Like [`Self::start`], under an existing guard.
    pub async fn start_under(
        guard: Guard,
        command: &CommandLine,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        guard.obey(Order::new(command, outputs)).await
    }

    /// Like [`Self::start`], for a process with the lowest priority: it runs when the CPU is
    /// otherwise idle, and the kernel kills it first when memory runs out.
    pub async fn start_in_background(
        binary: &Path,
        name: &str,
        command: &CommandLine,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        Guard::start(binary, name)?
            .obey(Order { background: true, ..Order::new(command, outputs) })
            .await
    }
}

impl Control {
    /// Sends SIGTERM to the TaskManager and all its descendants, which then have until
    /// [`Self::destroy`].
    pub async fn terminate(&mut self) {
        self.ask(Command::Terminate).await;
    }

    /// Sends SIGKILL to the TaskManager and all its descendants.
    pub async fn destroy(&mut self) {
        self.ask(Command::Destroy).await;
    }

    /// If the guard does not answer, it is dead, and [`End::wait`] handles that.
    async fn ask(&mut self, command: Command) {
        self.0.write_all(&[command.byte()]).await.ok();
    }
}

impl End {
    /// Process id of the guard.
    pub fn guard(&self) -> Option<u32> {
        self.guard.id()
    }

    /// Returns how the TaskManager ended, once none of its descendants is left.
    pub async fn wait(self) -> ExitStatus {
        self.ended().await.status
    }

    /// Like [`Self::wait`], with what had to be killed.
    pub async fn ended(mut self) -> Ended {
        let notice = self.notices.next_line().await.ok().flatten();
        if let Some(Notice::Exited(ended)) = notice.as_deref().and_then(Notice::parse) {
            self.guard.wait().await;
            return ended;
        }
        self.end_what_is_left().await;
        Ended { status: ExitStatus::Unknown, survivors: Survivors::default() }
    }

    /// The guard was killed. The kernel has killed the TaskManager, and its other descendants are
    /// our children now.
    async fn end_what_is_left(mut self) {
        let guard = self.guard.id();
        self.guard.wait().await;
        let cgroup = guard.and_then(Cgroup::of_guard);
        cgroup.as_ref().map(Cgroup::kill);
        tree::end_descendants(std::process::id().cast_signed()).await;
        cgroup.as_ref().map(Cgroup::remove);
    }
}

/// Without environment variables: everything the guard needs comes over the socket.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that starts, ends and reaps the guard"
)]
fn start_guard(binary: &Path, name: &str, socket: OwnedFd) -> std::io::Result<Pid> {
    let mut command = std::process::Command::new(binary);
    command.arg0(guard::NAME).args([guard::ARGUMENT, name]).env_clear();
    command.stdin(Stdio::from(socket)).stdout(Stdio::null());
    common::descriptors::inherit_none(&mut command);
    let guard = command.spawn()?;
    Ok(Pid::from_raw(guard.id().cast_signed()))
}
