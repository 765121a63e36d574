//! Answer with a file: entity tags, conditions, ranges.

use bytes::Bytes;
use fetcher_formats::hashing::Fingerprint;
use fs_err::File;

use crate::answer::{Answer, Body, FileBody, Status};
use crate::range::{Part, part};
use crate::request::Head;

/// Content under a digest never changes; it is for the worker only.
pub(crate) const FOREVER: &str = "private, max-age=31536000, immutable";
/// For a file that may change.
pub(crate) const ASK_AGAIN: &str = "private, no-cache";

/// The part of an open file that `head` requests.
pub(crate) fn answer(
    opened: (File, Fingerprint),
    etag: &str,
    caching: &str,
    head: &Head,
) -> Answer {
    if is_known(head, etag) {
        return not_modified(etag);
    }
    let (file, fingerprint) = opened;
    let range = head
        .range
        .as_deref()
        .filter(|_| head.if_range.as_ref().is_none_or(|condition| condition == etag));
    let size = fingerprint.size;
    let (status, range) = match part(range, size) {
        Part::Whole => (Status::Ok, 0..size),
        Part::Bytes(range) => (Status::PartialContent, range),
        Part::Unsatisfiable => {
            return Answer::text(
                Status::RangeNotSatisfiable,
                "the range lies behind the end of the file",
            )
            .header("Content-Range", format!("bytes */{size}"));
        }
    };
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
    let answer = Answer::new(
        status,
        "application/octet-stream",
        Body::File(FileBody { file, fingerprint, range }),
    )
    .header("ETag", etag)
    .header("Accept-Ranges", "bytes")
    .header("Cache-Control", caching);
    if status == Status::PartialContent {
        answer.header("Content-Range", content_range)
    } else {
        answer
    }
}

/// Whether the client has the version with this tag already.
pub(crate) fn is_known(head: &Head, etag: &str) -> bool {
    head.if_none_match
        .as_deref()
        .is_some_and(|known| known.split(',').any(|one| one.trim() == etag))
}

pub(crate) fn not_modified(etag: &str) -> Answer {
    Answer::new(Status::NotModified, "text/plain", Body::Bytes(Bytes::new())).header("ETag", etag)
}
