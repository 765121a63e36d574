//! Web servers.

use std::path::Path;

use common::causes::with_causes;
use common::files::{LARGEST_CERTIFICATES, read};
use common::rate::RateFloor;
use common::tls::install_provider;
use fetcher_client::FetchError;
use fetcher_client::responses::{broken, is_loopback, refusal};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, StatusCode, Url};

use crate::body::Body;
use crate::error::SourceError;
use crate::options::SourceOptions;
use crate::uri::{Scheme, SourceUri};

/// The most redirects to follow.
const MAX_REDIRECTS: usize = 10;

pub(crate) struct Http {
    client: Client,
    url: Url,
    /// The URI without secrets.
    shown: String,
    floor: RateFloor,
}

impl Http {
    /// Uses the proxies in the environment, like `curl`; this machine itself is connected to
    /// directly.
    pub(crate) fn new(uri: &SourceUri, options: &SourceOptions) -> Result<Self, SourceError> {
        let shown = uri.to_string();
        let wrong = |reason: String| FetchError::Address { url: shown.clone(), reason };
        let url =
            Url::parse(&uri.expose()).map_err(|error| wrong(format!("is malformed: {error}")))?;
        let client = client(uri, &url, options).map_err(wrong)?;
        Ok(Self { client, url, shown, floor: options.floor })
    }

    pub(crate) async fn open(&self, from: u64, version: Option<&str>) -> Result<Body, SourceError> {
        let mut request = self.client.get(self.url.clone());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(version) = version {
                request = request.header(IF_RANGE, version);
            }
        }
        let response = request.send().await.map_err(|error| broken(&self.shown, 0, error))?;
        let start = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if begins_at(response.headers(), from) => from,
            StatusCode::RANGE_NOT_SATISFIABLE if ends_at(response.headers(), from) => from,
            _ => return Err(refusal(self.shown.clone(), response, self.floor).await.into()),
        };
        let version = version_of(response.headers());
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Body { start, total: Some(start), version, bytes: stream::empty().boxed() });
        }
        let total = response.content_length().map(|rest| start + rest);
        let shown = self.shown.clone();
        let bytes = response.bytes_stream().map_err(move |error| broken(&shown, 0, error).into());
        Ok(Body { start, total, version, bytes: bytes.boxed() })
    }
}

fn client(uri: &SourceUri, url: &Url, options: &SourceOptions) -> Result<Client, String> {
    install_provider();
    let policy =
        Policy::custom(
            |attempt| if weakens(&attempt) { attempt.error(WEAKER) } else { follow(attempt) },
        );
    let mut builder = Client::builder().connect_timeout(options.connect_timeout).redirect(policy);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if let Some(path) =
        options.settings.get(&Scheme::Https).and_then(|settings| settings.get("authorities"))
        && uri.scheme() == Scheme::Https
    {
        let pem = read(Path::new(path), LARGEST_CERTIFICATES).map_err(|error| error.to_string())?;
        let authorities =
            Certificate::from_pem_bundle(&pem).map_err(|error| with_causes(&error))?;
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build().map_err(|error| with_causes(&error))
}

const WEAKER: &str =
    "the server redirects from https to http, where anyone could change the content";

fn weakens(attempt: &Attempt<'_>) -> bool {
    attempt.url().scheme() == "http" && attempt.previous().iter().any(|url| url.scheme() == "https")
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("the server redirects in circles")
    } else {
        attempt.follow()
    }
}

fn begins_at(headers: &HeaderMap, from: u64) -> bool {
    let range =
        headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    range.starts_with(&format!("bytes {from}-"))
}

/// Whether the requested range begins just after the end, so that nothing is missing.
fn ends_at(headers: &HeaderMap, from: u64) -> bool {
    headers
        .get(CONTENT_RANGE)
        .is_some_and(|value| value.as_bytes() == format!("bytes */{from}").as_bytes())
}

/// A strong entity tag, else the modification time.
fn version_of(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED))
}
