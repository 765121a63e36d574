//! Hosts as Flink takes them, and which of a configuration's are the user's own.

use std::net::{IpAddr, Ipv6Addr};

use crate::config::{Configuration, Source};

/// What a host must be, for messages.
pub const FORM: &str = "a host name of letters, digits, '-' and '.', or an IP address";

/// The longest host name of the DNS.
const LONGEST_NAME: usize = 253;

/// The host without the brackets of an IPv6 address; `None` for what cannot be a host for Flink,
/// whose remote calls take addresses apart as Java's `URI` does: no underscores, and the last of
/// several labels begins with a letter.
pub fn checked(host: &str) -> Option<&str> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|_| inner);
    }
    let is_label = |label: &str| {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.chars().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_begins_with_letter = || match host.rsplit_once('.') {
        Some((_, last)) => last.starts_with(|c: char| c.is_ascii_alphabetic()),
        None => true,
    };
    let is_name =
        || host.len() <= LONGEST_NAME && host.split('.').all(is_label) && last_begins_with_letter();
    (host.parse::<IpAddr>().is_ok() || is_name()).then_some(host)
}

/// All addresses of a machine: good for listening, no address to be reached by.
pub fn is_wildcard(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

/// Whether the value of this key may be what Flink's distribution ships, whose configuration file
/// says `localhost` for every host: right for one machine, and nobody's deliberate choice. `-D`,
/// the environment and any other value in the file are the user's own.
pub fn is_as_shipped(config: &Configuration, key: &(impl AsRef<str> + ?Sized)) -> bool {
    config.get(key) == Some("localhost") && matches!(config.source(key), Some(Source::File { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["a", "am-1.example.org", "3f4e1a", "10.0.0.1", "::1", "fd00::1", "host.a1"] {
            assert_eq!(checked(host), Some(host));
        }
        assert_eq!(checked("[fd00::1]"), Some("fd00::1"));
        for host in [
            "",
            "$HOST_IP",
            "a b",
            "a_b",
            "a:1",
            "http://a",
            "a.",
            ".a",
            "a..b",
            "-a",
            "10.0.0",
            "[a]",
            "[10.0.0.1]",
            "ü",
        ] {
            assert_eq!(checked(host), None, "{host}");
        }
    }

    #[test]
    fn only_the_shipped_files_word_is_nobodys_choice() {
        let file = || Source::File { path: "config.yaml".into(), line: None };
        for (value, source, as_shipped) in [
            ("localhost", file(), true),
            ("127.0.0.1", file(), false),
            ("localhost", Source::DynamicProperty, false),
            ("localhost", Source::Environment("FLINK_PROPERTIES".to_owned()), false),
        ] {
            let mut config = Configuration::new();
            config.set("rest.bind-address", value, source);
            assert_eq!(is_as_shipped(&config, "rest.bind-address"), as_shipped, "{value}");
        }
    }
}
