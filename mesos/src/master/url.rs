//! The ways to name masters: `host:port`, a comma list of them, `zk://…/path`, `file:///path`.

use std::{fmt, net::Ipv6Addr, path::PathBuf, str::FromStr};

use common::addresses::masked;

/// The port of a master when none is given.
const MASTER_PORT: u16 = 5050;
/// The port of a ZooKeeper server when none is given.
const ZOOKEEPER_PORT: u16 = 2181;

/// Where to look for masters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterUrl {
    /// These masters, tried in turn.
    Hosts(Vec<HostPort>),
    /// The master that leads by ZooKeeper's election, watched.
    ZooKeeper(ZooKeeperUrl),
    /// A file that holds one of the other forms, read again before every attempt.
    File(PathBuf),
}

/// A host name or address with a port. An IPv6 address stands here without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address.
    pub host: String,
    /// TCP port, never 0.
    pub port: u16,
}

/// A ZooKeeper ensemble and the node under which masters elect their leader.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperUrl {
    /// The ensemble's servers.
    pub servers: Vec<HostPort>,
    /// `user:password` for the digest scheme. A secret.
    pub digest: Option<String>,
    /// The node's absolute path without a slash at the end, such as `/mesos`.
    pub path: String,
}

/// A text that names no master. Users in it are hidden.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{why} in master {text:?}; allowed are host:port, host1:port1,host2:port2, zk://host1:port1,host2:port2/path (with a user, a \
     colon, the password and an @ before host1 if ZooKeeper requires them) and file:///path"
)]
pub struct ParseMasterError {
    /// The text, with a user in it replaced.
    pub text: String,
    /// The error in it.
    pub why: String,
}

impl FromStr for MasterUrl {
    type Err = ParseMasterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let parsed = if let Some(rest) = text.strip_prefix("zk://") {
            parse_zookeeper(rest).map(Self::ZooKeeper)
        } else if let Some(path) = text.strip_prefix("file://") {
            parse_file(path)
        } else if text.contains('@') {
            Err("a user, which only zk:// has,".to_owned())
        } else {
            parse_hosts(text, MASTER_PORT).map(Self::Hosts)
        };
        parsed.map_err(|why| ParseMasterError { text: masked(text), why })
    }
}

fn parse_zookeeper(rest: &str) -> Result<ZooKeeperUrl, String> {
    let Some((authority, path)) = rest.split_once('/') else {
        return Err("no path after the servers".to_owned());
    };
    if path.contains('@') {
        return Err("a '/' before the @ or an @ in the path".to_owned());
    }
    // A password may hold an @, a server cannot.
    let (digest, servers) = match authority.rsplit_once('@') {
        Some((digest, servers)) => (Some(digest), servers),
        None => (None, authority),
    };
    if digest.is_some_and(|digest| digest.split_once(':').is_none_or(|(user, _)| user.is_empty())) {
        return Err("no user:password before the @".to_owned());
    }
    let path = path.trim_end_matches('/');
    if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err(format!("no usable path, \"/{path}\" has an empty or relative part,"));
    }
    let servers = parse_hosts(servers, ZOOKEEPER_PORT)?;
    Ok(ZooKeeperUrl { servers, digest: digest.map(str::to_owned), path: format!("/{path}") })
}

fn parse_file(path: &str) -> Result<MasterUrl, String> {
    if path.starts_with('/') && path.len() > 1 {
        Ok(MasterUrl::File(PathBuf::from(path)))
    } else {
        Err("no absolute path after file://".to_owned())
    }
}

fn parse_hosts(text: &str, default_port: u16) -> Result<Vec<HostPort>, String> {
    text.split(',').map(|one| parse_host(one.trim(), default_port)).collect()
}

fn parse_host(text: &str, default_port: u16) -> Result<HostPort, String> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) =
            rest.split_once(']').ok_or_else(|| format!("no ] after the address {text:?}"))?;
        host.parse::<Ipv6Addr>()
            .map_err(|_| format!("no IPv6 address inside the brackets of {text:?}"))?;
        (host, port)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        (&text[..end], &text[end..])
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !(text.starts_with('[') || host.chars().all(named)) {
        return Err(format!("no host name or address but {host:?}"));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().unwrap_or(0)
        }
        _ => 0,
    };
    if port == 0 {
        return Err(format!("no port between 1 and 65535 in {text:?}"));
    }
    Ok(HostPort { host: host.to_owned(), port })
}

impl HostPort {
    /// `http://host:port` or `https://host:port`.
    pub fn url(&self, https: bool) -> String {
        format!("{}://{self}", if https { "https" } else { "http" })
    }
}

impl FromStr for HostPort {
    type Err = ParseMasterError;

    /// Reads `host:port`, `[ipv6]:port`, or a host alone, which gets a master's port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_host(text, MASTER_PORT).map_err(|why| ParseMasterError { text: text.to_owned(), why })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl ZooKeeperUrl {
    /// The servers as ZooKeeper clients want them: `host1:port1,host2:port2`.
    pub fn connect_string(&self) -> String {
        comma_list(&self.servers)
    }
}

/// Like [`Display`](fmt::Display): without the password.
impl fmt::Debug for ZooKeeperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ZooKeeperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zk://")?;
        if let Some((user, _)) = self.digest.as_deref().and_then(|digest| digest.split_once(':')) {
            write!(f, "{user}:***@")?;
        }
        write!(f, "{}{}", self.connect_string(), self.path)
    }
}

impl fmt::Display for MasterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(hosts) => f.write_str(&comma_list(hosts)),
            Self::ZooKeeper(url) => url.fmt(f),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

fn comma_list(hosts: &[HostPort]) -> String {
    hosts.iter().map(HostPort::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
