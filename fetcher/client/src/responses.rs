//! What a web server's answer means when it is not the content: which error it is, and when to ask
//! again.

use std::time::Duration;

use common::causes::with_causes;
use common::rate::RateFloor;
use fetcher_formats::headers::WAIT_HEADER;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode, Url};
use tokio::time::timeout;

use crate::error::FetchError;

/// How much of a server's error text is passed on, in bytes.
const MAX_TEXT: usize = 300;
/// The longest wait that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Whether the URL is on this machine; such URLs bypass proxies from the environment.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(common::hosts::is_loopback)
}

/// The error for an answer that refuses the content, with the server's text.
pub async fn refusal(url: String, mut response: Response, floor: RateFloor) -> FetchError {
    let status = response.status();
    let retry_after = retry_after(&response);
    let mut text = Vec::new();
    while text.len() < MAX_TEXT
        && let Ok(Ok(Some(chunk))) = timeout(floor.window, response.chunk()).await
    {
        text.extend_from_slice(&chunk);
    }
    text.truncate(MAX_TEXT);
    let text = String::from_utf8_lossy(&text).trim().escape_debug().to_string();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            FetchError::Refused { url, status, text }
        }
        _ => FetchError::Status { url, status, text, retry_after },
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    if !matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    {
        return None;
    }
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse().ok();
    let finer = number(WAIT_HEADER).map(Duration::from_millis);
    let wait = finer.or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The error for a connection that was lost after this many bytes, or never made.
pub fn broken(url: &str, bytes: u64, error: reqwest::Error) -> FetchError {
    FetchError::Network { url: url.to_owned(), bytes, reason: with_causes(&error.without_url()) }
}

/// The error for a connection that was slower than `floor`.
pub fn stalled(url: &str, bytes: u64, floor: RateFloor) -> FetchError {
    FetchError::Stalled { url: url.to_owned(), bytes, floor: floor.bytes_per_second }
}
