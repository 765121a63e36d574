//! Sources of users' artifacts beyond our own server: web servers, file systems, object stores.
//!
//! [`obtain`] downloads one artifact to this machine, once, into a folder of files named by digest. From there it is
//! served like every other artifact, so other machines need neither its URI nor its credentials. An interrupted
//! download continues at the same byte. Wrong content never gets its final name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::blocking::blocking;
use crate::digest::Digest;
use crate::error::{Blame, FetchError};
use crate::hashing::{self, HashError};
use crate::rate::RateFloor;
use origin::Origin;

pub use first_use::{FirstUseError, FirstUses};
pub use settings::{SettingError, Settings};
pub use uri::{Scheme, SourceUri, UriError};

mod body;
mod download;
mod first_use;
mod http;
mod origin;
mod settings;
#[cfg(feature = "stores")]
mod store;
mod uri;

/// How to reach sources.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Folder of the files, named by digest. It must exist, and no other user may write to it.
    pub folder: PathBuf,
    /// Settings for each kind of source.
    pub settings: BTreeMap<Scheme, Settings>,
    /// Time limit for connecting.
    pub connect_timeout: Duration,
    /// Slowest accepted rate.
    pub floor: RateFloor,
    /// How long to retry temporary errors while no byte arrives.
    pub patience: Duration,
    /// Shortest and longest pause between attempts.
    pub backoff: (Duration, Duration),
}

impl SourceOptions {
    /// Options as patient as those of fetches, with files in `folder`.
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

/// The progress of one download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceProgress {
    /// Bytes received.
    pub bytes: u64,
    /// Total bytes, once known.
    pub total: Option<u64>,
}

/// A file on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// Path in the folder; a file that was on this machine before stays where it is.
    pub path: PathBuf,
    /// Digest of its content.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
}

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It was not found or could not be downloaded; the error names the URL.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file that cannot be read; the error names it.
    #[error(transparent)]
    File(#[from] HashError),
    /// An object store or file system rejects the request.
    #[error("{uri}: {reason}")]
    Store {
        /// The requested URI.
        uri: String,
        /// The store's error.
        reason: String,
        /// Whether a retry may succeed.
        temporary: bool,
    },
    /// This program was built without this kind of source.
    #[error("{uri}: this program was built without {scheme} sources")]
    Absent {
        /// The requested URI.
        uri: String,
        /// The kind of source.
        scheme: Scheme,
    },
}

impl SourceError {
    /// Who can fix it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Fetch(error) => error.blame(),
            Self::Store { temporary: true, .. } => Blame::Network,
            Self::Store { .. } | Self::File(_) | Self::Absent { .. } => Blame::Configuration,
        }
    }
}

/// Downloads `uri` to this machine, unless a file with the digest `expected` exists already. Dropping the future
/// cancels it; what was received is kept for the next attempt.
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

/// The file with this digest, if it exists and its content still matches.
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
