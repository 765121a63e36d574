//! Build a manifest from local files, with a catalogue that maps each digest to its file.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use fetcher_formats::hashing::{self, Fingerprint, HashError};
use fetcher_formats::manifest::{Blob, Entry, Format, Kind, Manifest, ManifestError};
use fetcher_formats::path::{TreePath, TreePathError};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use hash_cache::HashCache;

mod hash_cache;

/// A local file that workers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path on this machine. A symbolic link to another artifact becomes a link in the tree; any
    /// other link is followed.
    pub source: PathBuf,
    /// Path in the worker's tree: relative, `/`-separated.
    pub target: String,
    /// Whether the file is executable.
    pub executable: bool,
    /// Whether only the worker itself may read it.
    pub secret: bool,
}

/// The local file for each digest of a manifest.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    files: HashMap<Digest, Source>,
}

/// A hashed local file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) secret: bool,
}

/// Why no manifest could be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A target that is not allowed in a tree.
    #[error("artifact {}: {error}", source_path.display())]
    Target {
        /// The artifact.
        source_path: PathBuf,
        /// Why the target is not allowed.
        error: TreePathError,
    },
    /// Two artifacts with the same target.
    #[error("artifacts {} and {} both go to `{target}`", one.display(), other.display())]
    Duplicate {
        /// The common target.
        target: TreePath,
        /// One source.
        one: PathBuf,
        /// The other source.
        other: PathBuf,
    },
    /// A file cannot be read, is not a regular file, or changes meanwhile.
    #[error("artifact cannot be hashed: {0}")]
    Hash(#[from] HashError),
    /// The targets do not form a tree.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The runtime is shutting down.
    #[error("hashing was stopped before it was complete")]
    Stopped,
}

impl Catalogue {
    pub(crate) fn get(&self, digest: &Digest) -> Option<&Source> {
        self.files.get(digest)
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.files.values().any(|source| source.secret)
    }

    /// Adds a hashed file to the catalogue, and returns its content.
    fn file(&mut self, hashed: &Hashed, path: PathBuf, secret: bool) -> Result<Blob, BuildError> {
        let (blob, fingerprint) = hashed.get(&path).cloned().ok_or(BuildError::Stopped)?;
        let known = self.files.entry(blob.digest).or_insert(Source { path, fingerprint, secret });
        // If one content has two uses, the stricter one counts.
        known.secret |= secret;
        Ok(blob)
    }
}

/// An archive whose content workers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Path on this machine.
    pub source: PathBuf,
    /// The folder in the worker's tree that it is unpacked into: relative, `/`-separated. Nothing
    /// else may be in it.
    pub target: String,
    /// The kind of archive.
    pub format: Format,
}

/// Further input for a manifest.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Archives that workers unpack when they arrive.
    pub archives: Vec<Archive>,
    /// File to cache digests in, so that unchanged files are not read again at the next start.
    pub hash_cache: Option<PathBuf>,
}

/// Hashes `artifacts` in parallel, off the async threads. Returns the manifest and the catalogue
/// for serving it.
pub async fn build(artifacts: Vec<Artifact>) -> Result<(Manifest, Catalogue), BuildError> {
    build_with(artifacts, BuildOptions::default()).await
}

/// Like [`build`], with options.
pub async fn build_with(
    artifacts: Vec<Artifact>,
    options: BuildOptions,
) -> Result<(Manifest, Catalogue), BuildError> {
    let targets = targets(artifacts)?;
    let path = options.hash_cache.clone();
    let ((targets, links), known) = blocking(move || {
        let known = path.as_deref().map(HashCache::load).unwrap_or_default();
        Ok((find_links(targets)?, known))
    })
    .await?;
    let sources = targets.values().map(|artifact| artifact.source.clone());
    let sources: BTreeSet<PathBuf> =
        sources.chain(options.archives.iter().map(|archive| archive.source.clone())).collect();
    let hashed = hash_all(sources, known).await?;
    if let Some(path) = options.hash_cache {
        let hashed = hashed.clone();
        blocking(move || {
            remember(&path, hashed);
            Ok(())
        })
        .await?;
    }

    let mut catalogue = Catalogue::default();
    let mut entries = Vec::with_capacity(targets.len() + links.len() + options.archives.len());
    for (path, artifact) in targets {
        let blob = catalogue.file(&hashed, artifact.source, artifact.secret)?;
        let kind = if artifact.executable { Kind::Executable(blob) } else { Kind::File(blob) };
        entries.push(Entry { path, kind, secret: artifact.secret });
    }
    for Archive { source, target, format } in options.archives {
        let path = target
            .parse()
            .map_err(|error| BuildError::Target { source_path: source.clone(), error })?;
        let blob = catalogue.file(&hashed, source, false)?;
        entries.push(Entry { path, kind: Kind::Archive(format, blob), secret: false });
    }
    entries.extend(links.into_iter().map(|(path, target)| Entry {
        path,
        kind: Kind::Link(target),
        secret: false,
    }));
    Ok((Manifest::new(entries)?, catalogue))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BuildError> + Send + 'static,
) -> Result<T, BuildError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| BuildError::Stopped)?
}

/// Writes the cache of hashes. If that fails, only the next start takes longer.
fn remember(path: &Path, hashed: Hashed) {
    let mut cache = HashCache::default();
    for (file, (blob, fingerprint)) in hashed {
        cache.put(file, fingerprint, blob);
    }
    if let Err(error) = cache.save(path) {
        tracing::warn!(path = %path.display(), %error, "Cannot write the cache of hashes");
    }
}

fn targets(artifacts: Vec<Artifact>) -> Result<BTreeMap<TreePath, Artifact>, BuildError> {
    let mut targets: BTreeMap<TreePath, Artifact> = BTreeMap::new();
    for artifact in artifacts {
        let target: TreePath = artifact
            .target
            .parse()
            .map_err(|error| BuildError::Target { source_path: artifact.source.clone(), error })?;
        if let Some(other) = targets.get(&target) {
            return Err(BuildError::Duplicate {
                target,
                one: other.source.clone(),
                other: artifact.source,
            });
        }
        targets.insert(target, artifact);
    }
    Ok(targets)
}

type Targets = BTreeMap<TreePath, Artifact>;

/// Separates the artifacts that are symbolic links to other artifacts.
fn find_links(mut targets: Targets) -> Result<(Targets, Vec<(TreePath, TreePath)>), BuildError> {
    let mut links = Vec::new();
    for (path, artifact) in &targets {
        let metadata = fs_err::symlink_metadata(&artifact.source).map_err(HashError::Read)?;
        if metadata.is_symlink()
            && !artifact.secret
            && let Some(target) = link_target(path, &artifact.source)?
            && let Some(other) = targets.get(&target)
            && !other.secret
            && same_file(&artifact.source, &other.source)?
        {
            links.push((path.clone(), target));
        }
    }
    for (path, _) in &links {
        targets.remove(path);
    }
    Ok((targets, links))
}

fn link_target(path: &TreePath, source: &Path) -> Result<Option<TreePath>, BuildError> {
    let text = fs_err::read_link(source).map_err(HashError::Read)?;
    Ok(text.to_str().and_then(|text| path.resolve_link(text).ok()))
}

fn same_file(one: &Path, other: &Path) -> Result<bool, BuildError> {
    let one = fs_err::canonicalize(one).map_err(HashError::Read)?;
    Ok(one == fs_err::canonicalize(other).map_err(HashError::Read)?)
}

type Hashed = HashMap<PathBuf, (Blob, Fingerprint)>;

/// Hashes each path once, on as many threads as there are processors. Dropping it stops the work.
async fn hash_all(paths: BTreeSet<PathBuf>, known: HashCache) -> Result<Hashed, BuildError> {
    let threads =
        std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(paths.len());
    let queue = Arc::new(Mutex::new(VecDeque::from_iter(paths)));
    let known = Arc::new(known);
    let (results, mut done) = mpsc::unbounded_channel();
    let mut workers = JoinSet::new();
    for _ in 0..threads {
        let (queue, known, results) = (Arc::clone(&queue), Arc::clone(&known), results.clone());
        workers.spawn_blocking(move || {
            while let Some(path) = { queue.lock().pop_front() } {
                let hashed = hash(&path, &known);
                if results.send((path, hashed)).is_err() {
                    break;
                }
            }
        });
    }
    drop(results);
    let mut hashed = HashMap::new();
    while let Some((path, result)) = done.recv().await {
        hashed.insert(path, result?);
    }
    Ok(hashed)
}

fn hash(path: &Path, known: &HashCache) -> Result<(Blob, Fingerprint), HashError> {
    let (_, fingerprint) = hashing::open(path)?;
    match known.get(path, &fingerprint) {
        Some(blob) => Ok((blob.clone(), fingerprint)),
        None => hashing::hash_file(path),
    }
}

#[cfg(test)]
mod tests;
