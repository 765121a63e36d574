//! A tree with a secret in it, a server of it, and a cache to fetch it through.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fetcher_client::{
    Cache, CacheError, CacheOptions, FetchError, FetchOptions, Materialised, Request,
};
use fetcher_formats::{Digest, Manifest};
use fetcher_server::{Artifact, build};
use tokio::sync::watch;

use crate::origin::{Asked, Fault, Origin};
use crate::support::artifact;

/// A tree, in a folder with the files that it was made of.
pub struct Scene {
    pub folder: tempfile::TempDir,
    pub manifest: Manifest,
    pub contents: Vec<Vec<u8>>,
}

impl Scene {
    /// A tree of these files, each with the content of this number. The last one is a secret.
    pub async fn of(contents: Vec<Vec<u8>>, files: &[(&str, usize)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let artifact = |(target, content): &(&str, usize)| {
            artifact(folder.path(), target, &contents[*content])
        };
        let mut artifacts: Vec<Artifact> = files.iter().map(artifact).collect();
        artifacts.last_mut().unwrap().secret = true;
        let (manifest, _) = build(artifacts).await.unwrap();
        Self { folder, manifest, contents }
    }

    pub async fn origin(&self, script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Origin {
        Origin::start(&self.manifest, &self.contents, move |_, asked| script(asked)).await
    }

    /// Digest of the manifest without secrets.
    pub fn shared(&self) -> Digest {
        self.manifest.split().unwrap().0.digest()
    }

    /// Digest of the manifest of the secrets.
    pub fn secrets(&self) -> Option<Digest> {
        self.manifest.split().unwrap().1.map(|secrets| secrets.digest())
    }

    /// A place for the tree of this name.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn request(&self, origin: &Origin, name: &str) -> Request {
        Request {
            urls: vec![origin.url()],
            manifest: self.shared(),
            secrets: self.secrets(),
            token: "t".parse().unwrap(),
            target: self.place(name),
        }
    }

    pub fn cache(&self) -> Cache {
        open(&self.place("cache")).unwrap()
    }

    /// Fetches the tree through a cache, without patience.
    pub async fn fetch_through(
        &self,
        cache: &Cache,
        origin: &Origin,
        name: &str,
    ) -> Result<Materialised, FetchError> {
        cache.materialise(self.request(origin, name), impatient(), watch::Sender::default()).await
    }
}

/// Opens a cache that may grow without limit.
pub fn open(path: &Path) -> Result<Cache, CacheError> {
    Cache::open(CacheOptions { path: path.to_owned(), budget: 1 << 40 })
}

/// Options of a fetch that gives up at the first error.
pub fn impatient() -> FetchOptions {
    FetchOptions { patience: Duration::ZERO, ..FetchOptions::default() }
}
