//! Where a worker lives on this host.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Once},
};

use fetcher::obtain::SOCKET_VARIABLE;
use fs_err as fs;
use overlays::worker::Sandbox;
use tokio::task::spawn_blocking;

use crate::{
    class_data::Trainer,
    core::{OutputLimits, Worker},
    process::{Outputs, environment},
};

/// Its sandbox, and what there is around it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) sandbox: Sandbox,
    pub(super) variables: Vec<(String, String)>,
    pub(super) binary: PathBuf,
    furnished: Once,
}

impl Place {
    pub(super) fn new(sandbox: PathBuf, variables: Vec<(String, String)>, binary: PathBuf) -> Self {
        Self { sandbox: Sandbox { path: sandbox }, variables, binary, furnished: Once::new() }
    }

    pub(super) fn lookup(&self, name: &str) -> Option<String> {
        self.variables.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// What makes class data for workers like this one.
    pub(super) fn trainer(&self, worker: &Worker) -> Option<Trainer> {
        let environment = environment::of_task_manager(self.variables.iter().cloned(), Vec::new());
        let flink = worker.spec.flink_version.parse().ok()?;
        Some(Trainer { binary: self.binary.clone(), flink, environment })
    }

    /// Where this host's sidecar would listen.
    pub(super) fn sidecar(&self, worker: &Worker) -> Option<PathBuf> {
        worker.cache.sidecar(self.lookup(SOCKET_VARIABLE))
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.sandbox.log().join(name)
    }

    pub(super) fn outputs(&self, limits: OutputLimits) -> Outputs {
        Outputs { stdout: self.log("taskmanager.out"), stderr: self.log("taskmanager.err"), limits }
    }

    /// Makes what every worker needs before there is one, beside other work: some file systems take longer to make a
    /// file than all the rest of a start takes.
    pub(super) fn furnish_once(self: Arc<Self>) {
        let place = Arc::clone(&self);
        // Whoever needs what is missing makes it then, and says what is wrong.
        self.furnished.call_once(|| drop(spawn_blocking(move || place.furnish().ok())));
    }

    /// The folders, and the files of its output. Blocking.
    fn furnish(&self) -> io::Result<()> {
        for folder in [self.sandbox.conf(), self.sandbox.log(), self.sandbox.tmp()] {
            fs::create_dir_all(folder)?;
        }
        self.outputs(OutputLimits::default()).begin()
    }
}
