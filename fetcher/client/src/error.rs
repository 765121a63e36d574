//! Why a tree could not be fetched, and who can fix that.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::text::beginning;
use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::ManifestError;
use fetcher_formats::path::TreePath;
use fetcher_formats::unpack::UnpackError;
use reqwest::StatusCode;

use crate::space::{Space, in_blocks};

/// Who must act so that a fetch can succeed, as fetching sees it: it knows no agents and workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchBlame {
    /// The maker or the server of the artifact: it is missing, changed, or does not match its
    /// digest.
    Artifact,
    /// The network between here and the server, or the server is down.
    Network,
    /// This machine: its disk is full or broken.
    Host,
    /// The author of the addresses, the token or the target.
    Configuration,
}

impl FetchBlame {
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

/// How much of a URL is shown, in characters. Any user of the host may send one to the sidecar.
const LONGEST_URL: usize = 200;

fn shown(url: &str) -> String {
    beginning(url, LONGEST_URL)
}

/// Why a tree could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No address, or an invalid one.
    #[error(
        "artifact server address `{}` {reason} (allowed: http://host:port or https://host:port)",
        shown(url)
    )]
    Address {
        /// The address as given.
        url: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The server does not accept the token, or never gives out this content this way.
    #[error("{} answered {status}: {text}", shown(url))]
    Refused {
        /// The requested URL.
        url: String,
        /// 401 or 403.
        status: StatusCode,
        /// The server's text.
        text: String,
    },
    /// Any other answer without the content.
    #[error("{} answered {status}: {text}", shown(url))]
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
    #[error("{} broke off after {bytes} bytes: {reason}", shown(url))]
    Network {
        /// The requested URL.
        url: String,
        /// How many bytes had arrived.
        bytes: u64,
        /// What happened, with its causes.
        reason: String,
    },
    /// The connection is up, but almost nothing arrives.
    #[error("{} stalled after {bytes} bytes: less than {floor} bytes per second", shown(url))]
    Stalled {
        /// The requested URL.
        url: String,
        /// How many bytes had arrived.
        bytes: u64,
        /// The slowest accepted rate, in bytes per second.
        floor: u64,
    },
    /// The server has a content of another size under this digest.
    #[error("{} has {seen} bytes, expected {expected}", shown(url))]
    Size {
        /// The requested URL.
        url: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes that the server announces or sends.
        seen: u64,
    },
    /// The content is wrong.
    #[error(
        "{} has the wrong content: sha256 {seen} of {bytes} bytes, expected {expected}",
        shown(url)
    )]
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
    /// A secret could not be fetched. Neither digest nor size is in it: a short secret can be
    /// guessed from them.
    #[error("{name}: {problem}")]
    Secret {
        /// Which secret, such as `secret artifacts/key`.
        name: String,
        /// What happened, for people.
        problem: String,
        /// Who must act.
        blame: FetchBlame,
        /// The kind of the error that happened.
        kind: &'static str,
    },
    /// A manifest with the right digest that must not be used.
    #[error("{} is not a usable manifest: {source}", shown(url))]
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
    #[error(
        "too few inodes in {path}: {needed} files, links and folders are needed, {available} are left"
    )]
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
pub enum Retry {
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
    pub fn blame(&self) -> FetchBlame {
        match self {
            Self::Secret { blame, .. } => *blame,
            Self::Address { .. } | Self::Refused { .. } | Self::Exists(_) => {
                FetchBlame::Configuration
            }
            Self::Status { status, .. } if status.is_client_error() => FetchBlame::Artifact,
            Self::Size { .. }
            | Self::Digest { .. }
            | Self::Manifest { .. }
            | Self::Archive { .. } => FetchBlame::Artifact,
            Self::Status { .. } | Self::Network { .. } | Self::Stalled { .. } => {
                FetchBlame::Network
            }
            Self::NoSpace { .. } | Self::NoInodes { .. } | Self::Disk(_) | Self::Stopped => {
                FetchBlame::Host
            }
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

    /// What to do after the error.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Status { retry_after: Some(after), status, .. } if !status.is_success() => {
                Retry::After(*after)
            }
            Self::Status { status, .. } if status.is_server_error() => Retry::Again,
            Self::Status {
                status: StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS,
                ..
            }
            | Self::Network { .. }
            | Self::Stalled { .. } => Retry::Again,
            Self::Refused { .. }
            | Self::Status { .. }
            | Self::Size { .. }
            | Self::Digest { .. } => Retry::Elsewhere,
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
    pub fn disk(error: io::Error, path: &Path, needed: u64) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let available = Space::free(path).map_or(0, |free| free.bytes);
                Self::NoSpace { path: path.to_owned(), needed: in_blocks(needed), available }
            }
            _ => Self::Disk(error),
        }
    }

    /// The error as everyone may read it if it is about the secret `name`. It keeps the server's
    /// address but not the URL, which has the digest.
    pub(crate) fn of_secret(self, name: &str) -> Self {
        let (url, what) = match &self {
            Self::Refused { url, status, text } | Self::Status { url, status, text, .. } => {
                // A text with numbers may name the digest or the size.
                let is_plain = !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit());
                let text = if is_plain { format!(": {text}") } else { String::new() };
                (url, format!("answered {status}{text}"))
            }
            Self::Network { url, reason, .. } => (url, format!("broke off: {reason}")),
            Self::Stalled { url, floor, .. } => {
                (url, format!("stalled: less than {floor} bytes per second"))
            }
            Self::Size { url, .. } => (url, "has another size".to_owned()),
            Self::Digest { url, .. } => (url, "has the wrong content".to_owned()),
            Self::Manifest { url, source } => (url, format!("sent an unusable list: {source}")),
            _ => return self,
        };
        let server = url
            .split("/v1/")
            .next()
            .filter(|server| !server.is_empty())
            .unwrap_or("the artifact server");
        let problem = format!("{} {what}", shown(server));
        let (blame, kind) = (self.blame(), self.kind());
        Self::Secret { name: name.to_owned(), problem, blame, kind }
    }
}

#[cfg(test)]
mod tests;
