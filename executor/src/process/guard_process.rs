//! The guard's process, a child of the executor: whether it is alive, and waiting for its end.

use std::io;

use nix::{
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
    unistd::Pid,
};
use tokio::{
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
};

/// A child process. It is reaped even if nobody waits for it.
#[derive(Debug)]
pub(super) struct GuardProcess {
    /// None once it is reaped, because its number may be reused then.
    pid: Option<Pid>,
    /// SIGCHLD, which reports the end of any child.
    deaths: Signal,
}

impl GuardProcess {
    pub(super) fn new(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid: Some(pid), deaths: signal(SignalKind::child())? })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.pid.map(|pid| pid.as_raw().cast_unsigned())
    }

    /// Whether it is alive; reaps it if it is not.
    pub(super) fn is_there(&mut self) -> bool {
        self.pid = self.pid.filter(|pid| runs(*pid));
        self.pid.is_some()
    }

    /// Returns once it has ended.
    pub(super) async fn wait(&mut self) {
        while self.is_there() && self.deaths.recv().await.is_some() {}
    }
}

impl Drop for GuardProcess {
    fn drop(&mut self) {
        if self.is_there()
            && let (Some(pid), Ok(runtime)) = (self.pid, Handle::try_current())
            && let Ok(mut deaths) = signal(SignalKind::child())
        {
            runtime.spawn(async move { while runs(pid) && deaths.recv().await.is_some() {} });
        }
    }
}

/// Whether the child is alive; reaps it if it is not.
fn runs(child: Pid) -> bool {
    matches!(waitpid(child, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
}
