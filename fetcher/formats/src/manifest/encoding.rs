//! The canonical encoding of a manifest: lines of tab-separated fields, sorted by path. Paths
//! contain no control characters, so tabs and line feeds need no escaping, and people can read it.
//!
//! ```text
//! flink-mesos manifest 1
//! file <flags> <size> <sha256> <path>      flags: `-`, or `x` (executable) and `s` (secret)
//!  <sha256>                                one line per chunk, only below files that have chunks
//! link <target> <path>
//! archive <format> <size> <sha256> <path>  followed by chunk digests as below a file
//! ```

use std::fmt::{self, Write as _};

use bytes::Bytes;

use super::blob::Blob;
use super::entry::{Entry, Kind};
use super::error::{MAX_NODES, ManifestError};

const HEADER: &str = "flink-mesos manifest 1";

pub(super) fn encode(entries: &[Entry]) -> Bytes {
    // Allocate the final size or slightly more: it may be the largest object in a process's memory.
    let size = |entry: &Entry| match &entry.kind {
        Kind::Link(target) => target.as_str().len() + 8,
        Kind::File(blob) | Kind::Executable(blob) | Kind::Archive(_, blob) => {
            105 + blob.chunks.len() * 66
        }
    };
    let sizes = entries.iter().map(|entry| entry.path.as_str().len() + size(entry));
    let mut text = String::with_capacity(HEADER.len() + 1 + sizes.sum::<usize>());
    text.push_str(HEADER);
    text.push('\n');
    for entry in entries {
        // Writing to a String cannot fail.
        write_entry(&mut text, entry).ok();
    }
    text.into()
}

fn write_entry(text: &mut String, entry: &Entry) -> fmt::Result {
    let (flags, blob) = match (&entry.kind, entry.secret) {
        (Kind::Link(target), _) => return writeln!(text, "link\t{target}\t{}", entry.path),
        (Kind::Archive(format, blob), _) => {
            writeln!(text, "archive\t{format}\t{}\t{}\t{}", blob.size, blob.digest, entry.path)?;
            return write_chunks(text, blob);
        }
        (Kind::File(blob), false) => ("-", blob),
        (Kind::File(blob), true) => ("s", blob),
        (Kind::Executable(blob), false) => ("x", blob),
        (Kind::Executable(blob), true) => ("xs", blob),
    };
    writeln!(text, "file\t{flags}\t{}\t{}\t{}", blob.size, blob.digest, entry.path)?;
    write_chunks(text, blob)
}

fn write_chunks(text: &mut String, blob: &Blob) -> fmt::Result {
    blob.chunks.iter().try_for_each(|chunk| writeln!(text, "\t{chunk}"))
}

/// The entries as written; the caller checks whether the bytes are canonical.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Entry>, ManifestError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ManifestError::Encoding { line: 0, reason: "the manifest is not UTF-8" })?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(ManifestError::Encoding {
            line: 1,
            reason: "expected `flink-mesos manifest 1`",
        });
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in lines.enumerate() {
        let error = |reason| ManifestError::Encoding { line: at + 2, reason };
        if let Some(chunk) = line.strip_prefix('\t') {
            let last = entries.last_mut().map(|entry| &mut entry.kind);
            let Some(Kind::File(blob) | Kind::Executable(blob) | Kind::Archive(_, blob)) = last
            else {
                return Err(error("a chunk digest below no file"));
            };
            blob.chunks.push(chunk.parse()?);
            continue;
        }
        if entries.len() == MAX_NODES {
            return Err(ManifestError::TooMany);
        }
        let fields: Vec<&str> = line.split('\t').collect();
        entries.push(match fields.as_slice() {
            ["link", target, path] => {
                Entry { path: path.parse()?, kind: Kind::Link(target.parse()?), secret: false }
            }
            ["file", flags, size, digest, path] => {
                let size = size.parse().map_err(|_| error("the size is not a number of bytes"))?;
                let blob = Blob { size, digest: digest.parse()?, chunks: Vec::new() };
                let (kind, secret) = match *flags {
                    "-" => (Kind::File(blob), false),
                    "x" => (Kind::Executable(blob), false),
                    "s" => (Kind::File(blob), true),
                    "xs" => (Kind::Executable(blob), true),
                    _ => return Err(error("flags must be `-`, `x`, `s` or `xs`")),
                };
                Entry { path: path.parse()?, kind, secret }
            }
            ["archive", format, size, digest, path] => {
                let size = size.parse().map_err(|_| error("the size is not a number of bytes"))?;
                let format =
                    format.parse().map_err(|_| error("the format is not a kind of archive"))?;
                let blob = Blob { size, digest: digest.parse()?, chunks: Vec::new() };
                Entry { path: path.parse()?, kind: Kind::Archive(format, blob), secret: false }
            }
            _ => {
                return Err(error(
                    "expected `file`, `link`, `archive` or a chunk digest with its fields",
                ));
            }
        });
    }
    Ok(entries)
}
