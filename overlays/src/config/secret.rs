//! Which values must never be shown.

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

/// Must the value of this key never be shown?
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    PARTS.iter().any(|part| key.contains(part))
}

/// The value as it may be shown.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if is_secret(key) { "******" } else { value }
}
