//! Obtain one artifact from wherever it is.

use std::path::PathBuf;

use fetcher_client::blocking;
use fetcher_formats::digest::Digest;
use fetcher_formats::hashing;
use tokio::sync::watch;

use crate::download::download;
use crate::error::SourceError;
use crate::obtained::{Obtained, check, kept};
use crate::options::{SourceOptions, SourceProgress};
use crate::origin::Origin;
use crate::uri::SourceUri;

/// Downloads `uri` to this machine, unless a file with the digest `expected` exists already.
/// Dropping the future cancels it; what was received is kept for the next attempt.
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
    download(&origin, uri, expected, options, progress).await
}

/// A file of this machine is served from where it is.
async fn in_place(
    uri: &SourceUri,
    path: PathBuf,
    expected: Option<Digest>,
) -> Result<Obtained, SourceError> {
    let (blob, path) =
        blocking(move || Ok(hashing::hash_file(&path).map(|(blob, _)| (blob, path)))).await??;
    check(uri, expected, blob.digest, blob.size)?;
    Ok(Obtained { path, digest: blob.digest, size: blob.size })
}
