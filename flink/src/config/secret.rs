//! Which values must never be shown, and which only in part.

use std::{borrow::Cow, sync::LazyLock};

use aho_corasick::AhoCorasick;

/// Parts of keys that Flink itself masks (`GlobalConfiguration.isSensitive`), in any case of letters.
const PARTS: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
    // Not hidden by Flink, but the keys to a store all the same.
    "access-key",
    "access.key",
    "accesskey",
    "credential",
    "passphrase",
    "private-key",
    "zookeeper.client.authorization",
];

/// Finds any of [`PARTS`] in one pass: every name in every logging file is looked at.
static SEARCH: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PARTS).ok());

/// Must the value of this key never be shown?
pub(super) fn is_secret(key: &str) -> bool {
    // Without a search, everything is a secret.
    SEARCH.as_ref().is_none_or(|search| search.is_match(key))
}

/// The value as it may be shown: not at all, or without the user part of addresses in it.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(key) { Cow::Borrowed("******") } else { without_users(value) }
}

/// The text with `***` for what stands before the `@` of an address, such as `zk://user:password@host/path`.
fn without_users(text: &str) -> Cow<'_, str> {
    if !(text.contains("://") && text.contains('@')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|found| found + 3) {
        let (before, address) = rest.split_at(start);
        shown.push_str(before);
        let end = address.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';')).unwrap_or(address.len());
        // The next address of a list has its own.
        let end = address[..end].find("://").unwrap_or(end);
        // Mesos takes the last `@` for ZooKeeper, so that a password may hold anything.
        let is_zookeeper = before.ends_with("zk://");
        let path = address[..end].find(['/', '?', '#']).filter(|_| !is_zookeeper);
        let servers = path.unwrap_or(end);
        rest = address[..servers].rfind('@').map_or(address, |at| {
            shown.push_str("***");
            &address[at..]
        });
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_of_addresses_is_never_shown() {
        for (text, expected) in [
            ("zk://user:pass@h1:2181,h2:2181/mesos", "zk://***@h1:2181,h2:2181/mesos"),
            ("zk://user:p@ss/w:rd@h1/mesos", "zk://***@h1/mesos"),
            ("http://token@h/a", "http://***@h/a"),
            ("http://u:p@h/a@b,https://u2:p2@h2/c , s3://b/d@e", "http://***@h/a@b,https://***@h2/c , s3://b/d@e"),
            ("-Da=http://u:p@h -Db=c@d", "-Da=http://***@h -Db=c@d"),
            ("http://u:p@h", "http://***@h"),
            ("http://h/a", "http://h/a"),
            ("user@host", "user@host"),
            ("://@", "://***@"),
            ("", ""),
        ] {
            assert_eq!(shown("some.key", text), expected);
        }
        assert_eq!(shown("some.password", "x"), "******");
    }
}
