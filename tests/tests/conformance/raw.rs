//! HTTP and records, without our own client.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mesos::scheduler::Credential;
use prost::Message;
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap},
};

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";
pub(crate) const STREAM_ID: &str = "Mesos-Stream-Id";

/// Time limit for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait for what must not happen.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

/// An answer that is not a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status.as_u16() == status
    }

    /// Panics unless this is an empty 202.
    pub(crate) fn accepted(self) {
        assert!(self.is(202) && self.body.is_empty(), "{self:?}");
    }

    /// Panics unless the answer has this status and contains this text.
    pub(crate) fn refused(&self, status: u16, expected: &str) {
        assert!(
            self.is(status) && self.body.contains(expected),
            "expected {status} {expected:?}, got {self:?}"
        );
    }
}

pub(crate) struct Http(Client);

impl Http {
    pub(crate) fn new() -> Self {
        Self::sending(HeaderMap::new())
    }

    /// Sends this credential with each request.
    pub(crate) fn with(credential: &Credential) -> Self {
        let encoded = STANDARD.encode(format!("{}:{}", credential.principal, credential.secret));
        Self::sending(
            [(AUTHORIZATION, format!("Basic {encoded}").parse().unwrap())].into_iter().collect(),
        )
    }

    fn sending(headers: HeaderMap) -> Self {
        common::tls::install_provider();
        Self(Client::builder().no_proxy().default_headers(headers).build().unwrap())
    }

    /// Sends any request; the answer may be a stream.
    pub(crate) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response {
        let mut request = self.0.request(method.parse().unwrap(), url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").unwrap()
    }

    /// Sends a request whose answer is not a stream.
    pub(crate) async fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        answer(self.send(method, url, headers, body).await).await
    }

    /// Posts a call in protobuf; events must come in protobuf too.
    pub(crate) async fn post(
        &self,
        url: &str,
        stream: Option<&str>,
        call: &impl Message,
    ) -> Response {
        let mut headers = vec![(CONTENT_TYPE.as_str(), PROTOBUF), (ACCEPT.as_str(), PROTOBUF)];
        headers.extend(stream.map(|stream| (STREAM_ID, stream)));
        self.send("POST", url, &headers, call.encode_to_vec()).await
    }
}

pub(crate) async fn answer(response: Response) -> Answer {
    let status = response.status();
    assert_ne!(status, StatusCode::OK, "a stream where none was asked for");
    Answer { status, body: response.text().await.unwrap() }
}

/// Why there is no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRecord {
    /// The stream has ended cleanly.
    End,
    /// Nothing arrived in time.
    Silence,
}

/// The records of a stream.
#[derive(Debug)]
pub(crate) struct Records {
    response: Response,
    read: Vec<u8>,
}

impl Records {
    pub(crate) fn of(response: Response) -> Self {
        Self { response, read: Vec::new() }
    }

    /// The next record's bytes.
    pub(crate) async fn next(&mut self, patience: Duration) -> Result<Vec<u8>, NoRecord> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(record) = self.take() {
                return Ok(record);
            }
            match tokio::time::timeout_at(deadline, self.response.chunk()).await {
                Err(_) => return Err(NoRecord::Silence),
                Ok(chunk) => match chunk.expect("a stream that ends in order") {
                    Some(chunk) => self.read.extend(chunk),
                    None if self.read.is_empty() => return Err(NoRecord::End),
                    None => panic!("the stream ended within a record"),
                },
            }
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let header = self.read.iter().position(|byte| *byte == b'\n')?;
        let length: usize = str::from_utf8(&self.read[..header]).unwrap().parse().unwrap();
        let end = header + 1 + length;
        if self.read.len() < end {
            return None;
        }
        let record = self.read[header + 1..end].to_vec();
        self.read.drain(..end);
        Some(record)
    }
}
