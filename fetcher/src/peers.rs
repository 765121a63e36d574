//! Peers: hosts that hold contents serve them to other hosts, so that the artifact server does not send each of them to
//! everybody.
//!
//! ```text
//! agent                       artifact server                      another agent, a holder
//!   ── GET /v1/blobs/<digest> ───▶  few streams: serves
//!   ◀── 307, Location ───────────   many: names a holder
//!   ── GET /v1/blobs/<name> ────────────────────────────────────────▶  serves out of its cache
//!   ── PUT /v1/holders/<digest> ─▶  it holds that, too, now
//!   ── DELETE /v1/holders/<…> ───▶  that holder was bad
//! ```
//!
//! What a peer sends is verified as everything is, so a peer needs no trust and gets no token. This room holds what needs
//! no network: [`Holders`] is what the server knows, [`Known`] what one fetch knows. Neither reads a clock (time is handed
//! in, counted from any start) nor draws chance that is not seeded.

use std::net::{IpAddr, SocketAddr};

mod holders;
mod known;
mod policy;

pub use holders::Holders;
pub use known::{Failure, Known};
pub use policy::{Asked, Decision, Policy, Refused};

/// Header of a request for a content: the asker can follow to a peer. `follow`, or the address of its own peer port.
pub const PEER_HEADER: &str = "Flink-Mesos-Peer";
/// Header of a request that can follow: a peer that it does not want to be sent to, because it is busy, say.
pub const AVOID_HEADER: &str = "Flink-Mesos-Avoid";
/// Header of an announcement or a report: the address that it is about.
pub const HOLDER_HEADER: &str = "Flink-Mesos-Holder";
/// Header of a report: [`LACKS`], else the holder is bad.
pub const FAULT_HEADER: &str = "Flink-Mesos-Fault";
/// In [`FAULT_HEADER`]: the holder does not have this content.
pub const LACKS: &str = "lacks";
/// Header of a refusal: milliseconds after which to ask again, finer than `Retry-After`.
pub const WAIT_HEADER: &str = "Flink-Mesos-Retry-After-Ms";
/// Contents from so many bytes on are announced as soon as they are complete; smaller ones with the tree that they
/// belong to, since a request for each would cost more than it saves.
pub const ANNOUNCED_FROM: u64 = 1 << 20;
/// What an asker without a peer port of its own sends as [`PEER_HEADER`].
pub const FOLLOW: &str = "follow";

/// What is wrong with the address of a peer port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No address at all.
    #[error("a peer's address must be an IP address with a port, e.g. 10.0.0.5:7070")]
    Malformed,
    /// Nobody can listen there.
    #[error("a peer's port must be a number from 1 to 65535")]
    Port,
    /// Whoever says so is somebody else.
    #[error("a peer's address must be one of the host that announces it")]
    Foreign,
}

/// The address that `text` says, sent from `source`. Nobody speaks for another host, so that no worker can send the
/// others to where they do not want to go. An unspecified address (`[::]:7070`, over IPv4 also `0.0.0.0:7070`) is the one
/// that `source` has.
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
    fn a_host_speaks_for_itself_only() {
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
        assert_eq!(over_ipv6, Err(AddressError::Foreign), "nobody listens there");
    }

    #[test]
    fn loopback_is_one_host() {
        let source: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(peer_address("127.0.0.2:7070", source).is_ok());
        assert_eq!(peer_address("10.0.0.5:7070", source), Err(AddressError::Foreign));
    }
}
