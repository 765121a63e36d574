//! Why a sidecar cannot be used.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::wire::Failure;

/// Why the sidecar cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// There is no socket, or no process listens on it.
    #[error("no sidecar listens at {socket}")]
    Absent {
        /// Path of the socket.
        socket: PathBuf,
    },
    /// It cannot be connected to.
    #[error("the sidecar at {socket} cannot be reached: {source}")]
    Unreachable {
        /// Path of the socket.
        socket: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An untrusted user runs it.
    #[error(
        "the sidecar at {socket} runs as user {owner}, but only root and the executor's own user are trusted"
    )]
    Untrusted {
        /// Path of the socket.
        socket: PathBuf,
        /// The user that runs it.
        owner: u32,
    },
    /// It is silent.
    #[error("the sidecar has not answered for {} s", waited.as_secs())]
    Silent {
        /// How long it was silent.
        waited: Duration,
    },
    /// It makes no progress with this tree, whatever else it does.
    #[error("the sidecar has made no progress with this tree for {} s", waited.as_secs())]
    Stalled {
        /// How long it made no progress.
        waited: Duration,
    },
    /// It closed the connection, or its answer is invalid.
    #[error("the sidecar closed the connection: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// It rejects the request.
    #[error("the sidecar answered {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The text of its answer.
        text: String,
    },
    /// Its fetch failed.
    #[error("the sidecar could not fetch the tree: {} (to blame: {})", .0.message, .0.blame)]
    Failed(Failure),
    /// Its cache cannot be used by this process.
    #[error("the sidecar's cache cannot be used: {0}")]
    Cache(String),
}
