//! Which addresses of a control API can be used from this machine.

use std::time::Duration;

use common::hosts::is_loopback;
use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};

use crate::control::client::address;

/// How long the lookup of a host may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The URL that a leader on this host announces, unless only another machine can use it.
pub(super) fn reached(announced: &str, host: &str, is_here: bool) -> Result<String, String> {
    let url = address(announced).map_err(|error| error.to_string())?;
    if url.host_str().is_some_and(is_loopback) && !is_here {
        return Err(format!(
            "its control API listens only on {host} itself: run the command there, or set mesos.web.bind-address"
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether one of the host's addresses is this machine's.
pub(crate) async fn is_this_machine(host: &str) -> bool {
    let found = timeout(PATIENCE, lookup_host((host, 0))).await;
    let Ok(Ok(addresses)) = found else { return false };
    for address in addresses {
        let ip = address.ip();
        if !ip.is_unspecified() && UdpSocket::bind((ip, 0)).await.is_ok() {
            return true;
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_on_another_machine_is_not_mistaken_for_this_machine() {
        for label in ["http://127.0.0.1:4711", "https://localhost:4711", "http://[::1]:4711"] {
            assert!(reached(label, "host-7", true).is_ok(), "{label}");
            let why = reached(label, "host-7", false).unwrap_err();
            assert!(why.contains("only on host-7 itself"), "{why}");
        }
        assert_eq!(reached("http://m:1/", "m", false).as_deref(), Ok("http://m:1"));
        assert!(reached("javascript:alert(1)", "m", false).is_err());
    }

    #[tokio::test]
    async fn this_machine_is_known_by_its_addresses() {
        assert!(is_this_machine("127.0.0.1").await);
        // An address for documentation.
        assert!(!is_this_machine("192.0.2.1").await);
    }
}
