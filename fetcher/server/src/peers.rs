//! Peers: hosts that hold contents serve them to other hosts, so that the artifact server does not
//! have to send everything to everyone.
//!
//! ```text
//! agent                       artifact server                      another agent, a holder
//!   ── GET /v1/blobs/<digest> ───▶  few streams: serves
//!   ◀── 307, Location ───────────   many: names a holder
//!   ── GET /v1/blobs/<name> ────────────────────────────────────────▶  serves out of its cache
//!   ── PUT /v1/holders/<digest> ─▶  now it holds the content too
//!   ── DELETE /v1/holders/<…> ───▶  the holder failed
//! ```
//!
//! Data from peers is verified like all other data, so a peer needs no trust and gets no token.
//! This module is the server's knowledge, without I/O: [`Holders`] reads no clock (the time since
//! any start is passed in) and uses no unseeded randomness. What one fetch knows is in
//! `fetcher_client::fetch::Known`.

use std::net::{IpAddr, SocketAddr};

mod holders;
mod policy;

pub use holders::Holders;
pub use policy::{Asked, Decision, Policy, Refused};

/// Why the address of a peer port is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not an address.
    #[error("a peer's address must be an IP address with a port, e.g. 10.0.0.5:7070")]
    Malformed,
    /// Nothing can listen on that port.
    #[error("a peer's port must be a number from 1 to 65535")]
    Port,
    /// The sender is another host.
    #[error("a peer's address must be one of the host that announces it")]
    Foreign,
}

/// Parses an address from `text` that `source` has sent. A host may only announce itself, so that
/// no worker can direct others to another host. An unspecified address (`[::]:7070`, over IPv4 also
/// `0.0.0.0:7070`) stands for that of `source`.
pub fn peer_address(text: &str, source: IpAddr) -> Result<SocketAddr, AddressError> {
    let said: SocketAddr = text.parse().map_err(|_| AddressError::Malformed)?;
    let (ip, source) = (said.ip().to_canonical(), source.to_canonical());
    if said.port() == 0 {
        return Err(AddressError::Port);
    }
    let listens_everywhere = ip.is_unspecified() && (ip.is_ipv6() || source.is_ipv4());
    if listens_everywhere {
        return Ok(SocketAddr::new(source, said.port()));
    }
    let is_own = ip == source || (ip.is_loopback() && source.is_loopback());
    if is_own { Ok(SocketAddr::new(ip, said.port())) } else { Err(AddressError::Foreign) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_can_only_announce_itself() {
        let host: IpAddr = "10.0.0.5".parse().unwrap();
        let expected: SocketAddr = "10.0.0.5:7070".parse().unwrap();
        for text in ["10.0.0.5:7070", "0.0.0.0:7070", "[::]:7070", "[::ffff:10.0.0.5]:7070"] {
            assert_eq!(peer_address(text, host), Ok(expected), "{text}");
        }
        for (text, error) in [
            ("127.0.0.1:7070", AddressError::Foreign),
            ("10.0.0.6:7070", AddressError::Foreign),
            ("169.254.169.254:80", AddressError::Foreign),
            ("255.255.255.255:80", AddressError::Foreign),
            ("10.0.0.5:0", AddressError::Port),
            ("10.0.0.5:70700", AddressError::Malformed),
            ("10.0.0.5", AddressError::Malformed),
            ("host:7070", AddressError::Malformed),
            ("file:///etc/passwd", AddressError::Malformed),
            ("http://10.0.0.5:7070", AddressError::Malformed),
            ("", AddressError::Malformed),
        ] {
            assert_eq!(peer_address(text, host), Err(error), "{text}");
        }
        assert!(peer_address(&"1".repeat(10_000), host).is_err());
        let over_ipv6 = peer_address("0.0.0.0:7070", "2001:db8::5".parse().unwrap());
        assert_eq!(over_ipv6, Err(AddressError::Foreign), "nothing listens there");
    }

    #[test]
    fn loopback_is_one_host() {
        let source: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(peer_address("127.0.0.2:7070", source).is_ok());
        assert_eq!(peer_address("10.0.0.5:7070", source), Err(AddressError::Foreign));
    }
}
