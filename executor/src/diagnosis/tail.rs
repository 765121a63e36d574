//! The last lines of a file.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

pub(super) use flink::exception::cut;

use crate::files;

/// How many bytes at the end of the file are read.
const WINDOW: u64 = 32 << 10;

/// Warnings that the JVM prints at every start; they say nothing about its end.
const NOISE: [&str; 5] = [
    "WARNING: ",
    "OpenJDK 64-Bit Server VM warning: ",
    "Java HotSpot(TM) 64-Bit Server VM warning: ",
    "Picked up ",
    "SLF4J: ",
];

/// The last lines of a file, oldest first; none if it cannot be read.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<String>);

impl Tail {
    pub(super) fn read(path: &Path, lines: usize) -> Self {
        let Some(text) = end_at(path) else { return Self::default() };
        let mut last: Vec<String> =
            text.lines().rev().filter(|line| says_something(line)).take(lines).map(cut).collect();
        last.reverse();
        Self(last)
    }

    pub(super) fn lines(self) -> Vec<String> {
        self.0
    }
}

fn says_something(line: &str) -> bool {
    !line.trim().is_empty() && !NOISE.iter().any(|noise| line.starts_with(noise))
}

/// The last part of the file at this path, from the beginning of a line.
pub(super) fn end_at(path: &Path) -> Option<String> {
    end_of(&files::open(path).ok()?)
}

/// The last part of the file, from the beginning of a line.
pub(super) fn end_of(mut file: &File) -> Option<String> {
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let whole =
        if from == 0 { &text[..] } else { text.split_once('\n').map_or("", |(_, rest)| rest) };
    Some(whole.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(content: &str, lines: usize) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), content).unwrap();
        Tail::read(file.path(), lines).lines().join("\n")
    }

    #[test]
    fn the_last_lines_come_in_their_order() {
        assert_eq!(tail("one\ntwo\n\nthree\n", 2), "two\nthree");
        assert_eq!(tail("one\ntwo without an end", 5), "one\ntwo without an end");
        assert_eq!(tail("", 5), "");
        assert!(Tail::read(Path::new("/does/not/exist"), 3).lines().is_empty());
        assert_eq!(
            tail("WARNING: System::setSecurityManager\na complaint\nWARNING: x\n", 5),
            "a complaint"
        );
    }

    #[test]
    fn only_the_end_of_a_huge_file_is_read() {
        let content = format!("{}\nthe end\n", "x".repeat(WINDOW as usize * 3));
        assert_eq!(tail(&content, 3), "the end");
        assert_eq!(
            tail(&"y".repeat(WINDOW as usize), 3).chars().count(),
            flink::exception::LONGEST_LINE + 1
        );
    }
}
