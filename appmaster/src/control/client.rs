//! The client of the control API.

use std::{fmt, io::ErrorKind, time::Duration};

use common::causes::root_cause;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use scheduler::NeedsAPerson;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;
use url::Url;

use super::{
    Command,
    events::Events,
    hand_over::{HandOverRequest, HandOverState},
    logs::{LogPart, LogRequest},
    offers::Offers,
    status::Status,
};
use crate::bounded_answer::{self as answer, AnswerError, LARGEST, LARGEST_LIST};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The given address is invalid.
    #[error("{address:?} is not the address of a control API: give http://HOST:PORT")]
    Address {
        /// The given text.
        address: String,
    },
    /// The certificate authorities cannot be used.
    #[error("the authorities for {address} cannot be used: {why}")]
    Authorities {
        /// The application master's URL.
        address: Url,
        /// The reason.
        why: String,
    },
    /// The connection failed.
    #[error("cannot reach the application master at {address}: {why}")]
    Unreachable {
        /// The application master's URL.
        address: String,
        /// The reason.
        why: String,
        /// Whether its machine says that nothing listens there.
        refused: bool,
    },
    /// The connection gave no answer.
    #[error("the application master at {address} does not answer: {why}")]
    Cut {
        /// The application master's URL.
        address: String,
        /// The reason.
        why: String,
    },
    /// The answer is too large, or means something else.
    #[error(transparent)]
    Answer(AnswerError),
    /// The request was refused.
    #[error("the application master at {address} refuses ({status}): {reason}")]
    Refused {
        /// The application master's URL.
        address: String,
        /// The HTTP status.
        status: u16,
        /// Its message.
        reason: String,
    },
}

impl ControlError {
    /// Whether nothing listens at the address: the application master has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Unreachable { refused: true, .. })
    }

    /// Whether the application master does not know the request: it is of an earlier version.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused { status: 422, .. })
    }
}

impl NeedsAPerson for ControlError {
    /// A refused command has a mistake in it.
    fn needs_a_person(&self) -> bool {
        matches!(self, Self::Refused { status: 400, .. } | Self::Address { .. })
    }
}

const CONNECT: Duration = Duration::from_secs(10);
/// Longer than the application master waits for its store.
const ANSWER: Duration = Duration::from_secs(40);

/// How long to wait for an answer before the request is repeated on another connection.
const HEDGE: Duration = Duration::from_millis(200);
/// Largest number of parallel connections.
const CONNECTIONS: usize = 8;
/// How many connections may break before an answer.
const CUTS: usize = 20;

/// A client of one application master.
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
}

impl fmt::Debug for Client {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The URL for a user's input; `host:port` is enough.
pub fn address(text: &str) -> Result<Url, ControlError> {
    let wrong = || ControlError::Address { address: text.to_owned() };
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).map_err(|_| wrong())?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none();
    if is_bare && matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(wrong())
    }
}

impl Client {
    /// A client of the application master whose API is at `at`, e.g. `http://127.0.0.1:4711`. With
    /// TLS, its certificate must be signed by `authorities` (PEM), or without any by an authority
    /// that this machine trusts.
    pub fn new(
        at: &str,
        token: Option<&str>,
        authorities: Option<&str>,
    ) -> Result<Self, ControlError> {
        let at = address(at)?;
        let wrong = |error: reqwest::Error| ControlError::Authorities {
            address: at.clone(),
            why: root(&error),
        };
        common::tls::install_provider();
        let mut builder =
            reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(ANSWER);
        // The token must not be sent to any other address.
        builder = builder.redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = authorities {
            builder = builder.tls_certs_only(
                reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(wrong)?,
            );
        }
        let http = builder.build().map_err(wrong)?;
        Ok(Self {
            http,
            address: at.as_str().trim_end_matches('/').to_owned(),
            token: token.map(str::to_owned),
        })
    }

    /// `status`, `workers` or `history`.
    ///
    /// Under load, the system may delay a connection for seconds, and the API may close it before
    /// it has read the token. So the request is repeated on further connections, and the first
    /// answer counts.
    pub async fn get(&self, what: &str) -> Result<Value, ControlError> {
        let ask = || self.send(self.http.get(format!("{}/{what}", self.address)), LARGEST_LIST);
        let mut asked = FuturesUnordered::from_iter([ask()]);
        let mut cuts = 0;
        loop {
            tokio::select! {
                Some(answer) = asked.next() => match answer {
                    Err(ControlError::Cut { .. }) if cuts < CUTS => cuts += 1,
                    answer => return answer,
                },
                () = sleep(HEDGE) => {}
            }
            if asked.len() < CONNECTIONS {
                asked.push(ask());
            }
        }
    }

    /// The cluster at a glance.
    pub async fn status(&self) -> Result<Status, ControlError> {
        self.read("status").await
    }

    /// The last events with higher numbers than `after`.
    pub async fn events(&self, after: u64) -> Result<Events, ControlError> {
        self.read(&format!("events?after={after}")).await
    }

    /// Why offers are declined.
    pub async fn offers(&self) -> Result<Offers, ControlError> {
        self.read("offers").await
    }

    /// A part of a log.
    pub async fn log(&self, request: &LogRequest) -> Result<LogPart, ControlError> {
        self.read(&format!("logs?{}", request.query())).await
    }

    async fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, ControlError> {
        let answer = self.get(what).await?;
        let url = address(&self.address)?;
        serde_json::from_value(answer)
            .map_err(|source| ControlError::Answer(AnswerError::Unexpected { url, source }))
    }

    /// Sends a command, once, on the connection that answered: that one is not closed early.
    pub async fn command(&self, command: &Command) -> Result<Value, ControlError> {
        self.get("workers").await?;
        let request = self.http.post(format!("{}/commands", self.address)).json(command);
        self.send(request, LARGEST).await
    }

    /// Asks the cluster to give its job to another one. How far that is.
    pub async fn hand_over(&self, request: HandOverRequest) -> Result<HandOverState, ControlError> {
        let HandOverRequest { to, step, folder } = request;
        let answer = self.command(&Command::HandOver { to, step, folder }).await?;
        let url = address(&self.address)?;
        serde_json::from_value(answer)
            .map_err(|source| ControlError::Answer(AnswerError::Unexpected { url, source }))
    }

    /// Sends a request, whose answer has at most `most` bytes.
    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        most: usize,
    ) -> Result<Value, ControlError> {
        let unreachable = |error: reqwest::Error| {
            let (address, why) = (self.address.clone(), root(&error));
            // The API was reachable a moment ago.
            let is_cut = error.is_request() && !error.is_connect() && !error.is_timeout();
            if is_cut {
                ControlError::Cut { address, why }
            } else {
                let refused = error.is_connect() && is_refused(&error);
                ControlError::Unreachable { address, why, refused }
            }
        };
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return answer::json(answer, most).await.map_err(|error| match error {
                AnswerError::Http(error) => unreachable(error),
                error => ControlError::Answer(error),
            });
        }
        Err(ControlError::Refused {
            address: self.address.clone(),
            status: status.as_u16(),
            reason: answer::reason(answer).await,
        })
    }
}

/// The root cause; the outer errors only repeat the address.
fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!(
            "no answer within {} s",
            if error.is_connect() { CONNECT } else { ANSWER }.as_secs()
        );
    }
    root_cause(error)
}

/// Whether the machine answers, but nothing listens at the port.
fn is_refused(error: &reqwest::Error) -> bool {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source()).any(|error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::bounded_answer::tests::{answering, endless};

    #[test]
    fn the_token_is_not_shown_for_debugging() {
        let client = Client::new("http://m:1", Some("a-token-of-a-test"), None).unwrap();
        let shown = format!("{client:?}");
        assert!(shown.contains("http://m:1") && !shown.contains("a-token"), "{shown}");
    }

    #[test]
    fn an_address_may_lack_its_scheme_and_an_invalid_one_is_named() {
        assert_eq!(address("127.0.0.1:33399").unwrap().as_str(), "http://127.0.0.1:33399/");
        assert_eq!(address("master:1").unwrap().as_str(), "http://master:1/");
        assert_eq!(address("https://master:1/").unwrap().as_str(), "https://master:1/");
        for wrong in [
            "",
            "ftp://master:1",
            "http://",
            "http://master:1/workers",
            "http://a:b@master:1",
            "two words:1",
        ] {
            let error = address(wrong).unwrap_err().to_string();
            assert!(
                error.contains(&format!("{wrong:?}")) && error.contains("http://HOST:PORT"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_unreachable_application_master_gives_one_short_error() {
        let client = Client::new("127.0.0.1:1", None, None).unwrap();
        let error = client.get("workers").await.unwrap_err();
        assert!(error.has_ended());
        let error = error.to_string();
        let expected = "cannot reach the application master at http://127.0.0.1:1: Connection refused (os error 111)";
        assert_eq!(error, expected);
    }

    #[tokio::test]
    async fn an_answer_that_never_ends_is_given_up_and_named() {
        let (address, _server) = answering(|| endless(StatusCode::OK)).await;
        let client = Client::new(&address, None, None).unwrap();
        let larger = |what: &str| format!("the answer of {address}/{what} is larger than");
        for what in ["workers", "history"] {
            let error = client.get(what).await.unwrap_err().to_string();
            assert!(error.contains(&larger(what)), "{error}");
        }
        let posted = client.http.post(format!("{address}/commands"));
        let error = client.send(posted, LARGEST).await.unwrap_err().to_string();
        assert!(error.contains(&larger("commands")), "{error}");
        let (address, _server) = answering(|| endless(StatusCode::FORBIDDEN)).await;
        let refused = Client::new(&address, None, None).unwrap().get("workers").await.unwrap_err();
        assert!(matches!(refused, ControlError::Refused { status: 403, .. }), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_query_is_repeated_on_another_connection_but_a_command_is_sent_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut heard = Vec::new();
        let crowded = async {
            let (_silent, _) = listener.accept().await.unwrap();
            let (cut, _) = listener.accept().await.unwrap();
            drop(cut);
            let (mut answering, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            while let Ok(read @ 1..) = answering.read(&mut request).await {
                let text = String::from_utf8_lossy(&request[..read]);
                heard.extend(text.split(" HTTP").next().map(str::to_owned));
                answering
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    .await
                    .unwrap();
            }
        };
        let began = tokio::time::Instant::now();
        let client = Client::new(&address, None, None).unwrap();
        tokio::select! {
            answer = client.command(&Command::Stop {}) => assert_eq!(answer.unwrap(), json!({})),
            () = crowded => unreachable!(),
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(heard, ["GET /workers", "POST /commands"]);
    }
}
