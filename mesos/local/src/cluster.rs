//! The cluster as its owner holds it: started, asked for its address, ended.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use mesos::scheduler::Credential;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    access::{self, Access},
    codec::Codec,
    containers::{Containers, Processes, Settings},
    core::Core,
    error::LocalError,
    http::{self, Api},
    inbox::Message,
    listener,
    options::LocalOptions,
    owner::Owner,
};

/// How long clients may take to see that the cluster has ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A running local Mesos. Dropping it ends it at once: no executor's process stays alive.
#[derive(Debug)]
pub struct LocalCluster {
    master: String,
    credential: Credential,
    inbox: mpsc::UnboundedSender<Message>,
    processes: Arc<Processes>,
    owner: JoinHandle<()>,
    server: JoinHandle<()>,
    /// Cancelled to close the listener.
    closing: CancellationToken,
}

impl LocalCluster {
    /// Opens the listener and starts master and agents on the current tokio runtime.
    pub async fn start(mut options: LocalOptions) -> Result<Self, LocalError> {
        options.validate()?;
        options.withhold_used_ports();
        let codec = Codec::new()?;
        let work_dir = make_work_dir(&options.work_dir).await.map_err(LocalError::WorkDir)?;
        let listen = |source| LocalError::Listen { port: options.port, source };
        let socket = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let master = address.to_string();
        let (access, token) = Access::new(address.port()).map_err(LocalError::Credential)?;
        let credential = access.credential.clone();
        access::write(&credential, &work_dir).map_err(LocalError::Credential)?;

        let (inbox, messages) = mpsc::unbounded_channel();
        let processes = Arc::new(Processes::default());
        let environment = options.executor_environment.clone();
        let settings =
            Settings { work_dir, endpoint: master.clone(), environment, token: token.into() };
        let containers = Containers::new(settings, Arc::clone(&processes), inbox.clone())
            .map_err(LocalError::Thread)?;
        let api = Api {
            inbox: inbox.clone(),
            codec: codec.clone(),
            address: master.clone(),
            agents: options.agents,
        };
        let owner =
            Owner::new(|now| Core::new(options, address, Uuid::new_v4(), now), codec, containers);
        let closing = CancellationToken::new();
        Ok(Self {
            master,
            credential,
            inbox,
            processes,
            owner: tokio::spawn(owner.run(messages)),
            server: tokio::spawn(listener::serve(
                socket,
                http::router(Arc::new(api), Arc::new(access)),
                closing.clone(),
            )),
            closing,
        })
    }

    /// `127.0.0.1:port` of the master, in the form that `mesos.master` wants.
    pub fn master(&self) -> String {
        self.master.clone()
    }

    /// What schedulers have to show; the file `credential.json` in the work folder holds it, too.
    pub fn credential(&self) -> Credential {
        self.credential.clone()
    }

    /// Ends master, agents and every executor's whole process tree, and waits until they are gone.
    pub async fn shutdown(mut self) {
        let (ended, all_ended) = oneshot::channel();
        if self.inbox.send(Message::Shutdown(ended)).is_ok() && all_ended.await.is_err() {
            tracing::warn!("The local Mesos ended by itself");
        }
        self.closing.cancel();
        let ends = async { tokio::join!(&mut self.owner, &mut self.server) };
        if tokio::time::timeout(CLOSE_TIMEOUT, ends).await.is_err() {
            tracing::warn!("The local Mesos ended, but a client keeps its connection");
            self.server.abort();
        }
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        self.owner.abort();
        self.closing.cancel();
        self.processes.close();
    }
}

/// Makes the folder and says its absolute path.
async fn make_work_dir(path: &PathBuf) -> io::Result<PathBuf> {
    fs_err::tokio::create_dir_all(path).await?;
    fs_err::tokio::canonicalize(path).await
}
