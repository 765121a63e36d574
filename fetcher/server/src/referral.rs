//! Redirect clients to other hosts that hold the content, and receive the announcements of those
//! hosts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use common::log_rate_limit::Quiet;
use fetcher_formats::digest::Digest;
use fetcher_formats::headers::{LACKS, WAIT_HEADER};
use fetcher_formats::manifest::{BlobName, Manifest};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::answer::{Answer, Status};
use crate::connection::overloaded;
use crate::peers::{AddressError, Asked, Decision, Holders, Policy, Refused, peer_address};
use crate::range::{Part, part};
use crate::request::{Head, Method};

/// The holders of one manifest's contents.
pub(crate) struct Referral {
    holders: Mutex<Holders>,
    /// The peers' name and the size of every content that is not secret.
    shared: HashMap<Digest, (BlobName, u64)>,
    start: Instant,
    reports: Quiet,
}

impl Referral {
    /// Redirects from `above` streams on.
    pub(crate) fn new(manifest: &Manifest, above: usize) -> Self {
        let policy = Policy { above, ..Policy::default() };
        let blobs = |secret| {
            let entries = manifest.entries().iter().filter(move |entry| entry.secret == secret);
            entries.filter_map(|entry| entry.blob())
        };
        let mut shared: HashMap<_, _> =
            blobs(false).map(|blob| (blob.digest, (blob.name(), blob.size))).collect();
        // The same content may also be in the tree as a secret.
        for secret in blobs(true) {
            shared.remove(&secret.digest);
        }
        Self {
            holders: Mutex::new(Holders::new(policy, rand::random())),
            shared,
            start: Instant::now(),
            reports: Quiet::default(),
        }
    }

    /// How many peers hold something.
    pub(crate) fn holders(&self) -> usize {
        self.holders.lock().count()
    }

    /// The answer for a client that should be redirected or wait; none if it should be served here,
    /// or cannot follow.
    pub(crate) fn refer(
        &self,
        digest: &Digest,
        head: &Head,
        source: IpAddr,
        streams: usize,
    ) -> Option<Answer> {
        let follows = head.peer.as_deref().filter(|_| head.method == Method::Get)?;
        let (name, size) = self.shared.get(digest)?;
        let bytes = match part(head.range.as_deref(), *size) {
            Part::Whole => *size,
            Part::Bytes(range) => range.end - range.start,
            Part::Unsatisfiable => return None,
        };
        let avoid = head.avoid.as_deref().and_then(|avoid| avoid.parse().ok());
        let asked =
            Asked { digest: *digest, bytes, asker: peer_address(follows, source).ok(), avoid };
        let decision = self.holders.lock().decide(self.now(), streams, &asked);
        match decision {
            Decision::Serve => None,
            Decision::SendTo(holder) => {
                tracing::debug!(%digest, %holder, "Redirected a client to a holder");
                let answer = Answer::text(Status::TemporaryRedirect, "another host has it")
                    .header("Location", format!("http://{holder}/v1/blobs/{name}"))
                    .header("Cache-Control", "no-store");
                Some(answer)
            }
            Decision::Wait(wait) => {
                Some(overloaded().header(WAIT_HEADER, wait.as_millis().to_string()))
            }
        }
    }

    /// Handles an announcement that a host holds a content, or everything that is not secret of the
    /// tree named `tree`, and reports that it does not.
    pub(crate) fn hear(&self, digest: Digest, tree: Digest, head: &Head, source: IpAddr) -> Answer {
        let whole = digest == tree;
        if !whole && !self.shared.contains_key(&digest) {
            return Answer::text(Status::NotFound, "no such artifact");
        }
        let said = head.holder.as_deref().unwrap_or_default();
        let now = self.now();
        if head.method == Method::Delete {
            // A report may be about any host: at worst, we serve more ourselves.
            let Ok(holder) = said.parse() else { return bad_address(AddressError::Malformed) };
            let lacks = head.fault.as_deref() == Some(LACKS);
            if let Some(before) = self.reports.now() {
                tracing::warn!(%holder, %digest, lacks, reporter = %source, before, "A client reported a bad peer");
            }
            self.holders.lock().report(now, holder, &digest, lacks);
            return Answer::empty(Status::NoContent);
        }
        let holder = match peer_address(said, source) {
            Ok(holder) => holder,
            Err(error) => return bad_address(error),
        };
        let all = self.shared.keys().copied().filter(|_| whole);
        let one = (!whole).then_some(digest);
        let mut holders = self.holders.lock();
        if whole {
            holders.complete(holder);
        }
        match holders.announce(now, holder, all.chain(one)) {
            Ok(()) => Answer::empty(Status::NoContent),
            Err(error @ Refused::Barred) => Answer::text(Status::Forbidden, &error.to_string()),
            Err(error @ Refused::Full) => Answer::text(Status::Unavailable, &error.to_string()),
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

fn bad_address(error: AddressError) -> Answer {
    Answer::text(Status::BadRequest, &error.to_string())
}
