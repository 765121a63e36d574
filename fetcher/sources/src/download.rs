//! Download a source's content, over as many connections as needed.

use std::path::{Path, PathBuf};

use common::backoff::Backoff;
use common::rate::RateWatch;
use fetcher_client::responses::stalled;
use fetcher_client::{FetchError, Retry, blocking};
use fetcher_formats::digest::Digest;
use fetcher_formats::hashing;
use fs_err::tokio as fs;
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::body::Body;
use crate::error::SourceError;
use crate::obtained::{Obtained, check};
use crate::options::{SourceOptions, SourceProgress};
use crate::origin::Origin;
use crate::uri::SourceUri;

/// Downloads into `<folder>/<fingerprint>.partial`, and renames that to its digest once it is
/// complete and verified.
pub(crate) async fn download(
    origin: &Origin,
    uri: &SourceUri,
    expected: Option<Digest>,
    options: &SourceOptions,
    progress: &watch::Sender<SourceProgress>,
) -> Result<Obtained, SourceError> {
    let partial = options.folder.join(format!("{}.partial", uri.fingerprint()));
    let mut transfer = Transfer::open(&partial, expected.is_some(), uri, options, progress).await?;
    let resumed = transfer.position > 0;
    transfer.complete(origin).await?;
    let obtained = match finish(uri, partial.clone(), expected, options).await {
        // What an earlier process left may have been a part of another content.
        Err(FetchError::Digest { .. }) if resumed => {
            transfer.start_again().await?;
            transfer.complete(origin).await?;
            finish(uri, partial.clone(), expected, options).await
        }
        other => other,
    };
    if matches!(obtained, Err(FetchError::Digest { .. })) {
        // The rest is useless.
        fs::remove_file(&partial).await.ok();
    }
    Ok(obtained?)
}

struct Transfer<'a> {
    file: fs::File,
    path: &'a Path,
    uri: &'a SourceUri,
    options: &'a SourceOptions,
    progress: &'a watch::Sender<SourceProgress>,
    position: u64,
    version: Option<String>,
    moved: Instant,
    backoff: Backoff,
}

impl<'a> Transfer<'a> {
    /// Continues where an earlier process stopped, if a digest can show later whether that was
    /// right.
    async fn open(
        path: &'a Path,
        resume: bool,
        uri: &'a SourceUri,
        options: &'a SourceOptions,
        progress: &'a watch::Sender<SourceProgress>,
    ) -> Result<Self, SourceError> {
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(!resume)
            .write(true)
            .read(true)
            .open(path)
            .await;
        let mut file = file.map_err(|error| FetchError::disk(error, path, 0))?;
        let position = file.seek(std::io::SeekFrom::End(0)).await.map_err(FetchError::Disk)?;
        let moved = Instant::now();
        let backoff = Backoff::new(options.backoff.0, options.backoff.1);
        Ok(Self { file, path, uri, options, progress, position, version: None, moved, backoff })
    }

    async fn start_again(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0).await.map_err(FetchError::Disk)?;
        self.file.rewind().await.map_err(FetchError::Disk)?;
        self.position = 0;
        self.version = None;
        Ok(())
    }

    /// Downloads until everything is received, or nothing arrives for too long.
    async fn complete(&mut self, origin: &Origin) -> Result<(), SourceError> {
        loop {
            let Err(error) = self.attempt(origin).await else { break };
            let wait = match retry(&error) {
                Retry::Again => self.backoff.next(),
                Retry::After(wait) => wait,
                Retry::Never | Retry::Elsewhere => return Err(error),
            };
            if self.moved.elapsed() >= self.options.patience {
                return Err(error);
            }
            tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "Lost a download; retrying");
            sleep(wait).await;
        }
        self.file.flush().await.map_err(|error| FetchError::disk(error, self.path, 0))?;
        self.file.sync_all().await.map_err(|error| FetchError::disk(error, self.path, 0))?;
        Ok(())
    }

    async fn attempt(&mut self, origin: &Origin) -> Result<(), SourceError> {
        let mut watch = RateWatch::new(self.options.floor);
        let opened =
            timeout(watch.patience(), origin.open(self.position, self.version.as_deref())).await;
        let body = match opened.map_err(|_| self.stalled())? {
            Err(error) if is_behind_the_end(&error) => {
                self.start_again().await?;
                return Err(self.changed().into());
            }
            opened => opened?,
        };
        self.take_up(&body).await?;
        let Body { total, mut bytes, .. } = body;
        self.progress.send_replace(SourceProgress { bytes: self.position, total });
        loop {
            let start = Instant::now();
            let next = timeout(watch.patience(), bytes.next()).await;
            let chunk = match next {
                Ok(None) => break,
                Ok(Some(chunk)) => chunk?,
                Err(_) => bytes::Bytes::new(),
            };
            watch.note(start.elapsed(), chunk.len() as u64);
            if watch.stalled() {
                return Err(self.stalled().into());
            }
            self.write(&chunk, total).await?;
        }
        match total {
            Some(total) if self.position != total => Err(self.cut_short().into()),
            _ => Ok(()),
        }
    }

    /// Continues at the start of the body; starts again if it is of another version.
    async fn take_up(&mut self, body: &Body) -> Result<(), FetchError> {
        let other =
            self.version.is_some() && body.version.is_some() && self.version != body.version;
        if body.start != self.position || (other && body.start == 0) {
            self.start_again().await?;
        }
        if other && body.start > 0 {
            self.start_again().await?;
            return Err(self.changed());
        }
        self.version = body.version.clone().or(self.version.take());
        Ok(())
    }

    async fn write(&mut self, chunk: &[u8], total: Option<u64>) -> Result<(), FetchError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(chunk).await;
        written.map_err(|error| FetchError::disk(error, self.path, total.unwrap_or_default()))?;
        self.position += chunk.len() as u64;
        self.moved = Instant::now();
        self.backoff.reset();
        self.progress.send_replace(SourceProgress { bytes: self.position, total });
        Ok(())
    }

    fn stalled(&self) -> FetchError {
        stalled(&self.uri.to_string(), self.position, self.options.floor)
    }

    fn changed(&self) -> FetchError {
        let reason = "the content changed while it was read".to_owned();
        FetchError::Network { url: self.uri.to_string(), bytes: self.position, reason }
    }

    fn cut_short(&self) -> FetchError {
        let reason = "the content ended early".to_owned();
        FetchError::Network { url: self.uri.to_string(), bytes: self.position, reason }
    }
}

fn is_behind_the_end(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::Fetch(FetchError::Status { status: StatusCode::RANGE_NOT_SATISFIABLE, .. })
    )
}

fn retry(error: &SourceError) -> Retry {
    match error {
        SourceError::Fetch(error) => error.retry(),
        SourceError::Store { temporary: true, .. } => Retry::Again,
        SourceError::Store { .. } | SourceError::File(_) => Retry::Never,
    }
}

/// Renames the file to its digest, if that is the expected one.
async fn finish(
    uri: &SourceUri,
    partial: PathBuf,
    expected: Option<Digest>,
    options: &SourceOptions,
) -> Result<Obtained, FetchError> {
    let (uri, folder) = (uri.clone(), options.folder.clone());
    blocking(move || {
        let hashed = hashing::hash_file(&partial);
        let (blob, _) = hashed.map_err(|error| FetchError::Disk(std::io::Error::other(error)))?;
        check(&uri, expected, blob.digest, blob.size)?;
        let path = folder.join(blob.digest.to_string());
        fs_err::rename(&partial, &path).map_err(FetchError::Disk)?;
        Ok(Obtained { path, digest: blob.digest, size: blob.size })
    })
    .await
}
