//! Parts of log files: the answer to `GET /logs`, shared by the API and its clients.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// Which part of which log is requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRequest {
    /// `jobmanager`, or a TaskManager by its id or number.
    pub of: String,
    /// Which of its logs.
    #[serde(default)]
    pub file: LogFile,
    /// The first byte; the last 64 KiB if it is missing.
    pub offset: Option<u64>,
}

/// A log of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFile {
    /// Flink's log
    #[default]
    Log,
    /// What the process prints
    Out,
    /// What the process prints on standard error
    Err,
    /// The log of the TaskManager's executor
    Executor,
}

/// A part of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// The text.
    pub text: String,
    /// The offset of what follows, in bytes.
    pub next: u64,
    /// The size of the file, in bytes.
    pub size: u64,
}

/// The largest part, in bytes.
pub(crate) const MOST: u64 = 256 << 10;
/// How much is shown of a log's end, in bytes.
const END: u64 = 64 << 10;

impl LogRequest {
    /// The request as the query of a URL.
    pub(crate) fn query(&self) -> String {
        let file = match self.file {
            LogFile::Log => "log",
            LogFile::Out => "out",
            LogFile::Err => "err",
            LogFile::Executor => "executor",
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("of", &self.of).append_pair("file", file);
        if let Some(offset) = self.offset {
            query.append_pair("offset", &offset.to_string());
        }
        query.finish()
    }
}

impl LogFile {
    /// The name of the file's ending.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Out => "out",
            Self::Err => "err",
            Self::Executor => "stderr",
        }
    }
}

/// Where to begin to read a file of this size. A file that is shorter than before was replaced.
pub(crate) fn begin(offset: Option<u64>, size: u64) -> u64 {
    match offset {
        None => size.saturating_sub(END),
        Some(offset) if offset > size => 0,
        Some(offset) => offset,
    }
}

impl LogPart {
    /// The part that begins at `offset`. Half a line at the beginning of a log's end, and half a
    /// character at the end, are left out.
    pub(crate) fn new(request: &LogRequest, offset: u64, mut data: &[u8], size: u64) -> Self {
        if let Err(error) = std::str::from_utf8(data)
            && error.error_len().is_none()
            && error.valid_up_to() > 0
        {
            data = &data[..error.valid_up_to()];
        }
        let next = offset + data.len() as u64;
        if request.offset.is_none() && offset > 0 {
            let line = data.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            data = &data[line..];
        }
        Self { text: String::from_utf8_lossy(data).into_owned(), next, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(offset: Option<u64>) -> LogRequest {
        LogRequest { of: "3".to_owned(), file: LogFile::Log, offset }
    }

    #[test]
    fn a_log_is_read_from_its_last_64_kib_from_an_offset_or_again_if_it_has_become_shorter() {
        assert_eq!(begin(None, 100_000), 34_464);
        assert_eq!(begin(None, 10), 0);
        assert_eq!((begin(Some(7), 10), begin(Some(10), 10), begin(Some(11), 10)), (7, 10, 0));
    }

    #[test]
    fn a_request_fits_into_a_url() {
        assert_eq!(request(None).query(), "of=3&file=log");
        let odd = LogRequest { of: "a&b".to_owned(), file: LogFile::Executor, offset: Some(7) };
        assert_eq!(odd.query(), "of=a%26b&file=executor&offset=7");
    }

    #[test]
    fn no_line_and_no_character_is_cut_in_two() {
        let part = LogPart::new(&request(None), 5, b"half\nwhole\n", 16);
        assert_eq!((part.text.as_str(), part.next), ("whole\n", 16));
        let part = LogPart::new(&request(Some(5)), 5, "aé".as_bytes().split_last().unwrap().1, 8);
        assert_eq!(
            (part.text.as_str(), part.next),
            ("a", 6),
            "the rest follows with the next part"
        );
        let part = LogPart::new(&request(Some(0)), 0, b"a\xffb", 3);
        assert_eq!((part.text.as_str(), part.next), ("a\u{fffd}b", 3));
    }
}
