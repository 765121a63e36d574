//! Checks that workers would get their secrets. The artifact server sends none to another machine
//! without encryption.

use flink::config::Configuration;

use crate::{report::Report, settings::Draft};

/// How many secrets the error names.
const NAMED: usize = 5;

/// Reports secrets that no worker could fetch, so that every worker would fail; `host` is this
/// machine's.
pub(super) async fn check(secrets: &[String], settings: &Draft, host: &str, report: &mut Report) {
    let (Some(server), Some(tls)) = (&settings.artifact_server, &settings.tls) else { return };
    if secrets.is_empty() || server.plain_secrets || tls.artifacts.is_some() {
        return;
    }
    let host = server.host(host);
    if is_this_machine_only(host).await {
        return;
    }
    let more = secrets.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = secrets.iter().take(NAMED).map(|key| Configuration::shown_key(key));
    let named = named.collect::<Vec<_>>().join(", ");
    report.error(format!(
        "workers need secrets ({named}{more}), but the artifact server sends none to {host} without TLS: configure \
         mesos.resourcemanager.artifactserver.ssl.certificate and .key, or set \
         mesos.resourcemanager.artifactserver.plain-secrets to true if everyone on the network may read them"
    ));
}

/// Whether the host has loopback addresses only. Connections to any other address are not from
/// loopback, even on this machine.
async fn is_this_machine_only(host: &str) -> bool {
    if common::hosts::is_loopback(host) {
        return true;
    }
    let Ok(found) = tokio::net::lookup_host((host, 0)).await else { return false };
    let addresses: Vec<_> = found.map(|address| address.ip()).collect();
    !addresses.is_empty() && addresses.iter().all(std::net::IpAddr::is_loopback)
}
