//! The operator's end of the API.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use url::Url;

use super::Command;
use crate::failure::root_cause;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// That is no address.
    #[error("{address:?} is no address of a control API: give http://HOST:PORT")]
    Address {
        /// What was given.
        address: String,
    },
    /// The authorities cannot be used.
    #[error("the authorities for {address} cannot be used: {why}")]
    Authorities {
        /// Where.
        address: Url,
        /// Why not.
        why: String,
    },
    /// It could not be asked.
    #[error("cannot reach the application master at {address}: {why}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why not.
        why: String,
    },
    /// It did not answer.
    #[error("the application master at {address} does not answer: {why}")]
    Cut {
        /// Where.
        address: String,
        /// Why not.
        why: String,
    },
    /// It does not do that.
    #[error("the application master at {address} refuses ({status}): {reason}")]
    Refused {
        /// Where.
        address: String,
        /// The HTTP status.
        status: u16,
        /// Its message.
        reason: String,
    },
}

const CONNECT: Duration = Duration::from_secs(10);
/// Longer than the application master waits for its store.
const ANSWER: Duration = Duration::from_secs(40);

/// How often what changes nothing is asked, and how long between.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// Asks one application master.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
}

/// The URL that a user means: `host:port` will do.
pub fn address(text: &str) -> Result<Url, ControlError> {
    let wrong = || ControlError::Address { address: text.to_owned() };
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).map_err(|_| wrong())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none();
    if is_bare && matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(wrong()) }
}

impl Client {
    /// For the application master whose API is at `at`, e.g. `http://127.0.0.1:4711`. With TLS, those in `authorities` (PEM)
    /// vouch for it; without any, whom this machine trusts.
    pub fn new(at: &str, token: Option<&str>, authorities: Option<&str>) -> Result<Self, ControlError> {
        let at = address(at)?;
        let wrong = |error: reqwest::Error| ControlError::Authorities { address: at.clone(), why: root(&error) };
        mesos::tls::install_provider();
        let mut builder = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(ANSWER);
        // The token is for that address and no other.
        builder = builder.redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = authorities {
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(wrong)?);
        }
        let http = builder.build().map_err(wrong)?;
        Ok(Self { http, address: at.as_str().trim_end_matches('/').to_owned(), token: token.map(str::to_owned) })
    }

    /// `workers` or `history`. Where the API is crowded, the connection may be cut before the token was seen: then again.
    pub async fn get(&self, what: &str) -> Result<Value, ControlError> {
        let mut tries = 0;
        loop {
            let asked = self.send(self.http.get(format!("{}/{what}", self.address))).await;
            tries += 1;
            match asked {
                Err(ControlError::Cut { .. }) if tries < TRIES => sleep(PAUSE).await,
                asked => return asked,
            }
        }
    }

    /// Sends a command.
    pub async fn command(&self, command: &Command) -> Result<Value, ControlError> {
        self.send(self.http.post(format!("{}/commands", self.address)).json(command)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ControlError> {
        let unreachable = |error: reqwest::Error| {
            let (address, why) = (self.address.clone(), root(&error));
            // It was there a moment ago.
            let is_cut = error.is_request() && !error.is_connect() && !error.is_timeout();
            if is_cut { ControlError::Cut { address, why } } else { ControlError::Unreachable { address, why } }
        };
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return answer.json().await.map_err(unreachable);
        }
        let reason = answer.text().await.unwrap_or_default();
        Err(ControlError::Refused { address: self.address.clone(), status: status.as_u16(), reason })
    }
}

/// What is at the bottom of it; the rest only repeats the address.
fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", if error.is_connect() { CONNECT } else { ANSWER }.as_secs());
    }
    root_cause(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_lack_its_scheme_and_is_told_when_it_is_none() {
        assert_eq!(address("127.0.0.1:33399").unwrap().as_str(), "http://127.0.0.1:33399/");
        assert_eq!(address("master:1").unwrap().as_str(), "http://master:1/");
        assert_eq!(address("https://master:1/").unwrap().as_str(), "https://master:1/");
        for wrong in ["", "ftp://master:1", "http://", "http://master:1/workers", "http://a:b@master:1", "two words:1"]
        {
            let error = address(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("http://HOST:PORT"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_application_master_that_is_not_there_is_told_in_one_breath() {
        let error = Client::new("127.0.0.1:1", None, None).unwrap().get("workers").await.unwrap_err().to_string();
        let expected = "cannot reach the application master at http://127.0.0.1:1: Connection refused (os error 111)";
        assert_eq!(error, expected);
    }
}
