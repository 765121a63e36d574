//! Contents: how each gets into the cache exactly once.

use std::fs::Permissions;
use std::io::{self, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use fetcher_formats::files::finish_file;
use fetcher_formats::hashing::{self, Fingerprint, HashError};
use fetcher_formats::headers::ANNOUNCED_FROM;
use fetcher_formats::manifest::{BlobName, CHUNK};
use fs_err::{File, OpenOptions};

use super::content::{Content, EXECUTABLE, is_untouched, looks_right};
use super::fetch::Fetch;
use super::files::read_full;
use super::folders::Cache;
use super::reservation::Reservation;
use crate::blocking::blocking;
use crate::crash;
use crate::error::FetchError;
use crate::fetch::download::{Store, Target};
use crate::fetch::frontier::Feed;
use crate::fetch::staging::preallocate;
use crate::lock::{FileLock, Mode};

/// A content on its way into the cache.
struct Arrival {
    cache: Cache,
    content: Content,
    reservation: Arc<Reservation>,
    /// Held until the content is in its place.
    partial: FileLock,
}

impl Cache {
    /// Opens a content by name (see [`BlobName`]) with either mode, if it is in the cache and not
    /// modified.
    pub fn open_content(&self, name: &BlobName) -> io::Result<Option<(File, Fingerprint)>> {
        for mode in ["", EXECUTABLE] {
            match hashing::open(&self.blob(&format!("{name}{mode}"))) {
                Ok((file, fingerprint)) if is_untouched(&file.metadata()?) => {
                    return Ok(Some((file, fingerprint)));
                }
                Ok(_) | Err(HashError::NotAFile(_) | HashError::Changed(_)) => {}
                Err(HashError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(HashError::Read(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether a content is in the cache.
    pub(super) fn has(&self, content: &Content) -> bool {
        looks_right(&self.blob(&content.key()), content)
    }

    /// Passes a content of the cache to its reader.
    pub(super) fn feed_all(&self, content: &Content, feed: Option<Feed>) -> Result<(), FetchError> {
        if let Some(feed) = feed {
            feed.begin(
                File::open(self.blob(&content.key())).map_err(FetchError::Disk)?,
                &content.blob,
                |_| true,
            );
        }
        Ok(())
    }

    /// Gets a content into the cache unless it is there; waits if another process is fetching it.
    /// `feed` allows reading it meanwhile.
    pub(super) async fn ensure(
        &self,
        content: Content,
        fetch: &Fetch,
        reservation: Arc<Reservation>,
        feed: Option<Feed>,
    ) -> Result<(), FetchError> {
        let part = format!("{}{}", content.key(), fetch.lane);
        let partial = FileLock::acquire(self.partial(&part), Mode::Exclusive).await?;
        let arrival = Arrival { cache: self.clone(), content, reservation, partial };
        let (arrival, target) = blocking(move || {
            let target = arrival.resume(feed)?;
            Ok((Arc::new(arrival), target))
        })
        .await?;
        let (download, meter) = fetch.start().await?;
        let Some(target) = target else {
            meter.there(1, arrival.content.blob.size);
            return Ok(());
        };
        download.target(target, &arrival).await?;
        let blob = &arrival.content.blob;
        if blob.size >= ANNOUNCED_FROM {
            download.announce(blob.digest);
        }
        Ok(())
    }
}

impl Arrival {
    fn path(&self) -> &Path {
        self.partial.file().path()
    }

    /// What remains to be fetched; none if another process brought the content while we waited for
    /// the lock.
    fn resume(&self, feed: Option<Feed>) -> Result<Option<Target>, FetchError> {
        let size = self.content.blob.size;
        if self.cache.has(&self.content) {
            self.reservation.hold(&self.cache.blob(&self.content.key()), &self.content);
            // A leftover, or created by our own locking.
            fs_err::remove_file(self.path()).map_err(FetchError::Disk)?;
            self.reservation.use_up(size);
            self.cache.feed_all(&self.content, feed)?;
            return Ok(None);
        }
        let path = self.path().to_owned();
        // A fetch that was killed in its last step has left the file read-only.
        fs_err::set_permissions(&path, Permissions::from_mode(0o600)).map_err(FetchError::Disk)?;
        let mut file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(FetchError::Disk)?;
        let there = self
            .verified_chunks(&mut file)
            .map_err(|error| FetchError::disk(error, &path, size))?;
        preallocate(&file, size)?;
        crash::point();
        let is_there = |chunk| there.get(chunk).copied().unwrap_or(false);
        if let Some(feed) = &feed {
            feed.begin(File::open(&path).map_err(FetchError::Disk)?, &self.content.blob, is_there);
        }
        Ok(Some(Target::with(path, self.content.blob.clone(), is_there).feeding(feed)))
    }

    /// The same content with the other mode.
    fn twin(&self) -> Option<PathBuf> {
        let twin = Content { executable: !self.content.executable, ..self.content.clone() };
        self.cache.has(&twin).then(|| self.cache.blob(&twin.key()))
    }

    /// Which chunks exist already, from an interrupted fetch or from the file with the other mode.
    /// All are hashed, because a crash may have left anything.
    fn verified_chunks(&self, file: &mut File) -> io::Result<Vec<bool>> {
        if self.content.blob.chunks.is_empty() || file.metadata()?.len() > self.content.blob.size {
            file.set_len(0)?;
        } else if let Some(twin) = self.twin() {
            io::copy(&mut File::open(twin)?, file)?;
            file.rewind()?;
        }
        let mut buffer = vec![0; if file.metadata()?.len() > 0 { CHUNK as usize } else { 0 }];
        let mut there = Vec::new();
        for expected in &self.content.blob.chunks {
            let read = read_full(file, &mut buffer)?;
            there.push(read > 0 && Digest::of(buffer.get(..read).unwrap_or_default()) == *expected);
        }
        Ok(there)
    }
}

impl Store for Arrival {
    fn complete(&self, target: &Target) -> Result<(), FetchError> {
        let size = self.content.blob.size;
        finish_file(&target.path, self.content.mode())
            .map_err(|error| FetchError::disk(error, &target.path, 0))?;
        crash::point();
        self.partial
            .file()
            .sync_all()
            .map_err(|error| FetchError::disk(error, &target.path, size))?;
        let place = self.cache.blob(&self.content.key());
        if self.cache.has(&self.content) && self.reservation.hold(&place, &self.content) {
            // Another lane was first, and trees already link to its file.
            fs_err::remove_file(&target.path).map_err(FetchError::Disk)?;
            self.reservation.use_up(size);
            return Ok(());
        }
        self.reservation.hold(&target.path, &self.content);
        crash::point();
        fs_err::rename(&target.path, &place)
            .map_err(|error| FetchError::disk(error, &place, size))?;
        crash::point();
        self.reservation.use_up(size);
        Ok(())
    }
}
