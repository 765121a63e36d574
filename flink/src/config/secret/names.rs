//! Which names are those of secrets.

use std::sync::LazyLock;

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
    "private_key",
    "privatekey",
    "api_key",
    "access_key",
    "account-key",
    "account_key",
    "accountkey",
    "passwd",
    "pwd",
    "authorization",
    "fs.azure.sas",
];

/// What may follow such a part at the end of a name that stands for the secret itself.
const ENDS: [&str; 6] = ["", "s", "key", "id", "keyid", "value"];

/// Finds any of [`PARTS`] in one pass: every name in every logging file is looked at.
static SEARCH: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PARTS).ok());

/// Must the value of this key never be shown?
pub(in crate::config) fn is_secret(key: &str) -> bool {
    // Without a search, everything is a secret.
    SEARCH.as_ref().is_none_or(|search| search.is_match(key))
}

/// Does the name end like that of a secret: `db.password`, `accessKeyId`, `token2`, and not `token-service`?
pub(super) fn ends_as_secret(name: &str) -> bool {
    let Some(search) = SEARCH.as_ref() else { return true };
    let Some(found) = search.find_iter(name).last() else { return false };
    let is_filler = |c: char| matches!(c, '-' | '.' | '_') || c.is_ascii_digit();
    let rest: String = name[found.end()..].chars().filter(|c| !is_filler(*c)).collect();
    ENDS.contains(&rest.to_ascii_lowercase().as_str())
}

/// May this be a part of a name?
pub(super) fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}
