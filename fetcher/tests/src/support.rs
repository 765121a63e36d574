//! Trees to serve, and clients to request them.

use std::net::SocketAddr;
use std::path::Path;

use fetcher_server::{Artifact, ArtifactServer, ServerOptions, build};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

/// Options for a server on loopback.
pub fn loopback() -> ServerOptions {
    ServerOptions { bind: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerOptions::default() }
}

/// Writes a file and returns it as an artifact.
pub fn artifact(folder: &Path, target: &str, content: &[u8]) -> Artifact {
    let source = folder.join(target.replace('/', "_"));
    fs_err::write(&source, content).unwrap();
    Artifact { source, target: target.to_owned(), executable: false, secret: false }
}

/// Content that does not repeat itself.
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// A server of these artifacts.
pub async fn serve(artifacts: Vec<Artifact>, options: ServerOptions) -> ArtifactServer {
    let (manifest, catalogue) = build(artifacts).await.unwrap();
    ArtifactServer::start(options, manifest, catalogue).await.unwrap()
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A client without connection reuse, so that every request is independent.
pub async fn request(
    method: Method,
    url: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
) -> reqwest::Result<Answer> {
    common::tls::install_provider();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(0)
        .build()?;
    let mut request = client.request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

pub async fn get(url: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, url, token, headers).await.unwrap()
}

/// Waits until a value is as expected; the server updates its counters after the last byte.
pub async fn becomes<T: PartialEq + std::fmt::Debug>(value: impl Fn() -> T, expected: T) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while value() != expected {
        assert!(tokio::time::Instant::now() < deadline, "{:?} instead of {expected:?}", value());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Waits until a folder is empty: files removed off the async threads take a moment.
pub async fn folder_is_empty(folder: &Path) {
    let names = || {
        fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while !names().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "left behind: {:?}", names());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
