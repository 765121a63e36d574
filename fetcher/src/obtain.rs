//! Getting a tree in the best way that is there: from the host's sidecar, else through the host's cache, else without.

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::cache::{Cache, CacheOptions, Fetch};
use crate::fetch::{Blame, FetchError, FetchOptions, Materialised, Progress, Request, blocking, materialise_with};
use crate::sidecar::{AskError, ask};

/// Where a sidecar listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/flink-mesos/fetcher.sock";

/// Set on a host by those who run it, this environment variable says where the sidecar listens, whatever a framework wants;
/// empty: there is none. The sidecar goes by the same one.
pub const SOCKET_VARIABLE: &str = "FLINK_MESOS_FETCHER_SOCKET";

/// What this host may have that helps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ways {
    /// The socket of the sidecar.
    pub socket: Option<PathBuf>,
    /// Caches that this process may keep with others of its user; the first one that can be used is.
    pub caches: Vec<CacheOptions>,
}

/// Why one way did not lead there.
enum Setback {
    /// It is not there.
    Absent(String),
    /// Another one may.
    Here(String),
    /// All others end here, too.
    Everywhere(FetchError),
}

/// Puts a tree in place, as [`materialise_with`] does, in the best of these ways that works. A way that does not is
/// logged with its reason, and the next one is tried.
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
            Err(Setback::Here(reason)) => tracing::warn!(reason, "The sidecar failed; fetching without it"),
        }
        progress.send_replace(Progress::default());
    }
    if let Some((cache, there)) = open_first(ways.caches, &request, &progress).await? {
        if let Some(materialised) = there {
            return Ok(materialised);
        }
        match cache.materialise(request.clone(), options.clone(), progress.clone()).await.map_err(Setback::from) {
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
    let tree = ask(socket, &fetch).await.map_err(Setback::from)?;
    tracing::info!(tree = %tree.path.display(), "The sidecar has the tree");
    fetch.show_complete(&tree.manifest);
    fetch.project(tree).await.map_err(Setback::from)
}

/// The first cache that can be used, and the tree in its place if that cache has it already.
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

impl From<AskError> for Setback {
    fn from(error: AskError) -> Self {
        let reason = error.to_string();
        if matches!(error, AskError::Absent { .. }) { Self::Absent(reason) } else { Self::Here(reason) }
    }
}

impl From<FetchError> for Setback {
    /// Every way asks the same servers with the same token, and leads to the same place.
    fn from(error: FetchError) -> Self {
        if error.blame() == Blame::Host { Self::Here(error.to_string()) } else { Self::Everywhere(error) }
    }
}
