//! What the text of a host name shows, without a lookup.

use std::net::IpAddr;

/// Whether the host is loopback, so that only this machine reaches it. An IPv6 address may be in
/// brackets.
pub fn is_loopback(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner == "localhost" || inner.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_loopback_addresses_are_loopback() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "localhost.example.org", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1:80", "[::1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
