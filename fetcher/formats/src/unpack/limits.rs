//! Count how much of an archive was read and unpacked. This includes bytes that are not a file's
//! content, which archive readers load into memory before we can see them.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::UnpackError;

/// The most bytes between two entries that are not a file's content: names, attributes, comments,
/// padding.
pub(super) const BETWEEN: u64 = 1 << 20;
/// The ratio is limited only for archives that have unpacked to at least this, in bytes.
const RATIO_FROM: u64 = 16 << 20;

/// Limits for the unpacked content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, links and folders in total.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The most unpacked bytes per byte of the archive; archives that stay below 16 MiB are exempt.
    pub ratio: u64,
}

impl Default for Limits {
    /// 65 536 entries, 16 GiB, a ratio of 200. The description of that many entries takes less than
    /// 32 MiB.
    fn default() -> Self {
        Self { entries: 1 << 16, bytes: 16 << 30, ratio: 200 }
    }
}

/// The counters that all readers of one archive share.
pub(super) struct Gauge {
    limits: Limits,
    /// Bytes of the archive that were read.
    source: AtomicU64,
    /// Bytes unpacked since the last entry.
    between: AtomicU64,
    /// Bytes unpacked in total.
    plain: AtomicU64,
    /// Whether the current bytes are a file's content.
    in_content: AtomicBool,
    /// Whether the limit on bytes between entries was exceeded.
    between_exceeded: AtomicBool,
    size_exceeded: AtomicBool,
}

impl Gauge {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            source: AtomicU64::new(0),
            between: AtomicU64::new(0),
            plain: AtomicU64::new(0),
            in_content: AtomicBool::new(false),
            between_exceeded: AtomicBool::new(false),
            size_exceeded: AtomicBool::new(false),
        })
    }

    /// Counts what is read of the archive itself.
    pub(super) fn source<R>(self: &Arc<Self>, inner: R) -> Source<R> {
        Source { inner, gauge: Arc::clone(self) }
    }

    /// Counts, and limits, what is unpacked.
    pub(super) fn plain<R>(self: &Arc<Self>, inner: R) -> Plain<R> {
        Plain { inner, gauge: Arc::clone(self) }
    }

    /// Notes the next entry.
    pub(super) fn entry(&self) {
        self.between.store(0, Ordering::Relaxed);
    }

    /// Notes whether a file's content follows.
    pub(super) fn content(&self, is_content: bool) {
        self.in_content.store(is_content, Ordering::Relaxed);
        self.entry();
    }

    /// Whether unpacking `bytes` from what was read so far is within the ratio.
    pub(super) fn check(&self, bytes: u64) -> Result<(), UnpackError> {
        let Limits { bytes: limit, ratio, .. } = self.limits;
        if bytes > limit {
            return Err(UnpackError::Limit { what: "bytes", limit });
        }
        if bytes > RATIO_FROM && bytes / ratio.max(1) > self.source.load(Ordering::Relaxed) {
            return Err(UnpackError::Limit { what: "times its own size", limit: ratio });
        }
        Ok(())
    }

    /// The exceeded limit that made reading fail, if any.
    pub(super) fn exceeded(&self) -> Option<UnpackError> {
        if self.between_exceeded.load(Ordering::Relaxed) {
            return Some(UnpackError::Limit {
                what: "bytes between two entries that belong to no file",
                limit: BETWEEN,
            });
        }
        let plain = self.plain.load(Ordering::Relaxed);
        self.size_exceeded.load(Ordering::Relaxed).then(|| self.check_plain(plain).err()).flatten()
    }

    /// Headers count in addition to the files' bytes.
    fn check_plain(&self, plain: u64) -> Result<(), UnpackError> {
        self.check(plain.saturating_sub(self.limits.entries.saturating_mul(1024)))
    }

    fn note(&self, read: u64) -> io::Result<()> {
        let plain = self.plain.fetch_add(read, Ordering::Relaxed).saturating_add(read);
        if self.check_plain(plain).is_err() {
            self.size_exceeded.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the archive has more bytes than are allowed"));
        }
        if self.in_content.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.between.fetch_add(read, Ordering::Relaxed).saturating_add(read) > BETWEEN {
            self.between_exceeded.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the archive has too many bytes that belong to no file"));
        }
        Ok(())
    }
}

pub(super) struct Source<R> {
    inner: R,
    gauge: Arc<Gauge>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.gauge.source.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}

pub(super) struct Plain<R> {
    inner: R,
    gauge: Arc<Gauge>,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.gauge.note(read as u64)?;
        Ok(read)
    }
}

impl<R: Seek> Seek for Plain<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}
