//! Hash and write what arrives, on a blocking thread.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use fetcher_formats::digest::{Digest, Hasher};
use fetcher_formats::page_cache::WriteBehind;
use fs_err::os::unix::fs::FileExt as _;
use fs_err::{File, OpenOptions};
use tokio::sync::mpsc;

use super::frontier::Feed;
use super::meter::Meter;
use super::piece::Piece;
use crate::crash;
use crate::error::FetchError;

/// Writes one piece into an existing file, and verifies it.
pub(super) struct Writer {
    file: File,
    path: PathBuf,
    position: u64,
    size: u64,
    /// Position of the first byte in the current hash.
    hashed_from: u64,
    checks: VecDeque<(u64, Digest)>,
    /// The chunk being written.
    chunk: usize,
    hasher: Hasher,
    behind: WriteBehind,
    /// Notified of verified chunks.
    feed: Option<Arc<Feed>>,
}

/// Why a piece was not written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The bytes do not match the manifest.
    Digest { expected: Digest, seen: Digest, range: Range<u64> },
    /// The sender ended too early, or sent too much.
    Incomplete,
    /// A disk error.
    Disk(FetchError),
}

impl Writer {
    pub(super) fn open(
        path: PathBuf,
        piece: &Piece,
        feed: Option<Arc<Feed>>,
    ) -> Result<Self, FetchError> {
        let file = OpenOptions::new().write(true).open(&path).map_err(FetchError::Disk)?;
        Ok(Self {
            file,
            path,
            position: piece.range.start,
            size: piece.blob.size,
            hashed_from: piece.range.start,
            checks: piece.checks().into(),
            chunk: piece.first_chunk(),
            hasher: Hasher::default(),
            behind: WriteBehind::from(piece.range.start),
            feed,
        })
    }

    /// Writes frames until the sender is dropped; the piece must be complete then.
    pub(super) fn run(
        mut self,
        mut frames: mpsc::Receiver<Bytes>,
        meter: &Meter,
    ) -> Result<(), WriteError> {
        let mut taken = 0;
        let written = self.take_all(&mut frames, meter, &mut taken);
        if written.is_err() {
            meter.take_back(taken);
        }
        written
    }

    fn take_all(
        &mut self,
        frames: &mut mpsc::Receiver<Bytes>,
        meter: &Meter,
        taken: &mut u64,
    ) -> Result<(), WriteError> {
        self.check()?;
        while let Some(frame) = frames.blocking_recv() {
            *taken += frame.len() as u64;
            meter.add(frame.len() as u64);
            crash::point();
            self.write(&frame)?;
        }
        if self.checks.is_empty() { Ok(()) } else { Err(WriteError::Incomplete) }
    }

    fn write(&mut self, mut frame: &[u8]) -> Result<(), WriteError> {
        while !frame.is_empty() {
            let Some((end, _)) = self.checks.front() else { return Err(WriteError::Incomplete) };
            let room = usize::try_from(end - self.position).unwrap_or(usize::MAX);
            let (now, later) = frame.split_at(room.min(frame.len()));
            self.hasher.update(now);
            self.file.write_all_at(now, self.position).map_err(|error| {
                WriteError::Disk(FetchError::disk(error, &self.path, self.size))
            })?;
            self.position += now.len() as u64;
            self.behind.written_to(&self.file, self.position);
            self.check()?;
            frame = later;
        }
        Ok(())
    }

    /// Compares digests at the end of a chunk; at once for an empty file.
    fn check(&mut self) -> Result<(), WriteError> {
        while let Some((end, expected)) = self.checks.front().copied()
            && end == self.position
        {
            let seen = self.hasher.finish();
            if seen != expected {
                return Err(WriteError::Digest {
                    expected,
                    seen,
                    range: self.hashed_from..self.position,
                });
            }
            if let Some(feed) = &self.feed {
                feed.verified(self.chunk);
            }
            self.chunk += 1;
            self.hashed_from = self.position;
            self.checks.pop_front();
        }
        Ok(())
    }
}
