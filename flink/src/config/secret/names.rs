//! Which names are those of secrets.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, MatchKind, packed};

/// Parts of keys that Flink itself masks (`GlobalConfiguration.isSensitive`), in any case of
/// letters.
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
    "private.key",
    "encryption.key",
    "encryption-key",
    "encryption_key",
    "encryptionkey",
    "signing-key",
    "signing.key",
    "signing_key",
    "signingkey",
    "api.key",
    "basicauth",
    "zk.auth",
    "zookeeper.auth",
    // Of Java's keytool.
    "storepass",
    "keypass",
];

/// Names of secrets only as the last whole word: `db.pass`, `DB_CREDS`, and neither `bypass` nor
/// `pass-through`. In the name of a variable, another word may follow: `DB_PASS_EU`.
const LAST: &[&str] = &[
    "pass",
    "creds",
    // Variables of well-known programs.
    "sshpass",
    "basic_auth",
    "neo4j_auth",
    "redis_auth",
    "rediscli_auth",
    "zk_auth",
    "zookeeper_auth",
];

/// Before one of these, or behind one of those, `PASS` is no password: `LOW_PASS_FILTER`.
const NO_PASSWORD_BEFORE: &[&str] = &[
    "BACK", "COUNT", "COUNTS", "FAIL", "FILTER", "FILTERS", "HEADER", "HEADERS", "LIMIT", "MODE",
    "OPTIONS", "RATE", "RATIO", "SIZE", "SORT", "THROUGH", "THRU", "TIME",
];
const NO_PASSWORD_BEHIND: &[&str] = &[
    "ALL", "BAND", "BY", "DOUBLE", "EACH", "FIRST", "HIGH", "LAST", "LOW", "MAX", "MIN", "MULTI",
    "NEXT", "NO", "NUM", "ONE", "PER", "SECOND", "SINGLE", "TWO",
];

/// What may follow such a part at the end of a name that stands for the secret itself.
const ENDS: [&str; 6] = ["", "s", "key", "id", "keyid", "value"];

/// Finds any of [`PARTS`] and [`LAST`] in one pass: every name in every logging file is looked at.
/// The longest counts, so `password` has no `pass`.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut search = AhoCorasick::builder();
    search.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest);
    search.build(PARTS.iter().chain(LAST)).ok()
});

/// The same in small letters, many bytes at a time, if the processor can.
static FAST: LazyLock<Option<packed::Searcher>> =
    LazyLock::new(|| packed::Searcher::new(PARTS.iter().chain(LAST)));

/// In so many bytes, [`FAST`] finds them faster.
const LONG: usize = 64;

/// Has the key a part of that name? Flink masks the values of these.
pub(in crate::config) fn is_secret(key: &str) -> bool {
    // Without a search, everything is a secret.
    SEARCH.as_ref().is_none_or(|search| {
        search.find_iter(key).any(|found| is_part(&found) || is_word(key, &found))
    })
}

/// May there be the name of a secret in this text?
pub(super) fn may_have_name(text: &str) -> bool {
    match FAST.as_ref() {
        Some(search) if text.len() >= LONG => search.find(text.to_ascii_lowercase()).is_some(),
        _ => SEARCH.as_ref().is_none_or(|search| search.is_match(text)),
    }
}

/// The beginning of each longer word that has such a part in it.
const LONGER: [&str; 3] = ["tokenis", "tokeniz", "secretar"];

/// Does the name have the word for a secret in it, such as `my.token.of.a`, `secretString` or
/// `DB_PASSWORD_PROD`? These are the keys that Flink masks, without those such as `tokenizer`.
pub(super) fn has_secret_word(name: &str) -> bool {
    let Some(search) = SEARCH.as_ref() else { return true };
    search.find_iter(name).any(|found| {
        let is_longer = |word: &str| {
            let text = name.get(found.start()..found.start() + word.len());
            text.is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        is_word(name, &found) || is_part(&found) && !LONGER.into_iter().any(is_longer)
    })
}

/// Does the name end like that of a secret: `db.password`, `accessKeyId`, `token2`, and not
/// `token-service`?
pub(super) fn ends_as_secret(name: &str) -> bool {
    let Some(search) = SEARCH.as_ref() else { return true };
    let Some(found) = search.find_iter(name).last() else { return false };
    let begins = is_part(&found) || begins_word(name, &found);
    begins && is_end(name[found.end()..].chars())
}

/// The first part of a dotted key that ends like the name of a secret, if more follows:
/// `my.password` of `my.password.x`.
pub(super) fn secret_above(key: &str) -> Option<&str> {
    let search = SEARCH.as_ref()?;
    let mut dot = 0;
    for found in search.find_iter(key) {
        if dot < found.end() {
            dot = found.end() + key[found.end()..].find('.')?;
        }
        let begins = is_part(&found) || begins_word(key, &found);
        if begins && is_end(key[found.end()..dot].chars()) {
            return Some(&key[..dot]);
        }
    }
    None
}

fn is_end(rest: impl Iterator<Item = char>) -> bool {
    let is_filler = |c: char| matches!(c, '-' | '.' | '_') || c.is_ascii_digit();
    // One letter more than the longest has.
    let rest: String = rest.filter(|c| !is_filler(*c)).take(6).collect();
    ENDS.contains(&rest.to_ascii_lowercase().as_str())
}

fn is_part(found: &Match) -> bool {
    found.pattern().as_usize() < PARTS.len()
}

/// Is one of [`LAST`] a whole word at the end, as in `dbPass`, `PASS` or `db.pass.2`, or in a
/// variable?
fn is_word(name: &str, found: &Match) -> bool {
    let is_last = || begins_word(name, found) && is_end(name[found.end()..].chars());
    !is_part(found) && (is_last() || is_in_variable(name, found))
}

fn begins_word(name: &str, found: &Match) -> bool {
    let (before, word) = (&name[..found.start()], &name[found.range()]);
    let is_camel = word.starts_with(|c: char| c.is_ascii_uppercase())
        && before.ends_with(|c: char| c.is_ascii_lowercase());
    is_camel || !before.ends_with(|c: char| c.is_alphabetic())
}

/// Is one of [`LAST`] a word of a variable's name: `DB_PASS_EU`, and neither `PASS_HEADERS` nor
/// `FIRST_PASS_SIZE`?
fn is_in_variable(name: &str, found: &Match) -> bool {
    let ends_word = |c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit();
    let (before, after) = (&name[..found.start()], &name[found.end()..]);
    let (Some(before), Some(after)) = (before.strip_suffix('_'), after.strip_prefix('_')) else {
        return false;
    };
    let last = before.rsplit(ends_word).next().unwrap_or_default();
    let next = after.split(ends_word).next().unwrap_or_default();
    let is_upper = name[found.range()].bytes().all(|c| c.is_ascii_uppercase());
    is_upper
        && !last.is_empty()
        && !next.is_empty()
        && !NO_PASSWORD_BEHIND.contains(&last)
        && !NO_PASSWORD_BEFORE.contains(&next)
}

/// Is it a parameter with the signature of a query, such as `sig` or `X-Amz-Signature`?
pub(super) fn is_signature(name: &str) -> bool {
    const SIGNATURE: &str = "signature";
    let start = name.len().saturating_sub(SIGNATURE.len());
    let ends_as_one = || name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(SIGNATURE));
    name.eq_ignore_ascii_case("sig") || ends_as_one()
}

/// How keys end whose values name something, and are no addresses.
const LABELS: &[&str] = &[
    "description",
    "group",
    "hostname",
    "id",
    "label",
    "labels",
    "name",
    "principal",
    "role",
    "tag",
    "tags",
    "title",
    "topic",
    "user",
];

/// Does the value of this key name something: `mesos.resourcemanager.framework.name`,
/// `CLUSTER_NAME`?
pub(super) fn is_label(key: &str) -> bool {
    let word = key.rsplit(['.', '-', '_']).next().unwrap_or_default();
    LABELS.iter().any(|label| word.eq_ignore_ascii_case(label))
}

/// Is it a name as variables of the environment have: `TOKEN_PROD`?
pub(super) fn is_variable(name: &str) -> bool {
    name.contains('_')
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

/// May this be a part of a name?
pub(super) fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_a_text_of_any_length() {
        for name in PARTS.iter().chain(LAST) {
            assert_eq!(*name, name.to_ascii_lowercase());
            for length in [0, 10, LONG, 1000] {
                let text = format!("{}{}", "x".repeat(length), name.to_ascii_uppercase());
                assert!(may_have_name(&text), "{text}");
                assert!(!may_have_name(&"x".repeat(length)));
            }
        }
    }

    #[test]
    fn the_word_for_a_secret_counts_and_not_a_longer_one() {
        for name in [
            "db.password",
            "db-password-prod",
            "my.token.of.a",
            "DB_PASSWORD_PROD",
            "SECRET_KEY_BASE",
            "secret-key-prod",
            "apiKeys.b",
            "dbpassword",
            "token-2",
            "--api-key",
            "db.pass",
            "DB_PASS",
            "dbPass",
            "pass2",
            "DB_CREDS",
            "DB_PASS_EU",
            "DB_CREDS_EU_2",
            "containerized.taskmanager.env.DB_PASS_EU",
            "storepass",
            "-srckeypass",
            "fs.azure.account.key.a.blob.core.windows.net",
            "accessKeyId",
            "sasl.jaas.config",
            "tokenizer.token",
            "my.secret-prod",
            "my.token-prod",
            "my.accessTokenProd",
            "my.secretString",
            "TOKEN_PROD",
            "token-service",
            "fs.gs.auth.service.account.private.key",
            "fs.s3a.server-side-encryption.key",
            "hadoop.zk.auth",
            "ha.zookeeper.auth",
            "basicAuth",
            "dd.api.key",
            "my.encryptionKey",
            "my.encryption_key",
            "MY_ENCRYPTION_KEY",
            "my.signingKey",
            "my.signing_key",
            "SSHPASS",
            "REDISCLI_AUTH",
            "containerized.taskmanager.env.REDISCLI_AUTH",
            "NEO4J_AUTH",
            "BASIC_AUTH",
            "ZOOKEEPER_AUTH",
            "MYSQL_PWD",
            "PGPASSWORD",
            "MONGO_INITDB_ROOT_PASSWORD",
            "ME_CONFIG_MONGODB_ADMINPASSWORD",
        ] {
            assert!(has_secret_word(name), "{name}");
        }
        for name in [
            "tokenizer",
            "my.tokenizer.class",
            "TOKENIZER_MODE",
            "secretary",
            "compass",
            "bypass",
            "pass-through.headers",
            "PASS_COUNT",
            "PASS_THROUGH",
            "HTTP_PASS_THROUGH_HEADERS",
            "PASS_HEADERS",
            "HTTP_PASS_HEADERS",
            "COMPASS_MODE",
            "BYPASS_PROXY",
            "BY_PASS_PROXY",
            "LOW_PASS_FILTER",
            "FIRST_PASS_BYTES",
            "db_pass_eu",
            "PGPASSFILE",
            "SSHPASS_MODE",
            "MONGO_AUTH_MECHANISM",
            "encryption.algorithm",
            "sacreds",
            "rest.port",
            "",
        ] {
            assert!(!has_secret_word(name), "{name}");
        }
    }
}
