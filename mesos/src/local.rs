//! A Mesos for a laptop: one master and its agents inside this process.
//!
//! They speak the v1 scheduler and executor API over HTTP on one loopback listener, start executors as child
//! processes with the environment that a real agent gives them, and behave like Mesos 1.11 in everything that a
//! framework of custom executors can see: one conformance suite runs against this and against the real Mesos.
//! What it does not do it refuses with a message that says so.
//!
//! It keeps no memory beyond the process and is no production cluster: it isolates nothing, trusts everybody who can
//! reach the loopback interface, and ends with its owner.

mod options;

use std::{io, path::PathBuf};

use tokio::{net::TcpListener, task::JoinHandle};

pub use options::LocalOptions;

/// Why a local Mesos cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The listener could not be opened.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for; 0 = any free one.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for sandboxes could not be made.
    #[error("cannot make the work folder {path}: {source}")]
    WorkDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An option that makes no sense.
    #[error("option {option} of the local mesos is {value}, allowed is {allowed}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value given.
        value: String,
        /// What would be right.
        allowed: &'static str,
    },
}

/// A running local Mesos. Dropping it ends it at once: no executor process stays alive.
#[derive(Debug)]
pub struct LocalCluster {
    master: String,
    server: JoinHandle<()>,
}

impl LocalCluster {
    /// Opens the listener and starts master and agents on the current tokio runtime.
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        options.validate()?;
        fs_err::tokio::create_dir_all(&options.work_dir)
            .await
            .map_err(|source| LocalError::WorkDir { path: options.work_dir.clone(), source })?;
        let listen = |source| LocalError::Listen { port: options.port, source };
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(listen)?;
        let master = listener.local_addr().map_err(listen)?.to_string();
        let router = axum::Router::new().route("/health", axum::routing::get(|| async {}));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "The local Mesos lost its listener.");
            }
        });
        Ok(Self { master, server })
    }

    /// `127.0.0.1:port` of the master, in the form that `mesos.master` wants.
    pub fn master(&self) -> String {
        self.master.clone()
    }

    /// Ends master, agents and every executor's whole process tree, and waits until they are gone.
    pub async fn shutdown(mut self) {
        self.server.abort();
        if let Err(error) = (&mut self.server).await
            && !error.is_cancelled()
        {
            tracing::warn!(%error, "The local Mesos did not end cleanly.");
        }
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        self.server.abort();
    }
}
