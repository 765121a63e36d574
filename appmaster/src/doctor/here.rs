//! Looks at this machine: java, ports, disks, and the address that agents are given.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use flink::{
    config::Configuration, home::FlinkHome, java::Java, options::flink::SECURITY_SSL_ALGORITHMS,
};
use nix::sys::statfs::statfs;
use tokio::{net::lookup_host, time::timeout};

use super::{judge, masters::Agent, row::Row};
use crate::{
    clusters::is_this_machine,
    environment::Lookup,
    persistent_cache,
    plan::Found,
    settings::{StateLocation, is_external},
};

/// How long the lookup of a name may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest number of agents to look at.
const MOST_AGENTS: usize = 100;

/// Java, ports and disks. Blocks.
pub(super) fn check(found: &Found, lookup: &Lookup) -> Vec<Row> {
    let mut rows = vec![match &found.java {
        Some(java) => Row::ok(
            "java",
            format!(
                "Java {}: {}, for Flink {}",
                java.version,
                java.program.display(),
                found.home.version
            ),
        ),
        None => failed("java", "no java on this machine runs this Flink"),
    }];
    rows.push(match &found.ports {
        Some(_) => Row::ok("ports", "the configured ports of this machine can be used"),
        None => failed("ports", "a configured port cannot be used"),
    });
    if let Some(java) = &found.java {
        rows.extend(tls(&found.home, java, &found.config));
    }
    rows.extend(disks(found, lookup));
    rows
}

/// The configuration's own row says why.
fn failed(check: &'static str, finding: &str) -> Row {
    Row::failed(check, finding, "see the row of the configuration")
}

/// Whether java offers what Flink's TLS needs, if Flink uses TLS.
fn tls(home: &FlinkHome, java: &Java, config: &Configuration) -> Option<Row> {
    let is_used = [flink::tls::internal(config), flink::tls::rest(config)];
    if !is_used.into_iter().any(|used| used.unwrap_or(false)) {
        return None;
    }
    let algorithms = config.get(&SECURITY_SSL_ALGORITHMS);
    Some(judge::ciphers(&home.version, &release(java), algorithms))
}

/// Java's whole version, such as `17.0.18`, from the file that says it; otherwise the feature
/// release.
fn release(java: &Java) -> String {
    let file = java.home.as_ref().map(|home| home.join("release"));
    let text = file.and_then(|file| fs_err::read_to_string(file).ok()).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="));
    line.map_or_else(|| java.version.to_string(), |version| version.trim_matches('"').to_owned())
}

/// Free space of the folders that are written to.
fn disks(found: &Found, lookup: &Lookup) -> Vec<Row> {
    let mut folders = vec![("work folders in", std::env::temp_dir())];
    if !is_external(&found.config) {
        folders.push(("logs in", found.logs.clone()));
    }
    if let Some(state) = &found.settings.state {
        if let StateLocation::Directory(folder) = state {
            folders.push(("state in", folder.clone()));
        }
        let cache = persistent_cache::place(state, &found.home.path, lookup);
        folders.extend(cache.map(|cache| ("cache in", cache)));
    }
    let rows = folders.into_iter().filter_map(|(what, folder)| {
        let free = free(&folder)?;
        Some(judge::space(what, &folder.display().to_string(), free))
    });
    rows.collect()
}

/// Free bytes where the folder is, or would be.
fn free(folder: &Path) -> Option<u64> {
    let folder: PathBuf = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let found = statfs(there).ok()?;
    let size = u64::try_from(found.block_size()).ok()?;
    Some(found.blocks_available().saturating_mul(size))
}

/// Whether agents can reach the host that they are given for the artifact server.
pub(super) async fn advertised(host: &str, agents: &[Agent]) -> Row {
    let looked = timeout(PATIENCE, lookup_host((host, 0))).await;
    let found: Vec<IpAddr> = match looked {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    };
    let mut elsewhere = None;
    for agent in agents.iter().take(MOST_AGENTS) {
        let ip = agent.address().rsplit_once(':').map_or(agent.address(), |(ip, _)| ip);
        if !is_this_machine(ip.trim_matches(['[', ']'])).await {
            elsewhere = Some(agent.hostname.as_str());
            break;
        }
    }
    judge::advertised(host, &found, elsewhere)
}
