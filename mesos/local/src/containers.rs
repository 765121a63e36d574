//! Executors as child processes: sandbox, fetching, start, end.

mod environment;
mod fetch;
mod processes;
mod run;
mod tree;

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

use mesos::executor::Token;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use self::processes::Processes;
use self::{processes::Spawner, run::Job};
use crate::{core::Container, inbox::Message};

/// What is the same for all containers.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Absolute; sandboxes are below it.
    pub(crate) work_dir: PathBuf,
    /// `127.0.0.1:port`, where the agents listen.
    pub(crate) endpoint: String,
    /// Variables for every executor.
    pub(crate) environment: Vec<(String, String)>,
    /// What executors have to show.
    pub(crate) token: Token,
}

/// All containers that live.
#[derive(Debug)]
pub(crate) struct Containers {
    settings: Arc<Settings>,
    spawner: Spawner,
    inbox: mpsc::UnboundedSender<Message>,
    tasks: JoinSet<()>,
    kills: HashMap<Uuid, CancellationToken>,
}

impl Containers {
    pub(crate) fn new(
        settings: Settings,
        processes: Arc<Processes>,
        inbox: mpsc::UnboundedSender<Message>,
    ) -> io::Result<Self> {
        let spawner = Spawner::start(processes)?;
        Ok(Self {
            settings: Arc::new(settings),
            spawner,
            inbox,
            tasks: JoinSet::new(),
            kills: HashMap::new(),
        })
    }

    /// Starts a container; its life is reported to the inbox.
    pub(crate) fn launch(&mut self, container: Container) {
        while self.tasks.try_join_next().is_some() {}
        let kill = CancellationToken::new();
        self.kills.insert(container.id, kill.clone());
        let job = Job {
            container,
            settings: Arc::clone(&self.settings),
            spawner: self.spawner.clone(),
            inbox: self.inbox.clone(),
            kill,
        };
        self.tasks.spawn(job.run());
    }

    /// Ends the container's whole process tree; its end is reported to the inbox.
    pub(crate) fn kill(&self, container: Uuid) {
        if let Some(kill) = self.kills.get(&container) {
            kill.cancel();
        }
    }

    /// The end of that container has been heard of.
    pub(crate) fn forget(&mut self, container: Uuid) {
        self.kills.remove(&container);
    }

    /// Ends all containers and waits until they are gone.
    pub(crate) async fn end_all(&mut self) {
        self.kills.values().for_each(CancellationToken::cancel);
        while self.tasks.join_next().await.is_some() {}
    }
}
