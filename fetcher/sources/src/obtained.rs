//! Files on this machine that were obtained.

use std::path::PathBuf;

use fetcher_client::{FetchError, blocking};
use fetcher_formats::digest::Digest;
use fetcher_formats::hashing;

use crate::options::SourceOptions;
use crate::uri::SourceUri;

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

/// The file with this digest, if it exists and its content still matches.
pub async fn kept(options: &SourceOptions, digest: Digest) -> Option<Obtained> {
    let path = options.folder.join(digest.to_string());
    let hashed = blocking(move || Ok((hashing::hash_file(&path), path))).await;
    let (Ok((blob, _)), path) = hashed.ok()? else { return None };
    (blob.digest == digest).then_some(Obtained { path, digest, size: blob.size })
}

/// Whether a content is the expected one.
pub(crate) fn check(
    uri: &SourceUri,
    expected: Option<Digest>,
    seen: Digest,
    bytes: u64,
) -> Result<(), FetchError> {
    match expected.filter(|expected| *expected != seen) {
        Some(expected) => Err(FetchError::Digest { url: uri.to_string(), expected, seen, bytes }),
        None => Ok(()),
    }
}
