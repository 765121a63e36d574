//! One fetch through the cache.

use std::sync::Arc;

use fetcher_formats::manifest::Manifest;
use futures_util::future::BoxFuture;
use tokio::sync::{OnceCell, watch};

use super::content::Content;
use crate::error::FetchError;
use crate::fetch::download::Download;
use crate::fetch::meter::Meter;
use crate::fetch::{FetchOptions, Progress, Request, start};

/// One fetch through the cache; it connects to servers only if something is missing.
pub struct Fetch {
    /// What to fetch.
    pub request: Request,
    /// How to fetch it.
    pub options: FetchOptions,
    /// Who watches the fetch.
    pub progress: watch::Sender<Progress>,
    /// Only fetches of the same lane wait for each other.
    pub(super) lane: String,
    /// What the fetch must get before it may connect.
    pub(super) permission: Option<Permission>,
    pub(super) started: OnceCell<(Arc<Download>, Arc<Meter>)>,
}

/// Waits until a fetch is allowed; it is allowed as long as the result lives.
pub type Permission = Box<dyn Fn() -> BoxFuture<'static, Box<dyn Send>> + Send + Sync>;

impl Fetch {
    /// A fetch of `request`.
    pub fn new(request: Request, options: FetchOptions, progress: watch::Sender<Progress>) -> Self {
        let started = OnceCell::new();
        Self { request, options, progress, lane: String::new(), permission: None, started }
    }

    /// Like [`Fetch::new`], for one of several users that must not wait for each other, and only
    /// with permission.
    #[must_use]
    pub fn in_lane(self, lane: &str, permission: Permission) -> Self {
        Self { lane: format!(".{lane}"), permission: Some(permission), ..self }
    }

    /// Connects to the servers, at the first call.
    pub(super) async fn start(&self) -> Result<(Arc<Download>, Arc<Meter>), FetchError> {
        let start = async {
            let (download, meter) =
                start(self.request.clone(), self.options.clone(), self.progress.clone()).await?;
            Ok((Arc::new(download), meter))
        };
        self.started.get_or_try_init(|| start).await.cloned()
    }

    /// Reports to the watchers that everything is fetched.
    pub fn show_complete(&self, manifest: &Manifest) {
        show_complete(&self.progress, manifest);
    }
}

/// Like [`Fetch::show_complete`], to the watchers of `progress`.
pub(super) fn show_complete(progress: &watch::Sender<Progress>, manifest: &Manifest) {
    let shared = manifest.entries().iter().filter_map(Content::of);
    let (files, bytes) =
        shared.fold((0, 0), |(files, bytes), content| (files + 1, bytes + content.blob.size));
    progress.send_replace(Progress { files_done: files, files, bytes_done: bytes, bytes });
}
