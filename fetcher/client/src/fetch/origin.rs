//! One request to one artifact server, and its body piece by piece.

use std::net::SocketAddr;
use std::ops::Range;

use bytes::Bytes;
use common::addresses::masked;
use common::causes::with_causes;
use common::rate::{RateFloor, RateWatch};
use common::tls::install_provider;
use fetcher_formats::headers::{AVOID_HEADER, PEER_HEADER};
use fetcher_formats::token::Token;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, LOCATION, RANGE};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url, redirect};
use tokio::time::{Instant, timeout};

use super::options::FetchOptions;
use crate::counters::Source;
use crate::error::FetchError;
use crate::responses::{broken, is_loopback, refusal, stalled};

/// How to reach the artifact servers.
#[derive(Clone)]
pub(super) struct Origins {
    client: Client,
    urls: Vec<String>,
    authorization: HeaderValue,
    floor: RateFloor,
}

impl Origins {
    pub(super) fn new(
        urls: &[String],
        token: &Token,
        options: &FetchOptions,
    ) -> Result<Self, FetchError> {
        if urls.is_empty() {
            return Err(FetchError::Address {
                url: String::new(),
                reason: "is missing".to_owned(),
            });
        }
        // Normalised, because input from others may contain control characters.
        let urls = urls.iter().map(|url| check(url)).collect::<Result<Vec<_>, _>>()?;
        let wrong = |reason: String| FetchError::Address { url: urls.join(","), reason };
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|error| wrong(error.to_string()))?;
        authorization.set_sensitive(true);
        let client = client(&urls, options).map_err(|error| wrong(with_causes(&error)))?;
        Ok(Self { client, urls, authorization, floor: options.floor })
    }

    /// The number of servers.
    pub(super) fn count(&self) -> usize {
        self.urls.len()
    }

    /// Requests `path`, or a part of it, from server number `origin`.
    pub(super) async fn get(
        &self,
        origin: usize,
        path: &str,
        part: Option<Range<u64>>,
    ) -> Result<Incoming, FetchError> {
        let url = self.url(origin, path);
        request(
            self.client.get(&url).header(AUTHORIZATION, self.authorization.clone()),
            url,
            part,
            self.floor,
        )
        .await
    }

    /// Like [`Origins::get`], but allows the server to redirect to a peer. `follow` describes this
    /// host; the peer in `avoid` is not wanted.
    pub(super) async fn get_or_follow(
        &self,
        origin: usize,
        path: &str,
        part: Option<Range<u64>>,
        follow: &str,
        avoid: Option<SocketAddr>,
    ) -> Result<Found, FetchError> {
        let url = self.url(origin, path);
        let mut request = self.client.get(&url).header(AUTHORIZATION, self.authorization.clone());
        request = request.header(PEER_HEADER, follow);
        if let Some(avoid) = avoid {
            request = request.header(AVOID_HEADER, avoid.to_string());
        }
        let (response, watch) = send(request, &url, part.clone(), self.floor).await?;
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            return incoming(url, response, part, watch, self.floor)
                .await
                .map(|incoming| Found::Here(Box::new(incoming)));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match location.and_then(peer_at) {
            Some(peer) => Ok(Found::AtPeer(peer)),
            None => Err(refusal(url, response, self.floor).await),
        }
    }

    /// A request to server number `origin` that announces a content.
    pub(super) fn put(&self, origin: usize, path: &str) -> RequestBuilder {
        let request = self.client.put(self.url(origin, path)).header(CONTENT_LENGTH, 0);
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    /// A request to server number `origin` that withdraws an announcement.
    pub(super) fn delete(&self, origin: usize, path: &str) -> RequestBuilder {
        self.client.delete(self.url(origin, path)).header(AUTHORIZATION, self.authorization.clone())
    }

    fn url(&self, origin: usize, path: &str) -> String {
        let base = self.urls.get(origin % self.urls.len()).map(String::as_str).unwrap_or_default();
        format!("{base}{path}")
    }
}

/// Where a content is.
pub(super) enum Found {
    /// The server sends it.
    Here(Box<Incoming>),
    /// A peer has it, at this address.
    AtPeer(SocketAddr),
}

/// Sends a request for a content and returns the answer.
pub(super) async fn request(
    request: RequestBuilder,
    url: String,
    part: Option<Range<u64>>,
    floor: RateFloor,
) -> Result<Incoming, FetchError> {
    let (response, watch) = send(request, &url, part.clone(), floor).await?;
    incoming(url, response, part, watch, floor).await
}

async fn send(
    mut request: RequestBuilder,
    url: &str,
    part: Option<Range<u64>>,
    floor: RateFloor,
) -> Result<(Response, RateWatch), FetchError> {
    if let Some(part) = &part {
        request =
            request.header(RANGE, format!("bytes={}-{}", part.start, part.end.saturating_sub(1)));
    }
    let mut watch = RateWatch::new(floor);
    let start = Instant::now();
    let response = match timeout(watch.patience(), request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(broken(url, 0, error)),
        Err(_) => return Err(stalled(url, 0, floor)),
    };
    watch.note(start.elapsed(), 0);
    Ok((response, watch))
}

async fn incoming(
    url: String,
    response: Response,
    part: Option<Range<u64>>,
    watch: RateWatch,
    floor: RateFloor,
) -> Result<Incoming, FetchError> {
    match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
            Incoming::new(url, response, part, watch, floor)
        }
        _ => Err(refusal(url, response, floor).await),
    }
}

/// The peer that a server redirects to. Only the address is used: the path is always ours.
fn peer_at(location: &str) -> Option<SocketAddr> {
    let url = Url::parse(location).ok()?;
    let ip = url.host_str()?.trim_matches(['[', ']']).parse().ok()?;
    (url.scheme() == "http").then_some(SocketAddr::new(ip, url.port_or_known_default()?))
}

/// The URL without a slash at its end.
fn check(url: &str) -> Result<String, FetchError> {
    let parsed = Url::parse(url);
    let has_user = parsed
        .as_ref()
        .is_ok_and(|parsed| !parsed.username().is_empty() || parsed.password().is_some());
    let wrong = |reason: String| Err(FetchError::Address { url: masked(url), reason });
    match parsed {
        Ok(_) if has_user => wrong(
            "has a user or a password, and artifacts are protected by the token alone".to_owned(),
        ),
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
            wrong("is not http or https".to_owned())
        }
        Ok(parsed) if parsed.query().is_some() || parsed.fragment().is_some() => {
            wrong("has a query".to_owned())
        }
        Ok(parsed) => Ok(parsed.as_str().trim_end_matches('/').to_owned()),
        Err(error) => wrong(format!("is malformed: {error}")),
    }
}

/// A client for these servers.
fn client(urls: &[String], options: &FetchOptions) -> reqwest::Result<Client> {
    install_provider();
    let mut builder = Client::builder()
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(options.connections)
        // A token is for one server only, not for those it redirects to.
        .redirect(redirect::Policy::none());
    if urls.iter().all(|url| Url::parse(url).is_ok_and(|url| is_loopback(&url))) {
        builder = builder.no_proxy();
    }
    if let Some(trusted) = &options.trusted {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(trusted)?);
    } else if urls.iter().all(|url| url.starts_with("http://")) {
        // Reading the system's certificates takes time, and fails on hosts that have none.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// A body that is being received.
pub(super) struct Incoming {
    pub(super) url: String,
    /// Who sends the body.
    pub(super) source: Source,
    response: Response,
    /// Whether the whole file is sent, requested or not.
    pub(super) whole: bool,
    /// Bytes to skip, because the server sends everything although a part was requested.
    skip: u64,
    received: u64,
    watch: RateWatch,
    floor: RateFloor,
}

impl Incoming {
    fn new(
        url: String,
        response: Response,
        part: Option<Range<u64>>,
        watch: RateWatch,
        floor: RateFloor,
    ) -> Result<Self, FetchError> {
        let whole = response.status() == StatusCode::OK;
        let mut skip = 0;
        if let Some(part) = part {
            let given = response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let asked = format!("bytes {}-{}/", part.start, part.end.saturating_sub(1));
            if whole {
                skip = part.start;
            } else if !given.starts_with(&asked) {
                // Without the numbers: the file may be a secret, and its size helps to guess a
                // short one.
                let reason =
                    "the server sent another part of the file than the requested one".to_owned();
                return Err(FetchError::Network { url, bytes: 0, reason });
            }
        }
        Ok(Self { url, source: Source::Server, response, whole, skip, received: 0, watch, floor })
    }

    /// Size of the body as announced by the server, in bytes.
    pub(super) fn announced(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let start = Instant::now();
            let chunk = timeout(self.watch.patience(), self.response.chunk()).await;
            let waited = start.elapsed();
            let mut chunk = match chunk {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(broken(&self.url, self.received, error)),
                Err(_) => Bytes::new(),
            };
            self.watch.note(waited, chunk.len() as u64);
            if self.watch.stalled() {
                return Err(stalled(&self.url, self.received, self.floor));
            }
            self.received += chunk.len() as u64;
            let skipped = self.skip.min(chunk.len() as u64);
            self.skip -= skipped;
            let chunk = chunk.split_off(skipped as usize);
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// The error for a body that ended too early.
    pub(super) fn cut_short(self) -> FetchError {
        FetchError::Network {
            url: self.url,
            bytes: self.received,
            reason: "the body ended early".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_control_characters_is_shown_without_them() {
        assert_eq!(check("http://host:1/").ok().as_deref(), Some("http://host:1"));
        assert_eq!(
            check("http://host:1/a\u{1b}[2J").ok().as_deref(),
            Some("http://host:1/a%1B[2J")
        );
        for url in ["\u{1b}]0;title\u{7}", "ftp://host/\u{1b}[2J", "http://\u{1b}/"] {
            let shown = check(url).unwrap_or_else(|error| error.to_string());
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    }

    #[test]
    fn neither_user_nor_query_of_a_wrong_address_is_shown() {
        for url in [
            "hush@host/x?sig=hush",
            "host/x?sig=hush",
            "//u:hush@host?hush",
            "http://h/x?sig=hush",
            "ftp://hush@h",
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(!error.contains("hush") && error.contains('h'), "{error}");
        }
    }

    #[test]
    fn a_peer_is_an_address_and_nothing_else() {
        let expected = Some(SocketAddr::from(([10, 0, 0, 5], 7070)));
        assert_eq!(peer_at("http://10.0.0.5:7070/v1/blobs/x"), expected);
        assert!(peer_at("http://[::1]:7070/v1/blobs/x").is_some_and(|peer| peer.is_ipv6()));
        for location in [
            "",
            "/v1/blobs/x",
            "https://10.0.0.5:7070/",
            "file:///etc/passwd",
            "http://host:7070/",
            "ftp://10.0.0.5/",
        ] {
            assert_eq!(peer_at(location), None, "{location}");
        }
    }
}
