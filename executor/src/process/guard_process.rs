//! The process of a guard, a child of the executor: whether it is there, and its end.

use std::io;

use nix::{
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
    unistd::Pid,
};
use tokio::{
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
};

/// A child. It is reaped even when nobody waits for it any more.
#[derive(Debug)]
pub(super) struct GuardProcess {
    /// None once it is reaped: the number may be another process's then.
    pid: Option<Pid>,
    /// Of any child.
    deaths: Signal,
}

impl GuardProcess {
    pub(super) fn new(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid: Some(pid), deaths: signal(SignalKind::child())? })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.pid.map(|pid| pid.as_raw().cast_unsigned())
    }

    /// Reaps it if it is dead.
    pub(super) fn is_there(&mut self) -> bool {
        self.pid = self.pid.filter(|pid| runs(*pid));
        self.pid.is_some()
    }

    /// Returns when it is gone.
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

/// Reaps the child if it does not.
fn runs(child: Pid) -> bool {
    matches!(waitpid(child, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
}
