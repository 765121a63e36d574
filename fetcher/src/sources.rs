//! Where users keep what their jobs need, beyond our own server: web servers, file systems, object stores.
//!
//! [`obtain`] brings one thing to this machine, once: to a folder in which everything is called by its digest. From there
//! it is served like every other artifact, so that other machines need neither its address nor the credentials for it.
//! What breaks off goes on at the same byte; what has the wrong content never gets its name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::digest::Digest;
use crate::fetch::{Blame, FetchError, blocking};
use crate::hashing::{self, HashError};
use crate::rate::RateFloor;
use origin::Origin;

pub use first_use::{FirstUseError, FirstUses};
pub use settings::{SettingError, Settings};
pub use uri::{Scheme, SourceUri, UriError};

mod download;
mod first_use;
mod http;
mod origin;
mod settings;
#[cfg(feature = "stores")]
mod store;
mod uri;

/// How to get at things.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// What is kept, called by digest. The folder exists, and nobody else writes to it.
    pub folder: PathBuf,
    /// How each kind of source is spoken to.
    pub settings: BTreeMap<Scheme, Settings>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// The slowest source that is borne.
    pub floor: RateFloor,
    /// How long to go on after errors that may pass while not a byte comes.
    pub patience: Duration,
    /// Shortest and longest pause before asking again.
    pub backoff: (Duration, Duration),
}

impl SourceOptions {
    /// As patient as fetches are, with what is kept in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            settings: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            floor: RateFloor::default(),
            patience: Duration::from_secs(120),
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
        }
    }
}

/// How far one download has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceProgress {
    /// Bytes that are here.
    pub bytes: u64,
    /// All bytes, once they are known.
    pub total: Option<u64>,
}

/// Something that is on this machine now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// Where: in the folder, or for what was on this machine before, in its own place.
    pub path: PathBuf,
    /// What it is.
    pub digest: Digest,
    /// How large it is, in bytes.
    pub size: u64,
}

/// Why something cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there, or did not come; the error says where it should be.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file that cannot be read; the error names it.
    #[error(transparent)]
    File(#[from] HashError),
    /// An object store or file system refuses.
    #[error("{uri}: {reason}")]
    Store {
        /// What was asked for.
        uri: String,
        /// What it says.
        reason: String,
        /// Whether it may go better next time.
        passing: bool,
    },
    /// This program was built without this kind of source.
    #[error("{uri}: this program was built without {scheme} sources")]
    Absent {
        /// What was asked for.
        uri: String,
        /// The kind.
        scheme: Scheme,
    },
}

impl SourceError {
    /// Who has to do something about it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Fetch(error) => error.blame(),
            Self::Store { passing: true, .. } => Blame::Network,
            Self::Store { .. } | Self::File(_) | Self::Absent { .. } => Blame::Configuration,
        }
    }
}

/// Brings what is at `uri` to this machine, unless something with the digest `expected` is here already. Cancelled by
/// dropping the future; what has come stays for the next attempt.
pub async fn obtain(
    uri: &SourceUri,
    expected: Option<Digest>,
    options: &SourceOptions,
    progress: &watch::Sender<SourceProgress>,
) -> Result<Obtained, SourceError> {
    if let Some(path) = uri.local() {
        return in_place(uri, path, expected).await;
    }
    if let Some(digest) = expected
        && let Some(obtained) = kept(options, digest).await
    {
        return Ok(obtained);
    }
    let (to, how) = (uri.clone(), options.clone());
    // Reading this machine's certificates takes a moment.
    let origin = blocking(move || Ok(Origin::new(&to, &how))).await??;
    download::download(&origin, uri, expected, options, progress).await
}

/// What is kept under this digest, if its content still is what it should be.
pub async fn kept(options: &SourceOptions, digest: Digest) -> Option<Obtained> {
    let path = options.folder.join(digest.to_string());
    let hashed = blocking(move || Ok((hashing::hash_file(&path), path))).await;
    let (Ok((blob, _)), path) = hashed.ok()? else { return None };
    (blob.digest == digest).then_some(Obtained { path, digest, size: blob.size })
}

/// A file of this machine is served from where it is.
async fn in_place(uri: &SourceUri, path: PathBuf, expected: Option<Digest>) -> Result<Obtained, SourceError> {
    let (blob, path) = blocking(move || Ok(hashing::hash_file(&path).map(|(blob, _)| (blob, path)))).await??;
    check(uri, expected, blob.digest, blob.size)?;
    Ok(Obtained { path, digest: blob.digest, size: blob.size })
}

fn check(uri: &SourceUri, expected: Option<Digest>, seen: Digest, bytes: u64) -> Result<(), FetchError> {
    match expected.filter(|expected| *expected != seen) {
        Some(expected) => Err(FetchError::Digest { url: uri.to_string(), expected, seen, bytes }),
        None => Ok(()),
    }
}
