//! The operator's end of the API.

use std::time::Duration;

use serde_json::Value;

use super::Command;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It could not be asked.
    #[error("cannot reach the application master at {address}: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// It does not do that.
    #[error("the application master at {address} refuses ({status}): {reason}")]
    Refused {
        /// Where.
        address: String,
        /// The HTTP status.
        status: u16,
        /// In its words.
        reason: String,
    },
}

const CONNECT: Duration = Duration::from_secs(10);
/// Longer than the application master waits for its store.
const ANSWER: Duration = Duration::from_secs(40);

/// Asks one application master.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
}

impl Client {
    /// For the application master whose API is at `address`, e.g. `http://127.0.0.1:4711`.
    pub fn new(address: &str, token: Option<&str>) -> Result<Self, reqwest::Error> {
        mesos::tls::install_provider();
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(ANSWER).build()?;
        Ok(Self { http, address: address.trim_end_matches('/').to_owned(), token: token.map(str::to_owned) })
    }

    /// `workers` or `history`.
    pub async fn get(&self, what: &str) -> Result<Value, ControlError> {
        self.send(self.http.get(format!("{}/{what}", self.address))).await
    }

    /// Has something done.
    pub async fn command(&self, command: &Command) -> Result<Value, ControlError> {
        self.send(self.http.post(format!("{}/commands", self.address)).json(command)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ControlError> {
        let unreachable = |source| ControlError::Unreachable { address: self.address.clone(), source };
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
