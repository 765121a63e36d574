//! A TaskManager under its guard, as the executor sees it.

use std::{
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as StdStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::unistd::Pid;
use overlays::command::CommandLine;
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
use crate::core::{Ended, ExitStatus, OutputLimits, Survivors};

/// Why there is no TaskManager.
#[derive(Debug, Error)]
pub enum StartError {
    /// The guard itself could not be started.
    #[error("cannot start the guard process: {0}")]
    Guard(#[from] std::io::Error),
    /// The guard could not start the program, or could not open its output files.
    #[error("{0}")]
    Program(String),
    /// The guard ended before it said anything.
    #[error("the guard process ended before the TaskManager was started; see stderr in the sandbox")]
    GuardLost,
}

/// Where a TaskManager's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The file of its standard output; older ones have `.1` and so on behind their name.
    pub stdout: PathBuf,
    /// The file of its standard error.
    pub stderr: PathBuf,
    /// How much of each is kept.
    pub limits: OutputLimits,
}

impl Outputs {
    /// Makes the files, unless they are there: the guard goes on with them. Blocking.
    pub fn begin(&self) -> std::io::Result<()> {
        [&self.stdout, &self.stderr].into_iter().try_for_each(|path| output::begin(path))
    }
}

/// A guard that has nothing to guard yet.
#[derive(Debug)]
pub struct Guard {
    process: GuardProcess,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Guard {
    /// Starts `binary` as a guard of what has this name. Holds up the thread until it is executed.
    pub fn start(binary: &Path, name: &str) -> Result<Self, StartError> {
        let (ours, theirs) = StdStream::pair()?;
        Self::behind(start_guard(binary, name, theirs.into())?, ours)
    }

    /// One that was forked.
    pub fn of(forked: Forked) -> Result<Self, StartError> {
        Self::behind(forked.pid, forked.socket)
    }

    fn behind(pid: Pid, socket: StdStream) -> Result<Self, StartError> {
        socket.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(socket)?.into_split();
        Ok(Self { process: GuardProcess::new(pid)?, read, write })
    }

    /// Whether it can still be told what to guard.
    pub fn is_there(&mut self) -> bool {
        self.process.is_there()
    }

    /// There is nothing to guard; returns when it is gone.
    pub async fn dismiss(self) {
        let Self { mut process, read, write } = self;
        drop((read, write));
        process.wait().await;
    }

    async fn obey(self, order: Order) -> Result<Supervised, StartError> {
        let Self { process, read, mut write } = self;
        let mut notices = BufReader::new(read).lines();
        let told = match write.write_all(&order.to_bytes()).await {
            Ok(()) => notices.next_line().await.ok().flatten(),
            Err(_) => None,
        };
        match told.as_deref().and_then(Notice::parse) {
            Some(Notice::Started(pid)) => {
                Ok(Supervised { pid, control: Control(write), end: End { guard: process, notices } })
            }
            Some(Notice::Failed(why)) => Err(StartError::Program(why)),
            // It may have started something before.
            Some(Notice::Exited(_)) | None => {
                drop(write);
                End { guard: process, notices }.end_what_is_left().await;
                Err(StartError::GuardLost)
            }
        }
    }
}

/// A running TaskManager. Dropping it kills everything that came of it.
#[derive(Debug)]
pub struct Supervised {
    /// Process id of the TaskManager.
    pub pid: u32,
    /// Asks for its end.
    pub control: Control,
    /// Waits for its end.
    pub end: End,
}

/// The way to a TaskManager's end.
#[derive(Debug)]
pub struct Control(OwnedWriteHalf);

/// Waits for the end of a TaskManager.
#[derive(Debug)]
pub struct End {
    guard: GuardProcess,
    notices: Lines<BufReader<OwnedReadHalf>>,
}

impl Supervised {
    /// Starts the guard (`binary` with its argument) and has it start the command and keep its output.
    pub async fn start(
        binary: &Path,
        name: &str,
        command: &CommandLine,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        Self::start_under(Guard::start(binary, name)?, command, outputs).await
    }

    /// The same under a guard that is there already.
    pub async fn start_under(guard: Guard, command: &CommandLine, outputs: &Outputs) -> Result<Self, StartError> {
        guard.obey(Order::new(command, outputs)).await
    }

    /// The same for a process that everything else on this host goes before: it gets the processor when nobody else wants
    /// it, and is the first to go when memory runs out.
    pub async fn start_in_background(
        binary: &Path,
        name: &str,
        command: &CommandLine,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        Guard::start(binary, name)?.obey(Order { background: true, ..Order::new(command, outputs) }).await
    }
}

impl Control {
    /// SIGTERM to the TaskManager and everything that came of it, which may then take its time, until
    /// [`Self::destroy`].
    pub async fn terminate(&mut self) {
        self.ask(Command::Terminate).await;
    }

    /// SIGKILL to everything that came of the TaskManager.
    pub async fn destroy(&mut self) {
        self.ask(Command::Destroy).await;
    }

    /// A guard that does not hear any more is dead: [`End::wait`] deals with that.
    async fn ask(&mut self, command: Command) {
        self.0.write_all(&[command.byte()]).await.ok();
    }
}

impl End {
    /// Process id of the guard.
    pub fn guard(&self) -> Option<u32> {
        self.guard.id()
    }

    /// How the TaskManager ended, once nothing of it is left.
    pub async fn wait(self) -> ExitStatus {
        self.ended().await.status
    }

    /// The same, and what had to be killed.
    pub async fn ended(mut self) -> Ended {
        let notice = self.notices.next_line().await.ok().flatten();
        if let Some(Notice::Exited(ended)) = notice.as_deref().and_then(Notice::parse) {
            self.guard.wait().await;
            return ended;
        }
        self.end_what_is_left().await;
        Ended { status: ExitStatus::Unknown, survivors: Survivors::default() }
    }

    /// The guard was killed: the kernel has killed the TaskManager, and all the rest is ours now.
    async fn end_what_is_left(mut self) {
        let guard = self.guard.id();
        self.guard.wait().await;
        let cgroup = guard.and_then(Cgroup::of_guard);
        cgroup.as_ref().map(Cgroup::kill);
        tree::end_descendants(std::process::id().cast_signed()).await;
        cgroup.as_ref().map(Cgroup::remove);
    }
}

/// With no environment: what it needs to know comes over the socket.
#[expect(clippy::disallowed_methods, reason = "this is the place that starts, ends and reaps the guard")]
fn start_guard(binary: &Path, name: &str, socket: OwnedFd) -> std::io::Result<Pid> {
    let guard = std::process::Command::new(binary)
        .arg0(guard::NAME)
        .args([guard::ARGUMENT, name])
        .env_clear()
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .spawn()?;
    Ok(Pid::from_raw(guard.id().cast_signed()))
}
