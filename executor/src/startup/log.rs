//! Read a TaskManager's log as it grows.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use crate::files;

/// Logged at INFO by `TaskExecutor` of every Flink since 1.18.
const REGISTERED: &str = "Successful registration at resource manager";

/// Lines that may explain a missing registration: failed connections, rejections, and anything at
/// WARN or ERROR.
const COMPLAINTS: &[&str] =
    &["Could not resolve", "Could not connect", "was declined", " WARN ", " ERROR "];

/// How much of the log is read per look, in bytes.
const LOOK: u64 = 1 << 20;

/// Longer complaints are cut off, in characters.
const LONGEST: usize = 500;

#[derive(Debug)]
pub(super) struct LogReader {
    path: PathBuf,
    offset: u64,
    registered: bool,
    talkative: bool,
    complaint: Option<String>,
}

impl LogReader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, registered: false, talkative: false, complaint: None }
    }

    /// Reads the lines that were added since the last look. Blocking.
    pub(super) fn look(&mut self) {
        let Some(bytes) = self.read() else { return };
        // A line that is still being written is left for the next look, unless it is endless.
        let complete = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if bytes.len() as u64 == LOOK => bytes.len(),
            None => 0,
        };
        self.offset += complete as u64;
        for line in String::from_utf8_lossy(&bytes[..complete]).lines() {
            self.registered |= line.contains(REGISTERED);
            self.talkative |= line.contains(" INFO ");
            if COMPLAINTS.iter().any(|complaint| line.contains(complaint)) {
                self.complaint = Some(line.chars().take(LONGEST).collect());
            }
        }
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        let mut file = files::open(&self.path).ok()?;
        if file.metadata().ok()?.len() < self.offset {
            // Rotated: this is another file.
            self.offset = 0;
        }
        file.seek(SeekFrom::Start(self.offset)).ok()?;
        let mut bytes = Vec::new();
        file.take(LOOK).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Whether the JobManager has accepted the TaskManager.
    pub(super) fn registered(&self) -> bool {
        self.registered
    }

    /// Whether the log's level is low enough for a registration to show.
    pub(super) fn is_talkative(&self) -> bool {
        self.talkative
    }

    /// The last line that may explain a missing registration.
    pub(super) fn complaint(&self) -> &str {
        self.complaint.as_deref().unwrap_or("its log gives no reason")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_seen_once_they_are_complete_and_after_a_rotation() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = LogReader::new(file.path().to_owned());
        reader.look();
        assert!(!reader.is_talkative());
        write!(file, "2026 INFO  starting\n2026 INFO  Could not resolve ResourceManager address x\n2026 INFO  Succ")
            .unwrap();
        reader.look();
        assert!(reader.is_talkative() && !reader.registered());
        assert_eq!(reader.complaint(), "2026 INFO  Could not resolve ResourceManager address x");
        file.as_file().set_len(0).unwrap();
        fs_err::write(file.path(), "a INFO Successful registration at resource manager y.\n")
            .unwrap();
        reader.look();
        assert!(reader.registered());
    }
}
