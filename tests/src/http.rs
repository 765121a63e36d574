//! The questions that the tests ask Mesos and Flink over HTTP.

use std::time::Duration;

use serde_json::Value;

/// A client for loopback: no proxy, short limits.
pub(crate) fn client() -> reqwest::Client {
    common::tls::install_provider();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("an HTTP client")
}

/// The JSON behind this address, if it is there.
pub(crate) async fn json(client: &reqwest::Client, url: &str) -> Result<Value, reqwest::Error> {
    client.get(url).send().await?.error_for_status()?.json().await
}
