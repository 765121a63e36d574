//! The worker's surroundings on this host.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Once},
};

use fetcher_client::obtain::SOCKET_VARIABLE;
use fs_err as fs;
use overlays::worker::Sandbox;
use tokio::task::spawn_blocking;

use crate::{
    class_data::Trainer, core::Worker, environment, process::Outputs, rotation::OutputLimits,
};

/// The sandbox, the executor's environment variables and its binary.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) sandbox: Sandbox,
    pub(super) variables: Vec<(String, String)>,
    pub(super) binary: PathBuf,
    prepared: Once,
}

impl Workspace {
    pub(super) fn new(sandbox: PathBuf, variables: Vec<(String, String)>, binary: PathBuf) -> Self {
        Self { sandbox: Sandbox { path: sandbox }, variables, binary, prepared: Once::new() }
    }

    pub(super) fn lookup(&self, name: &str) -> Option<String> {
        self.variables.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// Makes class data for workers like this one.
    pub(super) fn trainer(&self, worker: &Worker) -> Option<Trainer> {
        let environment = environment::of_task_manager(self.variables.iter().cloned(), Vec::new());
        let flink = worker.spec.flink_version.parse().ok()?;
        Some(Trainer { binary: self.binary.clone(), flink, environment })
    }

    /// The socket of this host's sidecar, whether or not it is running.
    pub(super) fn sidecar(&self, worker: &Worker) -> Option<PathBuf> {
        worker.cache.sidecar(self.lookup(SOCKET_VARIABLE))
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.sandbox.log().join(name)
    }

    pub(super) fn outputs(&self, limits: OutputLimits) -> Outputs {
        Outputs { stdout: self.log("taskmanager.out"), stderr: self.log("taskmanager.err"), limits }
    }

    /// Creates the folders that every worker needs before the task is known, in parallel with other
    /// work. On some file systems, making a file takes longer than the rest of a start.
    pub(super) fn prepare_once(self: Arc<Self>) {
        let workspace = Arc::clone(&self);
        // An error is ignored here: the code that needs the folder creates it again, and reports
        // the error.
        self.prepared.call_once(|| drop(spawn_blocking(move || workspace.prepare().ok())));
    }

    /// Creates the folders and the output files. Blocking.
    fn prepare(&self) -> io::Result<()> {
        for folder in [self.sandbox.conf(), self.sandbox.log(), self.sandbox.tmp()] {
            fs::create_dir_all(folder)?;
        }
        self.outputs(OutputLimits::NONE).begin()
    }
}
