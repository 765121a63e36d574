//! Where this crate starts and ends processes.
//!
//! The kernel ties a child's life to the *thread* that started it, so there is one thread for that,
//! which lives as long as the cluster: when our process dies, even by SIGKILL, executors die with
//! it.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

use super::tree;
use crate::sys;

/// The executors' processes that live, by id.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    live: Mutex<Live>,
}

#[derive(Debug, Default)]
struct Live {
    closed: bool,
    ids: BTreeSet<i32>,
}

impl Processes {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut live = self.live();
        if live.closed {
            return Err(io::Error::other("the local Mesos has ended"));
        }
        let child = command.spawn()?;
        live.ids.extend(child.id().map(u32::cast_signed));
        Ok(child)
    }

    /// Ends whatever is left of an executor whose own process has ended.
    pub(super) fn end_rest(&self, id: i32) {
        self.live().ids.remove(&id);
        tree::kill(id);
    }

    /// Ends all process trees, and lets no other begin.
    pub(crate) fn close(&self) {
        let mut live = self.live();
        live.closed = true;
        for id in std::mem::take(&mut live.ids) {
            tree::kill(id);
        }
    }
}

type Request = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread that starts processes; it ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Spawner {
    requests: mpsc::Sender<Request>,
    processes: Arc<Processes>,
}

impl Spawner {
    /// Must be called within the runtime that will wait for the processes.
    pub(super) fn start(processes: Arc<Processes>) -> io::Result<Self> {
        let (requests, inbox) = mpsc::channel::<Request>();
        let (runtime, registry) = (Handle::current(), Arc::clone(&processes));
        let work = move || {
            let _entered = runtime.enter();
            for (mut command, reply) in inbox {
                if let Err(Ok(unwanted)) = reply.send(registry.spawn(&mut command))
                    && let Some(id) = unwanted.id()
                {
                    registry.end_rest(id.cast_signed());
                }
            }
        };
        thread::Builder::new().name("local-mesos-spawn".into()).spawn(work)?;
        Ok(Self { requests, processes })
    }

    /// Starts a process in a session of its own.
    pub(super) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        sys::isolate(&mut command);
        let ended = || io::Error::other("the local Mesos has ended");
        let (reply, child) = oneshot::channel();
        self.requests.send((command, reply)).map_err(|_| ended())?;
        child.await.map_err(|_| ended())?
    }

    pub(super) fn processes(&self) -> Arc<Processes> {
        Arc::clone(&self.processes)
    }
}
