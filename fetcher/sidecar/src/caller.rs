//! Who sends a request to the daemon.

use std::fmt;

use nix::unistd::{Uid, geteuid};
use tokio::net::UnixStream;

/// The user at the other end of the socket, according to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Caller(Option<Uid>);

impl Caller {
    pub(crate) fn of(stream: &UnixStream) -> Self {
        Self(stream.peer_cred().ok().map(|peer| Uid::from_raw(peer.uid())))
    }

    #[cfg(test)]
    pub(crate) fn user(uid: u32) -> Self {
        Self(Some(Uid::from_raw(uid)))
    }

    pub(crate) fn is_root(self) -> bool {
        self.0.is_some_and(Uid::is_root)
    }

    /// Whether it is the user that runs this process.
    pub(crate) fn is_ourselves(self) -> bool {
        self.0 == Some(geteuid())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(uid) => write!(formatter, "{uid}"),
            None => formatter.write_str("unknown"),
        }
    }
}
