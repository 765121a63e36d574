//! Checks that workers can reach our servers at the address they are given.

use std::{net::IpAddr, time::Duration};

use anyhow::anyhow;
use common::causes::root_cause;
use fetcher_server::ArtifactServer;
use reqwest::{StatusCode, header::RANGE};
use tokio::net::UdpSocket;
use tracing::warn;

use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches one byte as a worker would. The answer must come from our own server, which knows the
/// token. Checked at the start because failures of workers would be hard to trace to this. If the
/// address is not one of this machine's, or there is no `host` because its port is translated on the
/// way, workers may reach it although we do not.
pub(super) async fn artifacts(
    server: &ArtifactServer,
    host: Option<&str>,
    trusted: Option<&str>,
) -> Result<(), Failure> {
    const WORKER: &str = "the application master itself";
    let token = server.issue_token(WORKER);
    let fetched = first_byte(server, token.expose(), trusted).await;
    server.revoke(WORKER);
    let Err(why) = fetched else { return Ok(()) };
    let url = server.url();
    let hint = "see jobmanager.rpc.address, mesos.resourcemanager.artifactserver.address and …artifactserver.bind-address";
    let is_here = match host {
        Some(host) => is_here(host).await,
        None => false,
    };
    if is_here {
        return Err(Failure::usage(anyhow!(
            "cannot reach the artifact server at {url}, where workers fetch from: {why}; {hint}"
        )));
    }
    warn!(
        "Cannot reach the artifact server from here at {url}, where workers fetch from: {why}; {hint}"
    );
    Ok(())
}

async fn first_byte(
    server: &ArtifactServer,
    token: &str,
    trusted: Option<&str>,
) -> Result<(), String> {
    common::tls::install_provider();
    let mut builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    if let Some(pem) = trusted {
        let authorities =
            reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| e.to_string())?;
        builder = builder.tls_certs_only(authorities);
    }
    let client = builder.build().map_err(|e| e.to_string())?;
    let url = format!("{}/v1/manifests/{}", server.url(), server.manifest());
    let answer = client
        .get(url)
        .bearer_auth(token)
        .header(RANGE, "bytes=0-0")
        .send()
        .await
        .map_err(|e| root_cause(&e))?;
    match answer.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(()),
        status => Err(format!("another server answers there ({status})")),
    }
}

/// Whether this host is an address of this machine, so that nothing lies between it and us.
async fn is_here(host: &str) -> bool {
    let addresses: Vec<IpAddr> = match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        // Nobody can resolve it.
        Err(_) => return true,
    };
    for address in addresses {
        if UdpSocket::bind((address, 0)).await.is_ok() {
            return true;
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use fetcher_formats::Manifest;
    use fetcher_server::{Catalogue, ServerOptions};

    use super::*;

    async fn server(bind: &str, advertise: &str) -> ArtifactServer {
        let options = ServerOptions {
            bind: (bind.parse::<IpAddr>().unwrap(), 0).into(),
            advertise: Some(advertise.to_owned()),
            ..ServerOptions::default()
        };
        ArtifactServer::start(options, Manifest::new(Vec::new()).unwrap(), Catalogue::default())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_address_at_which_we_do_not_listen_is_refused_before_any_worker_is_sent_there() {
        for (bind, advertise) in
            [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.2"), ("::1", "::1")]
        {
            let server = server(bind, advertise).await;
            artifacts(&server, Some(advertise), None).await.unwrap();
        }
        let server = server("127.0.0.1", "127.0.0.2").await;
        let refused = artifacts(&server, Some("127.0.0.2"), None).await.unwrap_err();
        assert!(
            refused.exit_code() == 64 && refused.to_string().contains("http://127.0.0.2:"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_port_that_is_translated_on_the_way_may_not_be_reached_from_here() {
        let options = ServerOptions {
            bind: ([127, 0, 0, 1], 0).into(),
            advertise: Some("127.0.0.1".to_owned()),
            advertise_port: Some(1),
            ..ServerOptions::default()
        };
        let nothing = Manifest::new(Vec::new()).unwrap();
        let server = ArtifactServer::start(options, nothing, Catalogue::default()).await.unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:1");
        artifacts(&server, None, None).await.unwrap();
    }
}
