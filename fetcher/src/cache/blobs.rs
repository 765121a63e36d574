//! Contents: how each gets into the cache exactly once.

use std::fs::{Metadata, Permissions};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::{File, OpenOptions};

use super::lock::{FileLock, Mode};
use super::reservation::Reservation;
use super::{Cache, Fetch};
use crate::crash;
use crate::digest::Digest;
use crate::fetch::{Feed, FetchError, MODIFIED, Store, Target, blocking, finish_file, preallocate};
use crate::hashing::{self, Fingerprint, HashError};
use crate::manifest::{Blob, BlobName, CHUNK, Entry, Kind};
use crate::peers;

/// Name suffix of executable contents.
const EXECUTABLE: &str = ".x";

/// One content with one mode: the file that files of trees link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) blob: Blob,
    pub(super) executable: bool,
}

impl Content {
    /// The content that an entry needs; none for links and secrets.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match &entry.kind {
            _ if entry.secret => None,
            Kind::File(blob) | Kind::Archive(_, blob) => Some(Self { blob: blob.clone(), executable: false }),
            Kind::Executable(blob) => Some(Self { blob: blob.clone(), executable: true }),
            Kind::Link(_) => None,
        }
    }

    /// The content's name in the cache.
    pub(super) fn key(&self) -> String {
        format!("{}{}", self.blob.name(), if self.executable { EXECUTABLE } else { "" })
    }

    pub(super) fn mode(&self) -> u32 {
        if self.executable { 0o555 } else { 0o444 }
    }
}

/// A content on its way into the cache.
struct Arrival {
    cache: Cache,
    content: Content,
    reservation: Arc<Reservation>,
    /// Held until the content is in its place.
    partial: FileLock,
}

impl Cache {
    /// Opens a content by name (see [`BlobName`]) with either mode, if it is in the cache and not modified.
    pub(crate) fn open_content(&self, name: &BlobName) -> io::Result<Option<(File, Fingerprint)>> {
        for mode in ["", EXECUTABLE] {
            match hashing::open(&self.blob(&format!("{name}{mode}"))) {
                Ok((file, fingerprint)) if is_untouched(&file.metadata()?) => return Ok(Some((file, fingerprint))),
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
            feed.begin(File::open(self.blob(&content.key())).map_err(FetchError::Disk)?, &content.blob, |_| true);
        }
        Ok(())
    }

    /// Gets a content into the cache unless it is there; waits if another process is fetching it. `feed` allows reading
    /// it meanwhile.
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
        if blob.size >= peers::ANNOUNCED_FROM {
            download.announce(blob.digest);
        }
        Ok(())
    }
}

impl Arrival {
    fn path(&self) -> &Path {
        self.partial.file().path()
    }

    /// What remains to be fetched; none if another process brought the content while we waited for the lock.
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
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(FetchError::Disk)?;
        let there = self.verified_chunks(&mut file).map_err(|error| FetchError::disk(error, &path, size))?;
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

    /// Which chunks exist already, from an interrupted fetch or from the file with the other mode. All are hashed,
    /// because a crash may have left anything.
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
        finish_file(&target.path, self.content.mode())?;
        crash::point();
        self.partial.file().sync_all().map_err(|error| FetchError::disk(error, &target.path, size))?;
        let place = self.cache.blob(&self.content.key());
        if self.cache.has(&self.content) && self.reservation.hold(&place, &self.content) {
            // Another lane was first, and trees already link to its file.
            fs_err::remove_file(&target.path).map_err(FetchError::Disk)?;
            self.reservation.use_up(size);
            return Ok(());
        }
        self.reservation.hold(&target.path, &self.content);
        crash::point();
        fs_err::rename(&target.path, &place).map_err(|error| FetchError::disk(error, &place, size))?;
        crash::point();
        self.reservation.use_up(size);
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..)
        && !room.is_empty()
    {
        match file.read(room)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Whether a file has the cache's modification time and no write permission.
fn is_untouched(metadata: &Metadata) -> bool {
    metadata.mtime() == MODIFIED && metadata.permissions().mode() & 0o222 == 0
}

/// Whether a file of the cache still looks unmodified, without reading it.
pub(super) fn looks_right(path: &Path, content: &Content) -> bool {
    fs_err::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.len() == content.blob.size
            && metadata.permissions().mode() & 0o7777 == content.mode()
            && metadata.mtime() == MODIFIED
    })
}
