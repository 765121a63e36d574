//! What a fetch tells the artifact servers by the way: what this host holds now, and which peer was bad.
//!
//! It is told behind the fetch's back, one after another, and lost when it does not get through: nothing depends on it but
//! how much the servers have to send themselves.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::origin::Origins;
use crate::digest::Digest;
use crate::peers::{FAULT_HEADER, HOLDER_HEADER, LACKS};

/// Notices that wait to be told; more are lost.
const WAITING: usize = 256;
/// How long telling one may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Something to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// This host holds a content, or all of a tree.
    Holds(Digest),
    /// A peer did not send what it should.
    Bad { holder: SocketAddr, digest: Digest, lacks: bool },
}

/// Where notices are put.
#[derive(Debug)]
pub(super) struct Notices {
    sender: mpsc::Sender<Notice>,
    announces: bool,
}

impl Notices {
    /// To these servers; `own` is the peer port of this host.
    pub(super) fn to(origins: &Origins, own: Option<SocketAddr>) -> Self {
        let (sender, mut notices) = mpsc::channel(WAITING);
        let origins = origins.clone();
        // Ends when the fetch has ended and all is told.
        tokio::spawn(async move {
            while let Some(notice) = notices.recv().await {
                let mut is_told = true;
                for origin in 0..origins.count() {
                    is_told &= tell(&origins, origin, notice, own).await;
                }
                // Nobody waits for the rest any more.
                if !is_told && notices.is_closed() {
                    return;
                }
            }
        });
        Self { sender, announces: own.is_some() }
    }

    pub(super) fn send(&self, notice: Notice) {
        if self.announces || !matches!(notice, Notice::Holds(_)) {
            // Full: see above.
            self.sender.try_send(notice).ok();
        }
    }
}

/// Whether the server has got it, wanted or not.
async fn tell(origins: &Origins, origin: usize, notice: Notice, own: Option<SocketAddr>) -> bool {
    let request = match (notice, own) {
        (Notice::Holds(digest), Some(own)) => {
            origins.put(origin, &path(&digest)).header(HOLDER_HEADER, own.to_string())
        }
        (Notice::Holds(_), None) => return true,
        (Notice::Bad { holder, digest, lacks }, _) => {
            let request = origins.delete(origin, &path(&digest)).header(HOLDER_HEADER, holder.to_string());
            if lacks { request.header(FAULT_HEADER, LACKS) } else { request }
        }
    };
    let answer = request.timeout(TIMEOUT).send().await;
    match &answer {
        Ok(answer) if answer.status().is_success() => {}
        Ok(answer) => tracing::debug!(?notice, status = %answer.status(), "The artifact server rejected a notice"),
        Err(error) => tracing::debug!(?notice, %error, "Cannot send a notice to the artifact server"),
    }
    answer.is_ok()
}

fn path(digest: &Digest) -> String {
    format!("/v1/holders/{digest}")
}
