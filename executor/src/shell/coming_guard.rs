//! A guard that is started before there is anything to guard.

use std::path::Path;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::process::{Guard, StartError};

/// A guard that comes up while the executor waits for something else. Starting a process holds up the thread that does.
pub(super) struct ComingGuard(JoinHandle<Result<Guard, StartError>>);

impl ComingGuard {
    /// Starts `binary` as the guard of what has this name.
    pub(super) fn start(binary: &Path, name: &str) -> Self {
        let (binary, name) = (binary.to_owned(), name.to_owned());
        Self(spawn_blocking(move || Guard::start(&binary, &name)))
    }

    /// The guard; a new one if somebody has ended it meanwhile.
    pub(super) async fn guard(self, binary: &Path, name: &str) -> Result<Guard, StartError> {
        if let Ok(Ok(mut guard)) = self.0.await
            && guard.is_there()
        {
            return Ok(guard);
        }
        Guard::start(binary, name)
    }

    /// There is nothing to guard; returns when it is gone.
    pub(super) async fn dismiss(self) {
        if let Ok(Ok(guard)) = self.0.await {
            guard.dismiss().await;
        }
    }
}
