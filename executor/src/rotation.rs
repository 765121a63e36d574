//! A file that is rotated by size.
//!
//! ```text
//!   <name>          the newest; rotated at the end of a line once it has reached its size
//!   <name>.1 … .n   older ones, .n the oldest, which the next rotation deletes
//! ```
//!
//! No line is lost or split, except lines longer than half a megabyte. If the disk is full, bytes
//! are dropped, so that no process blocks on a log. Once there is room again, a line says how many
//! were dropped.
//!
//! The newest file is locked (shared, flock(2)) while it is open for writing, so that no other
//! executor deletes it.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use crate::files;

/// Readable for our user and group, like all files of a worker.
pub(crate) const MODE: u32 = 0o640;

/// A line longer than this, in bytes, may be split by a rotation.
pub(crate) const LONGEST_LINE: u64 = 512 << 10;

/// How much of an output stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Size of one file in bytes; the line that reaches it is the file's last.
    pub size: u64,
    /// How many rotated files are kept beside the newest.
    pub older: u32,
}

impl OutputLimits {
    /// For a file that nothing is written to yet.
    pub const NONE: Self = Self { size: u64::MAX, older: 0 };
}

/// The newest file, and how its older ones are named.
#[derive(Debug)]
pub(crate) struct RotatingFile {
    path: PathBuf,
    limits: OutputLimits,
    file: File,
    size: u64,
    /// The next line begins a new file. The rotation waits for it, so that the newest file is never
    /// empty.
    full: bool,
    /// Bytes dropped because the disk was full.
    lost: u64,
}

impl RotatingFile {
    /// Opens the file at this path for appending, or creates it. A link, a pipe or a device in its
    /// place is an error.
    pub(crate) fn open(path: &Path, limits: OutputLimits) -> io::Result<Self> {
        let file =
            files::open_with(fs::OpenOptions::new().create(true).append(true).mode(MODE), path)?;
        let size = file.metadata()?.len();
        file.try_lock_shared().ok();
        Ok(Self { path: path.to_owned(), limits, file, size, full: false, lost: 0 })
    }

    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let now = self.fitting(bytes);
            let (first, rest) = bytes.split_at(now);
            self.put(first);
            bytes = rest;
        }
    }

    /// How many of the bytes go into the current file: all, or those up to the end of the line that
    /// reaches the size.
    fn fitting(&self, bytes: &[u8]) -> usize {
        let room =
            usize::try_from(self.limits.size.saturating_sub(self.size)).unwrap_or(usize::MAX);
        if bytes.len() <= room {
            return bytes.len();
        }
        let from = room.saturating_sub(1);
        bytes[from..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |end| from + end + 1)
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.full {
            self.rotate();
        }
        if self.lost > 0 {
            let notice = format!("\n[{} bytes of output are lost: the disk was full]\n", self.lost);
            if self.file.write_all(notice.as_bytes()).is_err() {
                self.lost += bytes.len() as u64;
                return;
            }
            self.lost = 0;
        }
        if self.file.write_all(bytes).is_err() {
            self.lost += bytes.len() as u64;
        }
        self.size = self.file.metadata().map_or(self.size, |about| about.len());
        let endless = self.size > self.limits.size.saturating_add(LONGEST_LINE);
        self.full = endless || (self.size >= self.limits.size && bytes.ends_with(b"\n"));
    }

    /// If the rotation fails, the file keeps growing, so that nothing is lost.
    fn rotate(&mut self) {
        if self.limits.older == 0 {
            if self.file.set_len(0).is_ok() {
                self.size = 0;
            }
            return;
        }
        let new = self.with_ending("new");
        // A file left by an interrupted rotation, or by somebody else.
        fs::remove_file(&new).ok();
        let Ok(file) = fs::OpenOptions::new().create_new(true).append(true).mode(MODE).open(&new)
        else {
            return;
        };
        for number in (1..self.limits.older).rev() {
            fs::rename(self.with_ending(number), self.with_ending(number + 1)).ok();
        }
        fs::rename(&self.path, self.with_ending(1)).ok();
        if fs::rename(&new, &self.path).is_ok() {
            if let Ok(about) = self.file.metadata() {
                file.set_permissions(about.permissions()).ok();
            }
            self.file = file.into_parts().0;
            self.file.try_lock_shared().ok();
            self.size = 0;
        }
    }

    fn with_ending(&self, ending: impl fmt::Display) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{ending}"));
        path.into()
    }
}

/// Bytes that do not fit on the disk are counted, not reported as an error.
impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use tempfile::TempDir;

    use super::*;

    const CHUNK: usize = 16 << 10;

    fn read_all(folder: &TempDir, older: u32) -> Vec<String> {
        let names =
            (1..=older).rev().map(|number| format!("out.{number}")).chain(["out".to_owned()]);
        names.map(|name| fs::read_to_string(folder.path().join(name)).unwrap_or_default()).collect()
    }

    #[test]
    fn lines_stay_whole_and_the_oldest_file_is_deleted() {
        let folder = TempDir::new().unwrap();
        let limits = OutputLimits { size: 10, older: 2 };
        let mut file = RotatingFile::open(&folder.path().join("out"), limits).unwrap();
        for line in ["one\ntwo\n", "three\n", "four\nfive\nsix\n", "se", "ven\neight\n"] {
            file.append(line.as_bytes());
        }
        assert_eq!(
            read_all(&folder, 3),
            ["", "four\nfive\n", "six\nseven\n", "eight\n"].map(str::to_owned)[..]
        );
    }

    #[test]
    fn without_older_files_a_rotation_empties_the_file() {
        let folder = TempDir::new().unwrap();
        let mut file =
            RotatingFile::open(&folder.path().join("out"), OutputLimits { size: 10, older: 0 })
                .unwrap();
        file.append(b"one two three\nfour\n");
        assert_eq!(read_all(&folder, 1), ["", "four\n"].map(str::to_owned)[..]);
    }

    #[test]
    fn an_endless_line_is_split() {
        let folder = TempDir::new().unwrap();
        let mut file =
            RotatingFile::open(&folder.path().join("out"), OutputLimits { size: 10, older: 1 })
                .unwrap();
        for _ in 0..100 {
            file.append(&[b'x'; CHUNK]);
        }
        let longest = fs::metadata(folder.path().join("out.1")).unwrap().len();
        assert!(longest <= LONGEST_LINE + 2 * CHUNK as u64, "{longest}");
    }

    #[test]
    fn bytes_that_a_full_disk_drops_are_counted() {
        let folder = TempDir::new().unwrap();
        let limits = OutputLimits { size: 1000, older: 1 };
        let mut file = RotatingFile::open(&folder.path().join("out"), limits).unwrap();
        let good = std::mem::replace(
            &mut file.file,
            fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into_parts().0,
        );
        file.append(b"lost\n");
        file.append(b"lost too\n");
        file.file = good;
        file.append(b"kept\n");
        let expected = "\n[14 bytes of output are lost: the disk was full]\nkept\n";
        assert_eq!(read_all(&folder, 1)[1], expected);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_split_or_out_of_order(
            lines in vec("[a-z]{0,12}\n", 0..60), cuts in vec(1_usize..40, 1..30), size in 1_u64..50,
        ) {
            let folder = TempDir::new().unwrap();
            let limits = OutputLimits { size, older: 100 };
            let mut file = RotatingFile::open(&folder.path().join("out"), limits).unwrap();
            let text = lines.concat();
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                file.append(now);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let files = read_all(&folder, 100);
            prop_assert_eq!(files.concat(), text);
            for file in files {
                prop_assert!(file.is_empty() || file.ends_with('\n'));
                prop_assert!(file.len() as u64 <= size + 13);
            }
        }
    }
}
