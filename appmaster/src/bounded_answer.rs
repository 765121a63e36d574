//! Answers of HTTP servers, read up to a limit. Another program may listen at the port, and its
//! answer may never end.

use common::text::beginning;
use reqwest::{Response, Url};
use serde::de::DeserializeOwned;

/// The largest accepted list or configuration, in bytes: 10 000 TaskManagers take a tenth.
pub(crate) const LARGEST_LIST: usize = 16 << 20;
/// The largest of other accepted answers, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;
/// How much of a refusal's text is shown, in characters.
const LONGEST_REASON: usize = 256;

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is none, or it is a refusal, or it was cut off.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It is larger than it may be.
    #[error(
        "the answer of {url} is larger than the allowed {most} bytes: does another program listen there?"
    )]
    TooLarge {
        /// The requested URL.
        url: Url,
        /// The limit.
        most: usize,
    },
    /// It means something else.
    #[error("the answer of {url} is not as expected: {source}")]
    Unexpected {
        /// The requested URL.
        url: Url,
        /// The mistake in its JSON.
        source: serde_json::Error,
    },
}

/// The JSON of an answer of at most `most` bytes.
pub(crate) async fn json<T: DeserializeOwned>(
    mut answer: Response,
    most: usize,
) -> Result<T, AnswerError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if chunk.len() > most - body.len() {
            return Err(AnswerError::TooLarge { url: answer.url().clone(), most });
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body)
        .map_err(|source| AnswerError::Unexpected { url: answer.url().clone(), source })
}

/// The beginning of a refusal's text, in one line.
pub(crate) async fn reason(mut answer: Response) -> String {
    let mut text = Vec::new();
    while text.len() <= LONGEST_REASON
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        text.extend_from_slice(&chunk);
    }
    beginning(String::from_utf8_lossy(&text).trim(), LONGEST_REASON)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use axum::{
        Router,
        body::{Body, Bytes},
        http::StatusCode,
        response::{IntoResponse, Response as Answer},
    };
    use futures_util::stream;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    /// A server that answers everything this way; its URL.
    pub(crate) async fn answering<A: IntoResponse>(
        answer: impl Fn() -> A + Clone + Send + Sync + 'static,
    ) -> (String, AbortOnDropHandle<()>) {
        common::tls::install_provider();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(async move || answer().into_response());
        let server = async move { axum::serve(listener, router).await.unwrap() };
        (address, AbortOnDropHandle::new(tokio::spawn(server)))
    }

    /// An answer with this status that never ends.
    pub(crate) fn endless(status: StatusCode) -> Answer {
        let chunks =
            stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 16 << 10])));
        (status, Body::from_stream(chunks)).into_response()
    }

    async fn get(url: &str) -> Response {
        reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_may_be_as_large_as_its_limit_and_not_larger() {
        let (url, _server) = answering(|| "\"12345678\"").await;
        assert_eq!(json::<String>(get(&url).await, 10).await.unwrap(), "12345678");
        for most in [9, 1, 0] {
            let error = json::<String>(get(&url).await, most).await.unwrap_err().to_string();
            assert!(
                error.contains(&format!("{url}/ is larger than the allowed {most} bytes")),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_refused_at_the_limit() {
        let (url, _server) = answering(|| endless(StatusCode::OK)).await;
        let error = json::<String>(get(&url).await, LARGEST).await.unwrap_err();
        assert!(matches!(error, AnswerError::TooLarge { most: LARGEST, .. }), "{error}");
    }

    #[tokio::test]
    async fn of_a_refusal_the_beginning_is_shown_in_one_line() {
        for (text, expected) in [
            ("no worker 'a'\n".to_owned(), "no worker 'a'".to_owned()),
            ("a\u{1b}[2J\nFAKE".to_owned(), "a\\u{1b}[2J\\nFAKE".to_owned()),
            ("x".repeat(100_000), format!("{}…", "x".repeat(256))),
            ("世".repeat(257), format!("{}…", "世".repeat(256))),
        ] {
            let (url, _server) = answering(move || (StatusCode::BAD_REQUEST, text.clone())).await;
            assert_eq!(reason(get(&url).await).await, expected);
        }
        let (url, _server) = answering(|| endless(StatusCode::BAD_REQUEST)).await;
        assert_eq!(reason(get(&url).await).await, "");
    }
}
