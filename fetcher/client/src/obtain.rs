//! Obtain a tree the best way available: from the host's sidecar, else through the host's cache,
//! else directly.

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::blocking::blocking;
use crate::cache::{Cache, CacheOptions, Fetch};
use crate::error::{FetchBlame, FetchError};
use crate::fetch::{FetchOptions, Materialised, Progress, Request, materialise_with};
use crate::sidecar::{SidecarError, request_tree};

/// Default socket of the sidecar.
pub const DEFAULT_SOCKET: &str = "/run/flink-mesos/fetcher.sock";

/// Environment variable with the sidecar's socket. Operators set it on a host; it overrides the
/// framework's setting. Empty disables the sidecar. The sidecar uses the same variable.
pub const SOCKET_VARIABLE: &str = "FLINK_MESOS_FETCHER_SOCKET";

/// The ways to get a tree that this host may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ways {
    /// The socket of the sidecar.
    pub socket: Option<PathBuf>,
    /// Caches that this process may share with others of its user; the first usable one is used.
    pub caches: Vec<CacheOptions>,
}

/// Why a way did not work.
enum Setback {
    /// Nothing is there.
    Absent(String),
    /// It failed here; another way may work.
    Here(String),
    /// All other ways would fail too.
    Everywhere(FetchError),
}

/// Puts a tree in place, as [`materialise_with`] does, in the first of these ways that works. If
/// one fails, the reason is logged and the next one is tried.
pub async fn obtain(
    request: Request,
    options: FetchOptions,
    ways: Ways,
    progress: watch::Sender<Progress>,
) -> Result<Materialised, FetchError> {
    if let Some(socket) = ways.socket {
        match through_sidecar(&socket, &request, &options, &progress).await {
            Ok(materialised) => return Ok(materialised),
            Err(Setback::Everywhere(error)) => return Err(error),
            Err(Setback::Absent(reason)) => tracing::info!(reason, "Fetching without a sidecar"),
            Err(Setback::Here(reason)) => {
                tracing::warn!(reason, "The sidecar failed; fetching without it");
            }
        }
        progress.send_replace(Progress::default());
    }
    if let Some((cache, there)) = open_first(ways.caches, &request, &progress).await? {
        if let Some(materialised) = there {
            return Ok(materialised);
        }
        match cache
            .materialise(request.clone(), options.clone(), progress.clone())
            .await
            .map_err(Setback::from)
        {
            Ok(materialised) => return Ok(materialised),
            Err(Setback::Everywhere(error)) => return Err(error),
            Err(Setback::Here(reason) | Setback::Absent(reason)) => {
                tracing::warn!(reason, "The host's cache failed; fetching without it");
            }
        }
        progress.send_replace(Progress::default());
    }
    materialise_with(request, options, progress).await
}

async fn through_sidecar(
    socket: &Path,
    request: &Request,
    options: &FetchOptions,
    progress: &watch::Sender<Progress>,
) -> Result<Materialised, Setback> {
    let fetch = Fetch::new(request.clone(), options.clone(), progress.clone());
    let tree = request_tree(socket, &fetch).await.map_err(Setback::from)?;
    tracing::info!(tree = %tree.path.display(), "The sidecar has the tree");
    fetch.show_complete(&tree.manifest);
    fetch.project(tree).await.map_err(Setback::from)
}

/// The first usable cache, with the tree in its place if that cache has it already.
async fn open_first(
    caches: Vec<CacheOptions>,
    request: &Request,
    progress: &watch::Sender<Progress>,
) -> Result<Option<(Cache, Option<Materialised>)>, FetchError> {
    for options in caches {
        let path = options.path.display().to_string();
        let (request, progress) = (request.clone(), progress.clone());
        let opened = blocking(move || {
            Ok(Cache::open(options).map(|cache| {
                let there = cache.materialise_at_once(&request, &progress);
                (cache, there)
            }))
        });
        match opened.await? {
            Ok(cache) => {
                tracing::info!(path, "Fetching through the host's cache");
                return Ok(Some(cache));
            }
            Err(error) => tracing::warn!(path, reason = %error, "Cannot use the host's cache"),
        }
    }
    Ok(None)
}

impl From<SidecarError> for Setback {
    fn from(error: SidecarError) -> Self {
        let reason = error.to_string();
        if matches!(error, SidecarError::Absent { .. }) {
            Self::Absent(reason)
        } else {
            Self::Here(reason)
        }
    }
}

impl From<FetchError> for Setback {
    /// Every way asks the same servers with the same token, and ends at the same path.
    fn from(error: FetchError) -> Self {
        if error.blame() == FetchBlame::Host {
            Self::Here(error.to_string())
        } else {
            Self::Everywhere(error)
        }
    }
}
