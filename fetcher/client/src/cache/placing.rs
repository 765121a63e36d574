//! Put a tree of the cache, and its secrets, in the place that a worker wants.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetcher_formats::manifest::Entry;
use tokio::sync::watch;

use super::fetch::{Fetch, show_complete};
use super::folders::Cache;
use super::trees::Tree;
use crate::blocking::blocking;
use crate::error::FetchError;
use crate::fetch::download::Target;
use crate::fetch::staging::Staging;
use crate::fetch::{FetchOptions, Materialised, Progress, Request, Shared};
use crate::lock::{FileLock, Mode};
use crate::project::{Projection, Projector};

impl Cache {
    /// Fetches what is missing into the cache, and projects the tree from there. As with
    /// [`materialise_with`](crate::materialise_with), the target appears complete and verified, or
    /// not at all.
    pub async fn materialise(
        &self,
        request: Request,
        options: FetchOptions,
        progress: watch::Sender<Progress>,
    ) -> Result<Materialised, FetchError> {
        let fetch = Fetch::new(request, options, progress);
        let tree = self.tree(&fetch).await?;
        fetch.project(tree).await
    }

    /// Projects a tree that is in the cache, not being changed, and without secrets.
    /// [`Cache::materialise`] handles all other cases and all errors. Blocks; it is the fastest
    /// path, on one thread.
    pub(crate) fn materialise_at_once(
        &self,
        request: &Request,
        progress: &watch::Sender<Progress>,
    ) -> Option<Materialised> {
        if request.secrets.is_some() {
            return None;
        }
        let pin =
            FileLock::attempt(&self.lock(&request.manifest.to_string()), Mode::Shared).ok()??;
        let (manifest, entries) = self.look_for_tree(&request.manifest)?;
        let path = self.tree_path(&request.manifest);
        let (Projected::Whole(target), projection) =
            project_into(request.target.clone(), &path, entries).ok()?
        else {
            return None;
        };
        self.counters.hit();
        show_complete(progress, &manifest);
        Some(Materialised {
            target,
            manifest,
            shared: Some(Shared { path, was_there: true, projection, _pin: pin }),
        })
    }
}

impl Fetch {
    /// Puts a tree in place, with its secrets, which are fetched now.
    pub(crate) async fn project(&self, tree: Tree) -> Result<Materialised, FetchError> {
        let Tree { path, mut manifest, mut entries, was_there, pin } = tree;
        if self.request.secrets.is_some() {
            let (download, _) = self.start().await?;
            manifest = download.with_secrets(manifest, self.request.secrets).await?;
            entries.extend(manifest.entries().iter().filter(|entry| entry.secret).cloned());
        }
        let (target, place) = (self.request.target.clone(), path.clone());
        let (projected, projection) =
            blocking(move || project_into(target, &place, entries)).await?;
        let target = match projected {
            Projected::Whole(target) => target,
            Projected::ExceptSecrets { staging, secrets, files } => {
                self.finish(staging, secrets, files).await?
            }
        };
        Ok(Materialised {
            target,
            manifest,
            shared: Some(Shared { path, was_there, projection, _pin: pin }),
        })
    }

    /// Fetches the secrets of a tree that is otherwise complete.
    async fn finish(
        &self,
        staging: Staging,
        secrets: Vec<Entry>,
        files: Vec<Target>,
    ) -> Result<PathBuf, FetchError> {
        let staging = Arc::new(staging);
        if !files.is_empty() {
            let (download, meter) = self.start().await?;
            meter.expect_more(files.len(), files.iter().map(|file| file.blob.size).sum());
            download.targets(files, &staging).await?;
        }
        let staging = Arc::into_inner(staging).ok_or(FetchError::Stopped)?;
        blocking(move || {
            staging.finish_files(&secrets)?;
            staging.publish()
        })
        .await
    }
}

/// Projects the files of the tree at `path` into the target, except secrets. Blocks.
fn project_into(
    target: PathBuf,
    path: &Path,
    entries: Vec<Entry>,
) -> Result<(Projected, Projection), FetchError> {
    let staging = Staging::create(target, &entries)?;
    let mut projector = Projector::new();
    let (secrets, shared): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.secret);
    staging.project(&shared, |entry| entry.path.under(path), &mut projector)?;
    let projection = projector.way();
    if secrets.is_empty() {
        return Ok((Projected::Whole(staging.publish()?), projection));
    }
    // A secret is never an archive.
    let (files, _) = staging.make_files(&secrets)?;
    Ok((Projected::ExceptSecrets { staging, secrets, files }, projection))
}

/// The result of projecting without any connection.
enum Projected {
    /// The whole tree is in place.
    Whole(PathBuf),
    /// The tree is in place except for its secrets.
    ExceptSecrets { staging: Staging, secrets: Vec<Entry>, files: Vec<Target> },
}
