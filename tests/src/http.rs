//! HTTP requests of the tests to Mesos and Flink.

use std::time::Duration;

use serde_json::Value;

/// A client for loopback: no proxy, short timeouts.
pub(crate) fn client() -> reqwest::Client {
    common::tls::install_provider();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("an HTTP client")
}

/// The JSON at this URL, if there is any.
pub(crate) async fn json(client: &reqwest::Client, url: &str) -> Result<Value, reqwest::Error> {
    client.get(url).send().await?.error_for_status()?.json().await
}
