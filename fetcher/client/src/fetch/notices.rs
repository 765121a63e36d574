//! Notices from a fetch to the artifact servers: what this host holds now, and which peers failed.
//!
//! Notices are sent in the background, one after another, and are lost on errors. Nothing depends
//! on them except the servers' load.

use std::net::SocketAddr;
use std::time::Duration;

use fetcher_formats::digest::Digest;
use fetcher_formats::headers::{FAULT_HEADER, HOLDER_HEADER, LACKS};
use tokio::sync::mpsc;

use super::origin::Origins;

/// Notices that may wait; further ones are dropped.
const WAITING: usize = 256;
/// Time limit for sending a notice.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A message to the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// This host holds a content, or a whole tree.
    Holds(Digest),
    /// A peer did not send what it should.
    Bad { holder: SocketAddr, digest: Digest, lacks: bool },
}

/// The queue of notices.
#[derive(Debug)]
pub(super) struct Notices {
    sender: mpsc::Sender<Notice>,
    announces: bool,
}

impl Notices {
    /// Sends notices to these servers; `own` is the peer port of this host.
    pub(super) fn to(origins: &Origins, own: Option<SocketAddr>) -> Self {
        let (sender, mut notices) = mpsc::channel(WAITING);
        let origins = origins.clone();
        // Ends once the fetch has ended and all notices are sent.
        tokio::spawn(async move {
            while let Some(notice) = notices.recv().await {
                let mut is_sent = true;
                for origin in 0..origins.count() {
                    is_sent &= deliver(&origins, origin, notice, own).await;
                }
                // The fetch has ended, and the servers do not answer.
                if !is_sent && notices.is_closed() {
                    return;
                }
            }
        });
        Self { sender, announces: own.is_some() }
    }

    pub(super) fn send(&self, notice: Notice) {
        if self.announces || !matches!(notice, Notice::Holds(_)) {
            // If the queue is full, the notice is dropped.
            self.sender.try_send(notice).ok();
        }
    }
}

/// Sends the notice; whether the server has received it.
async fn deliver(
    origins: &Origins,
    origin: usize,
    notice: Notice,
    own: Option<SocketAddr>,
) -> bool {
    let request = match (notice, own) {
        (Notice::Holds(digest), Some(own)) => {
            origins.put(origin, &path(&digest)).header(HOLDER_HEADER, own.to_string())
        }
        (Notice::Holds(_), None) => return true,
        (Notice::Bad { holder, digest, lacks }, _) => {
            let request =
                origins.delete(origin, &path(&digest)).header(HOLDER_HEADER, holder.to_string());
            if lacks { request.header(FAULT_HEADER, LACKS) } else { request }
        }
    };
    let answer = request.timeout(TIMEOUT).send().await;
    match &answer {
        Ok(answer) if answer.status().is_success() => {}
        Ok(answer) => {
            tracing::debug!(?notice, status = %answer.status(), "The artifact server rejected a notice");
        }
        Err(error) => {
            tracing::debug!(?notice, %error, "Cannot send a notice to the artifact server");
        }
    }
    answer.is_ok()
}

fn path(digest: &Digest) -> String {
    format!("/v1/holders/{digest}")
}
