//! Why a tree could not be fetched, and who is to blame for it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;

use crate::digest::Digest;
use crate::manifest::ManifestError;
use crate::path::TreePath;
use crate::unpack::UnpackError;

/// Who has to do something so that a fetch can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Whoever made or serves the artifact: it is gone, changed, or not what its digest says.
    Artifact,
    /// The way between here and the server, or the server is down.
    Network,
    /// This machine: its disk is full or broken.
    Host,
    /// Whoever wrote the addresses, the token or the target.
    Configuration,
}

impl Blame {
    /// One word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Network => "network",
            Self::Host => "host",
            Self::Configuration => "configuration",
        }
    }
}

/// Why a tree could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No address, or one that cannot be asked.
    #[error("artifact server address `{url}` {reason} (allowed: http://host:port or https://host:port)")]
    Address {
        /// The address as it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not know the token, or does not give this to anybody this way.
    #[error("{url} answered {status}: {text}")]
    Refused {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: StatusCode,
        /// What the server says.
        text: String,
    },
    /// Any other answer without the content.
    #[error("{url} answered {status}: {text}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
        /// What the server says.
        text: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The server cannot be reached, or the connection broke off.
    #[error("{url} broke off after {bytes} bytes: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// How many bytes had come.
        bytes: u64,
        /// What happened, from the outside in.
        reason: String,
    },
    /// The connection stands but next to nothing comes.
    #[error("{url} stalled after {bytes} bytes: less than {floor} bytes per second")]
    Stalled {
        /// What was asked for.
        url: String,
        /// How many bytes had come.
        bytes: u64,
        /// The least that is borne, in bytes per second.
        floor: u64,
    },
    /// The server has something of another size under this digest.
    #[error("{url} has {seen} bytes, expected {expected}")]
    Size {
        /// What was asked for.
        url: String,
        /// Bytes that the manifest promises.
        expected: u64,
        /// Bytes that the server announces or sends.
        seen: u64,
    },
    /// The content is not what it should be.
    #[error("{url} has the wrong content: sha256 {seen} of {bytes} bytes, expected {expected}")]
    Digest {
        /// What was asked for.
        url: String,
        /// The digest of the manifest, of one chunk or of a whole file.
        expected: Digest,
        /// The digest of what came.
        seen: Digest,
        /// How many bytes were hashed.
        bytes: u64,
    },
    /// A manifest with the right digest that nobody may act upon.
    #[error("{url} is not a usable manifest: {source}")]
    Manifest {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// An archive that must not or cannot be unpacked.
    #[error("archive for {path} cannot be unpacked: {source}")]
    Archive {
        /// The folder that it was to be unpacked into, in the tree.
        path: TreePath,
        /// What is wrong with it.
        source: UnpackError,
    },
    /// The disk or the quota is full.
    #[error("no space left in {path}: {needed} bytes needed, {available} available")]
    NoSpace {
        /// Where there is no space.
        path: PathBuf,
        /// How many bytes have to go there.
        needed: u64,
        /// How many there is room for, leaving quotas aside.
        available: u64,
    },
    /// The disk does not take it for another reason; the error names the path.
    #[error(transparent)]
    Disk(io::Error),
    /// Something is already there.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The runtime is going down.
    #[error("the fetch was stopped before it was complete")]
    Stopped,
}

/// What to do after an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same would happen again wherever we ask.
    Never,
    /// Not at this server; another one may be right.
    Elsewhere,
    /// It may go better next time.
    Again,
    /// The server is busy and says so; that is no fault.
    After(Duration),
}

impl FetchError {
    /// Who has to do something about it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address { .. } | Self::Refused { .. } | Self::Exists(_) => Blame::Configuration,
            Self::Status { status, .. } if status.is_client_error() => Blame::Artifact,
            Self::Size { .. } | Self::Digest { .. } | Self::Manifest { .. } | Self::Archive { .. } => Blame::Artifact,
            Self::Status { .. } | Self::Network { .. } | Self::Stalled { .. } => Blame::Network,
            Self::NoSpace { .. } | Self::Disk(_) | Self::Stopped => Blame::Host,
        }
    }

    /// One word for what went wrong, for logs and metrics. Kinds stay when messages change.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Refused { .. } => "refused",
            Self::Status { .. } => "status",
            Self::Network { .. } => "network",
            Self::Stalled { .. } => "stalled",
            Self::Size { .. } => "size",
            Self::Digest { .. } => "digest",
            Self::Manifest { .. } => "manifest",
            Self::Archive { .. } => "archive",
            Self::NoSpace { .. } => "no-space",
            Self::Disk(_) => "disk",
            Self::Exists(_) => "exists",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Status { retry_after: Some(after), status, .. } if !status.is_success() => Retry::After(*after),
            Self::Status { status, .. } if status.is_server_error() => Retry::Again,
            Self::Status { status: StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS, .. }
            | Self::Network { .. }
            | Self::Stalled { .. } => Retry::Again,
            Self::Refused { .. } | Self::Status { .. } | Self::Size { .. } | Self::Digest { .. } => Retry::Elsewhere,
            Self::Address { .. }
            | Self::Manifest { .. }
            | Self::Archive { .. }
            | Self::NoSpace { .. }
            | Self::Disk(_)
            | Self::Exists(_)
            | Self::Stopped => Retry::Never,
        }
    }

    /// An error while the archive for `path` was unpacked into `place`.
    pub(crate) fn archive(source: UnpackError, path: &TreePath, place: &Path) -> Self {
        match source {
            UnpackError::Disk(error) => Self::disk(error, place, 0),
            source => Self::Archive { path: path.clone(), source },
        }
    }

    /// An error of the disk while `needed` bytes go to `path`.
    pub(crate) fn disk(error: io::Error, path: &Path, needed: u64) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { path: path.to_owned(), needed, available: available(path).unwrap_or_default() }
            }
            _ => Self::Disk(error),
        }
    }
}

/// Bytes that an unprivileged user may still write where `path` is; none when the system does not tell.
pub(crate) fn available(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::Manifest;

    const URL: &str = "http://host:1/v1/blobs/x";

    /// One of each, with what its message has to name.
    fn all() -> Vec<(FetchError, Blame, &'static [&'static str])> {
        let (url, text) = (|| URL.to_owned(), "sorry".to_owned());
        let path: TreePath = "lib/a.jar".parse().unwrap();
        let (expected, seen) = (Digest::of(b""), Digest::of(b"abc"));
        let status = |status| FetchError::Status { url: url(), status, text: "sorry".to_owned(), retry_after: None };
        vec![
            (FetchError::Address { url: url(), reason: "is odd".to_owned() }, Blame::Configuration, &[URL, "is odd"]),
            (
                FetchError::Refused { url: url(), status: StatusCode::UNAUTHORIZED, text },
                Blame::Configuration,
                &[URL, "401", "sorry"],
            ),
            (status(StatusCode::NOT_FOUND), Blame::Artifact, &[URL, "404", "sorry"]),
            (status(StatusCode::BAD_GATEWAY), Blame::Network, &[URL, "502", "sorry"]),
            (
                FetchError::Network { url: url(), bytes: 17, reason: "reset".to_owned() },
                Blame::Network,
                &[URL, "17 bytes", "reset"],
            ),
            (FetchError::Stalled { url: url(), bytes: 17, floor: 1024 }, Blame::Network, &[URL, "17 bytes", "1024"]),
            (FetchError::Size { url: url(), expected: 5, seen: 6 }, Blame::Artifact, &[URL, "5", "6"]),
            (
                FetchError::Digest { url: url(), expected, seen, bytes: 17 },
                Blame::Artifact,
                &[URL, "17 bytes", "expected e3b0c442", "sha256 ba7816bf"],
            ),
            (
                FetchError::Manifest { url: url(), source: Manifest::decode(b"x").unwrap_err() },
                Blame::Artifact,
                &[URL, "not a usable manifest"],
            ),
            (
                FetchError::archive(UnpackError::Limit { what: "files", limit: 7 }, &path, Path::new("/s")),
                Blame::Artifact,
                &["lib/a.jar", "more than 7 files"],
            ),
            (
                FetchError::NoSpace { path: "/c".into(), needed: 5, available: 4 },
                Blame::Host,
                &["/c", "5 bytes needed", "4 available"],
            ),
            (FetchError::Disk(fs_err::read("/no/such").unwrap_err()), Blame::Host, &["/no/such"]),
            (FetchError::Exists("/s/flink".into()), Blame::Configuration, &["/s/flink"]),
            (FetchError::Stopped, Blame::Host, &["before it was complete"]),
        ]
    }

    #[test]
    fn every_error_names_what_it_is_about_and_who_is_to_blame() {
        for (error, blame, named) in all() {
            let message = error.to_string();
            for name in named {
                assert!(message.contains(name), "{}: no `{name}` in `{message}`", error.kind());
            }
            assert_eq!(error.blame(), blame, "{message}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let mut kinds: Vec<_> = all().iter().map(|(error, ..)| error.kind()).collect();
        kinds.dedup();
        let count = kinds.len();
        kinds.sort_unstable();
        kinds.dedup();
        // The status is there twice, once for each who may be to blame.
        assert_eq!((kinds.len(), count), (13, 13));
    }
}
