//! Why a tree could not be fetched, and who can fix that.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;

use crate::digest::Digest;
use crate::manifest::ManifestError;
use crate::path::TreePath;
use crate::unpack::UnpackError;

/// The unit of disk space, in bytes.
pub(super) const BLOCK: u64 = 4096;

/// Who must act so that a fetch can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The maker or the server of the artifact: it is missing, changed, or does not match its digest.
    Artifact,
    /// The network between here and the server, or the server is down.
    Network,
    /// This machine: its disk is full or broken.
    Host,
    /// The author of the addresses, the token or the target.
    Configuration,
}

impl Blame {
    /// A name for logs and metrics.
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
    /// No address, or an invalid one.
    #[error("artifact server address `{url}` {reason} (allowed: http://host:port or https://host:port)")]
    Address {
        /// The address as given.
        url: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The server does not accept the token, or never gives out this content this way.
    #[error("{url} answered {status}: {text}")]
    Refused {
        /// The requested URL.
        url: String,
        /// 401 or 403.
        status: StatusCode,
        /// The server's text.
        text: String,
    },
    /// Any other answer without the content.
    #[error("{url} answered {status}: {text}")]
    Status {
        /// The requested URL.
        url: String,
        /// The status.
        status: StatusCode,
        /// The server's text.
        text: String,
        /// When to ask again, according to the server.
        retry_after: Option<Duration>,
    },
    /// The server cannot be reached, or the connection was lost.
    #[error("{url} broke off after {bytes} bytes: {reason}")]
    Network {
        /// The requested URL.
        url: String,
        /// How many bytes had arrived.
        bytes: u64,
        /// What happened, with its causes.
        reason: String,
    },
    /// The connection is up, but almost nothing arrives.
    #[error("{url} stalled after {bytes} bytes: less than {floor} bytes per second")]
    Stalled {
        /// The requested URL.
        url: String,
        /// How many bytes had arrived.
        bytes: u64,
        /// The slowest accepted rate, in bytes per second.
        floor: u64,
    },
    /// The server has a content of another size under this digest.
    #[error("{url} has {seen} bytes, expected {expected}")]
    Size {
        /// The requested URL.
        url: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes that the server announces or sends.
        seen: u64,
    },
    /// The content is wrong.
    #[error("{url} has the wrong content: sha256 {seen} of {bytes} bytes, expected {expected}")]
    Digest {
        /// The requested URL.
        url: String,
        /// The expected digest, of the manifest, a chunk or a file.
        expected: Digest,
        /// The digest of what arrived.
        seen: Digest,
        /// How many bytes were hashed.
        bytes: u64,
    },
    /// A secret could not be fetched. Neither digest nor size is in it: a short secret can be guessed from them.
    #[error("{name}: {problem}")]
    Secret {
        /// Which secret, such as `secret artifacts/key`.
        name: String,
        /// What happened, for people.
        problem: String,
        /// Who must act.
        blame: Blame,
        /// The kind of the error that happened.
        kind: &'static str,
    },
    /// A manifest with the right digest that must not be used.
    #[error("{url} is not a usable manifest: {source}")]
    Manifest {
        /// The requested URL.
        url: String,
        /// Why it must not be used.
        source: ManifestError,
    },
    /// An archive that must not or cannot be unpacked.
    #[error("archive for {path} cannot be unpacked: {source}")]
    Archive {
        /// The folder in the tree that it should be unpacked into.
        path: TreePath,
        /// Why it cannot be unpacked.
        source: UnpackError,
    },
    /// The disk or the quota is full.
    #[error("no space left in {path}: {needed} bytes needed, {available} available")]
    NoSpace {
        /// Path without enough space.
        path: PathBuf,
        /// Bytes to write there.
        needed: u64,
        /// Bytes available, quotas aside.
        available: u64,
    },
    /// The file system has too few free inodes.
    #[error("too few inodes in {path}: {needed} files, links and folders are needed, {available} are left")]
    NoInodes {
        /// The file system's path.
        path: PathBuf,
        /// How many must be made there.
        needed: u64,
        /// How many can be made.
        available: u64,
    },
    /// The disk fails for another reason; the error names the path.
    #[error(transparent)]
    Disk(io::Error),
    /// The target exists already.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The runtime is shutting down.
    #[error("the fetch was stopped before it was complete")]
    Stopped,
}

/// What to do after an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// No other attempt can succeed.
    Never,
    /// Do not ask this server again; another one may have the right content.
    Elsewhere,
    /// The next attempt may succeed.
    Again,
    /// The server is busy and says so, which is not an error.
    After(Duration),
}

impl FetchError {
    /// Who must act on the error.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Secret { blame, .. } => *blame,
            Self::Address { .. } | Self::Refused { .. } | Self::Exists(_) => Blame::Configuration,
            Self::Status { status, .. } if status.is_client_error() => Blame::Artifact,
            Self::Size { .. } | Self::Digest { .. } | Self::Manifest { .. } | Self::Archive { .. } => Blame::Artifact,
            Self::Status { .. } | Self::Network { .. } | Self::Stalled { .. } => Blame::Network,
            Self::NoSpace { .. } | Self::NoInodes { .. } | Self::Disk(_) | Self::Stopped => Blame::Host,
        }
    }

    /// The kind of error, for logs and metrics. It does not change when messages do.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Refused { .. } => "refused",
            Self::Status { .. } => "status",
            Self::Network { .. } => "network",
            Self::Stalled { .. } => "stalled",
            Self::Size { .. } => "size",
            Self::Digest { .. } => "digest",
            Self::Secret { kind, .. } => kind,
            Self::Manifest { .. } => "manifest",
            Self::Archive { .. } => "archive",
            Self::NoSpace { .. } | Self::NoInodes { .. } => "no-space",
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
            | Self::Secret { .. }
            | Self::Manifest { .. }
            | Self::Archive { .. }
            | Self::NoSpace { .. }
            | Self::NoInodes { .. }
            | Self::Disk(_)
            | Self::Exists(_)
            | Self::Stopped => Retry::Never,
        }
    }

    /// An error from unpacking the archive for `path` into `place`.
    pub(crate) fn archive(source: UnpackError, path: &TreePath, place: &Path) -> Self {
        match source {
            UnpackError::Disk(error) => Self::disk(error, place, 0),
            source => Self::Archive { path: path.clone(), source },
        }
    }

    /// A disk error while `needed` bytes were being written to `path`.
    pub(crate) fn disk(error: io::Error, path: &Path, needed: u64) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let available = available(path).unwrap_or_default();
                Self::NoSpace { path: path.to_owned(), needed: in_blocks(needed), available }
            }
            _ => Self::Disk(error),
        }
    }

    /// The error as everyone may read it if it is about the secret `name`. It keeps the server's address but not the URL,
    /// which has the digest.
    pub(super) fn of_secret(self, name: &str) -> Self {
        let (url, what) = match &self {
            Self::Refused { url, status, text } | Self::Status { url, status, text, .. } => {
                // A text with numbers may name the digest or the size.
                let is_plain = !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit());
                let text = if is_plain { format!(": {text}") } else { String::new() };
                (url, format!("answered {status}{text}"))
            }
            Self::Network { url, reason, .. } => (url, format!("broke off: {reason}")),
            Self::Stalled { url, floor, .. } => (url, format!("stalled: less than {floor} bytes per second")),
            Self::Size { url, .. } => (url, "has another size".to_owned()),
            Self::Digest { url, .. } => (url, "has the wrong content".to_owned()),
            Self::Manifest { url, source } => (url, format!("sent an unusable list: {source}")),
            _ => return self,
        };
        let server = url.split("/v1/").next().filter(|server| !server.is_empty()).unwrap_or("the artifact server");
        let (problem, blame, kind) = (format!("{server} {what}"), self.blame(), self.kind());
        Self::Secret { name: name.to_owned(), problem, blame, kind }
    }
}

/// Bytes that a file of this size takes on a disk. Unlike the size, they do not help to guess a short secret.
pub(super) fn in_blocks(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// Bytes that an unprivileged user can still write at `path`; none if unknown.
pub(super) fn available(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::Manifest;

    const URL: &str = "http://host:1/v1/blobs/x";

    /// One of each, with what its message must name.
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
                FetchError::Size { url: url(), expected: 5, seen: 6 }.of_secret("secret a/key"),
                Blame::Artifact,
                &["secret a/key", "http://host:1 has another size"],
            ),
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
            (
                FetchError::NoInodes { path: "/c".into(), needed: 5, available: 4 },
                Blame::Host,
                &["/c", "5 files, links and folders are needed", "4 are left"],
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
    fn an_error_about_a_secret_has_neither_digest_nor_size_nor_url() {
        let url = || format!("http://host:1/v1/blobs/{}", Digest::of(b"abc"));
        let (path, text) = (PathBuf::from("/s"), format!("no file {}", Digest::of(b"abc")));
        let status = StatusCode::NOT_FOUND;
        let full = io::Error::from(io::ErrorKind::StorageFull);
        for (error, expected) in [
            (
                FetchError::Digest { url: url(), expected: Digest::of(b""), seen: Digest::of(b"abc"), bytes: 17 },
                "secret a/key: http://host:1 has the wrong content",
            ),
            (FetchError::Size { url: url(), expected: 17, seen: 18 }, "secret a/key: http://host:1 has another size"),
            (
                FetchError::Status { url: url(), status, text, retry_after: None },
                "secret a/key: http://host:1 answered 404 Not Found",
            ),
            (
                FetchError::Refused { url: url(), status, text: "over TLS only".to_owned() },
                "secret a/key: http://host:1 answered 404 Not Found: over TLS only",
            ),
            (
                FetchError::Network { url: url(), bytes: 17, reason: "reset".to_owned() },
                "secret a/key: http://host:1 broke off: reset",
            ),
            (
                FetchError::Network { url: "/v1/secrets".to_owned(), bytes: 17, reason: "late".to_owned() },
                "secret a/key: the artifact server broke off: late",
            ),
            (
                FetchError::Stalled { url: url(), bytes: 17, floor: 1024 },
                "secret a/key: http://host:1 stalled: less than 1024 bytes per second",
            ),
        ] {
            let (blame, kind) = (error.blame(), error.kind());
            let told = error.of_secret("secret a/key");
            assert_eq!((told.to_string().as_str(), told.blame(), told.kind()), (expected, blame, kind));
            assert!(!format!("{told:?}").contains("17"), "{told:?}");
        }
        let FetchError::NoSpace { needed, .. } = FetchError::disk(full, &path, 17) else { panic!("another error") };
        assert_eq!(needed, 4096);
    }

    #[test]
    fn every_error_has_its_own_kind() {
        let mut kinds: Vec<_> = all().iter().map(|(error, ..)| error.kind()).collect();
        kinds.dedup();
        let count = kinds.len();
        kinds.sort_unstable();
        kinds.dedup();
        // The status occurs twice, because either side may be to blame.
        assert_eq!((kinds.len(), count), (13, 13));
    }
}
