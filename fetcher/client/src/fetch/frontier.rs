//! Read a file while it is being fetched, but never a byte that was not verified.

use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use fetcher_formats::manifest::{Blob, CHUNK};
use fs_err::File;
use parking_lot::{Condvar, Mutex};

/// How far a file can be read from its start.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<File>>,
    size: u64,
    /// Which chunks were verified; a single one for a file without chunks.
    chunks: Vec<bool>,
    /// Bytes before the first chunk that was not verified.
    verified: u64,
    ended: bool,
}

/// Advances a frontier. If it is dropped before the end, readers get an error.
#[derive(Debug)]
pub(crate) struct Feed(Arc<Frontier>);

impl Feed {
    pub(crate) fn new(frontier: &Arc<Frontier>) -> Self {
        Self(Arc::clone(frontier))
    }

    /// Sets the file, and which parts of it are verified already.
    pub(crate) fn begin(&self, file: File, blob: &Blob, is_there: impl Fn(usize) -> bool) {
        let mut state = self.0.state.lock();
        state.file = Some(Arc::new(file));
        state.size = blob.size;
        state.chunks = (0..blob.chunks.len().max(1)).map(is_there).collect();
        self.0.advance(&mut state);
    }

    /// Notes a verified chunk; number 0 of a file without chunks is the whole file.
    pub(crate) fn verified(&self, chunk: usize) {
        let mut state = self.0.state.lock();
        if let Some(verified) = state.chunks.get_mut(chunk) {
            *verified = true;
        }
        self.0.advance(&mut state);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.moved.notify_all();
    }
}

impl Frontier {
    fn advance(&self, state: &mut State) {
        let chunks = state.chunks.iter().take_while(|verified| **verified).count();
        let all = chunks == state.chunks.len();
        state.verified = if all { state.size } else { chunks as u64 * CHUNK };
        self.moved.notify_all();
    }

    /// Waits until bytes after `position` can be read, or the file has ended.
    fn wait(&self, position: u64) -> io::Result<(Arc<File>, u64)> {
        let mut state = self.state.lock();
        loop {
            if let Some(file) = &state.file
                && (state.verified > position || state.verified == state.size)
            {
                return Ok((Arc::clone(file), state.verified));
            }
            if state.ended {
                return Err(io::Error::other("the fetch ended before the archive was complete"));
            }
            self.moved.wait(&mut state);
        }
    }
}

/// Reads up to a frontier, and waits for it to advance. Blocks.
pub(crate) struct Growing {
    frontier: Arc<Frontier>,
    position: u64,
}

impl Growing {
    pub(crate) fn new(frontier: &Arc<Frontier>) -> Self {
        Self { frontier: Arc::clone(frontier), position: 0 }
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (file, verified) = self.frontier.wait(self.position)?;
        let room = verified.saturating_sub(self.position).min(buffer.len() as u64) as usize;
        let read =
            file.file().read_at(buffer.get_mut(..room).unwrap_or_default(), self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Growing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.frontier.wait(u64::MAX)?.1.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fetcher_formats::digest::Digest;

    use super::*;

    fn scene(chunks: u64) -> (tempfile::NamedTempFile, Blob, Arc<Frontier>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, &vec![7; (chunks * CHUNK) as usize]).unwrap();
        let digests = vec![Digest::of(b""); chunks as usize];
        (
            file,
            Blob { size: chunks * CHUNK, digest: Digest::of(b""), chunks: digests },
            Arc::default(),
        )
    }

    #[test]
    fn reading_stops_before_the_first_unverified_chunk() {
        let (file, blob, frontier) = scene(5);
        let feed = Feed::new(&frontier);
        feed.begin(File::open(file.path()).unwrap(), &blob, |chunk| chunk == 0 || chunk == 2);
        let mut reader = Growing::new(&frontier);
        let mut first = vec![0; CHUNK as usize + 1];
        assert_eq!(reader.read(&mut first).unwrap(), CHUNK as usize);
        feed.verified(1);
        let mut read = 0;
        while read < 2 * CHUNK as usize {
            read += reader.read(&mut first).unwrap();
        }
        drop(feed);
        assert!(reader.read(&mut first).is_err(), "an unverified byte was read");
    }

    #[test]
    fn a_reader_waits_for_more_verified_bytes() {
        let (file, blob, frontier) = scene(5);
        let mut reader = Growing::new(&frontier);
        let reading = std::thread::spawn(move || {
            let end = reader.seek(SeekFrom::End(0)).unwrap();
            reader.seek(SeekFrom::Start(0)).unwrap();
            (end, io::copy(&mut reader, &mut io::sink()).unwrap())
        });
        let feed = Feed::new(&frontier);
        feed.begin(File::open(file.path()).unwrap(), &blob, |_| false);
        (0..5).rev().for_each(|chunk| feed.verified(chunk));
        assert_eq!(reading.join().unwrap(), (5 * CHUNK, 5 * CHUNK));
    }
}
