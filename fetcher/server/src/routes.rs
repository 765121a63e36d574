//! The routes of the artifact server, and who may use them.
//!
//! ```text
//! /v1/manifests/<digest>     the manifest            bearer token
//! /v1/secrets                that of the secrets     bearer token; over TLS or loopback only
//! /v1/blobs/<digest>         the content of a file   bearer token; secrets over TLS or loopback only
//! /v1/holders/<digest>       PUT: a host holds it    bearer token; DELETE: it does not; a manifest means all of it
//! /<token>/<target path>     a published file        for the Mesos fetcher, which can send no header
//! ```

use std::collections::HashMap;
use std::path::PathBuf;

use bytes::Bytes;
use common::log_rate_limit::Quiet;
use fetcher_formats::digest::Digest;
use fetcher_formats::hashing::{self, Fingerprint, HashError};
use fetcher_formats::manifest::{Manifest, ManifestError};
use fetcher_formats::token::{Tokens, unguessable};
use parking_lot::RwLock;
use subtle::ConstantTimeEq as _;

use crate::answer::{Answer, Body, Status};
use crate::build::Catalogue;
use crate::connection::{Client, Site};
use crate::file::{self, ASK_AGAIN, FOREVER, is_known, not_modified};
use crate::referral::Referral;
use crate::request::{Head, Method};

/// Everything that the server serves.
pub(crate) struct Content {
    /// The manifest that hosts may share.
    shared: Listing,
    /// The manifest of the secrets.
    secrets: Option<Listing>,
    catalogue: Catalogue,
    pub(crate) tokens: Tokens,
    published: RwLock<HashMap<String, Published>>,
    plain_secrets: bool,
    pub(crate) referral: Referral,
    refused: Quiet,
    refused_secrets: Quiet,
    trouble: Quiet,
}

/// A manifest as it is served.
struct Listing {
    digest: Digest,
    encoded: Bytes,
}

impl Listing {
    fn of(manifest: &Manifest) -> Self {
        Self { digest: manifest.digest(), encoded: manifest.encode() }
    }
}

struct Published {
    token: String,
    source: PathBuf,
}

impl Content {
    pub(crate) fn new(
        manifest: &Manifest,
        catalogue: Catalogue,
        plain_secrets: bool,
        peers_above: usize,
    ) -> Result<Self, ManifestError> {
        let (shared, secrets) = manifest.split()?;
        Ok(Self {
            shared: Listing::of(&shared),
            secrets: secrets.as_ref().map(Listing::of),
            catalogue,
            tokens: Tokens::default(),
            published: RwLock::default(),
            plain_secrets,
            referral: Referral::new(manifest, peers_above),
            refused: Quiet::default(),
            refused_secrets: Quiet::default(),
            trouble: Quiet::default(),
        })
    }

    pub(crate) fn digest(&self) -> Digest {
        self.shared.digest
    }

    pub(crate) fn secrets(&self) -> Option<Digest> {
        self.secrets.as_ref().map(|secrets| secrets.digest)
    }

    /// The answer to a client that must not receive a secret: another machine on a plain
    /// connection.
    fn keep_secret_from(&self, client: &Client) -> Option<Answer> {
        if client.encrypted || client.address.ip().is_loopback() || self.plain_secrets {
            return None;
        }
        if let Some(before) = self.refused_secrets.now() {
            tracing::warn!(client = %client.address, before, "Refused to serve a secret over a plain connection");
        }
        Some(Answer::text(Status::Forbidden, "a secret artifact is served over TLS only"))
    }

    /// Publishes a file; returns the token that precedes its target in the URL.
    pub(crate) fn publish(&self, target: &str, source: PathBuf) -> String {
        let mut published = self.published.write();
        match published.get(target) {
            Some(known) if known.source == source => known.token.clone(),
            _ => {
                let token = unguessable();
                published.insert(target.to_owned(), Published { token: token.clone(), source });
                token
            }
        }
    }

    fn published(&self, token: &str, target: &str) -> Option<PathBuf> {
        let published = self.published.read();
        let file = published.get(target)?;
        bool::from(file.token.as_bytes().ct_eq(token.as_bytes())).then(|| file.source.clone())
    }
}

impl Site for Content {
    async fn answer(&self, head: &Head, client: Client, streams: usize) -> Answer {
        answer(self, head, client, streams).await
    }
}

async fn answer(content: &Content, head: &Head, client: Client, streams: usize) -> Answer {
    let not_found = || Answer::text(Status::NotFound, "no such artifact");
    let Some((first, rest)) = head.path.strip_prefix('/').and_then(|path| path.split_once('/'))
    else {
        return not_found();
    };
    if first != "v1" {
        return match content.published(first, rest) {
            Some(source) => file(content, source, None, head).await,
            None => not_found(),
        };
    }
    // A client without a token learns nothing, not even which digests exist.
    let Some(worker) = head.bearer.as_deref().and_then(|token| content.tokens.worker(token)) else {
        if let Some(before) = content.refused.now() {
            tracing::warn!(client = %client.address, before, "Refused a request without a valid artifact token");
        }
        return Answer::text(Status::Unauthorized, "missing or wrong artifact token")
            .header("WWW-Authenticate", "Bearer");
    };
    tracing::debug!(worker, path = head.path, range = head.range, "Serving an artifact");
    if rest == "secrets" {
        let secrets =
            || content.secrets.as_ref().map_or_else(not_found, |secrets| listing(secrets, head));
        return content.keep_secret_from(&client).unwrap_or_else(secrets);
    }
    match rest.split_once('/').map(|(kind, digest)| (kind, digest.parse::<Digest>())) {
        Some(("holders", Ok(digest))) if matches!(head.method, Method::Put | Method::Delete) => {
            content.referral.hear(digest, content.shared.digest, head, client.address.ip())
        }
        Some(("manifests", Ok(digest))) if digest == content.shared.digest => {
            listing(&content.shared, head)
        }
        Some(("blobs", Ok(digest))) => blob(content, digest, head, client, streams).await,
        _ => not_found(),
    }
}

fn listing(manifest: &Listing, head: &Head) -> Answer {
    let etag = quoted(&manifest.digest);
    if is_known(head, &etag) {
        return not_modified(&etag);
    }
    Answer::new(Status::Ok, "text/plain; charset=utf-8", Body::Bytes(manifest.encoded.clone()))
        .header("ETag", etag)
        .header("Cache-Control", FOREVER)
}

async fn blob(
    content: &Content,
    digest: Digest,
    head: &Head,
    client: Client,
    streams: usize,
) -> Answer {
    let Some(source) = content.catalogue.get(&digest) else {
        return Answer::text(Status::NotFound, "no such artifact");
    };
    if source.secret
        && let Some(refusal) = content.keep_secret_from(&client)
    {
        return refusal;
    }
    if let Some(answer) = content.referral.refer(&digest, head, client.address.ip(), streams) {
        return answer;
    }
    file(content, source.path.clone(), Some((digest, source.fingerprint)), head).await
}

/// A file on the disk. If its digest is known, it is served only while it is still the file that
/// was hashed.
async fn file(
    content: &Content,
    source: PathBuf,
    hashed: Option<(Digest, Fingerprint)>,
    head: &Head,
) -> Answer {
    let path = source.clone();
    let opened = match tokio::task::spawn_blocking(move || hashing::open(&path)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return unreadable(content, &error),
        Err(_) => return Answer::text(Status::Unavailable, "the server is stopping").closing(),
    };
    let Some((digest, expected)) = hashed else {
        let etag = format!("\"{}\"", opened.1);
        return file::answer(opened, &etag, ASK_AGAIN, head);
    };
    if expected != opened.1 {
        if let Some(before) = content.trouble.now() {
            let path = source.display();
            tracing::error!(%path, before, "An artifact changed after it was hashed; no longer serving it");
        }
        return Answer::text(Status::Gone, "the file changed after it was hashed");
    }
    file::answer(opened, &quoted(&digest), FOREVER, head)
}

fn unreadable(content: &Content, error: &HashError) -> Answer {
    if let Some(before) = content.trouble.now() {
        tracing::error!(%error, before, "Cannot read an artifact that was hashed before");
    }
    match error {
        HashError::Read(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Answer::text(Status::Internal, "the file cannot be read")
        }
        _ => Answer::text(Status::Gone, "the file is gone"),
    }
}

fn quoted(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::SocketAddr;

    use super::*;
    use crate::build::{Artifact, build};

    #[tokio::test]
    async fn a_secret_is_sent_to_other_machines_only_over_tls() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("keytab");
        fs_err::write(&source, "secret").unwrap();
        let artifact =
            Artifact { source, target: "keytab".to_owned(), executable: false, secret: true };
        let (manifest, catalogue) = build(vec![artifact]).await.unwrap();
        let paths = [format!("/v1/blobs/{}", Digest::of(b"secret")), "/v1/secrets".to_owned()];
        for (plain_secrets, encrypted, status) in [
            (false, false, Status::Forbidden),
            (false, true, Status::Ok),
            (true, false, Status::Ok),
        ] {
            let content = Content::new(&manifest, catalogue.clone(), plain_secrets, 8).unwrap();
            let bearer = Some(content.tokens.issue("tm").expose().to_owned());
            for path in paths.clone() {
                let head = Head { path, bearer: bearer.clone(), ..Head::default() };
                let client = Client { address: SocketAddr::from(([192, 0, 2, 1], 1)), encrypted };
                assert_eq!(content.answer(&head, client, 0).await.status, status, "{}", head.path);
            }
        }
    }
}
