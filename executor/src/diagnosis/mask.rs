//! Keep secrets out of texts that others may read.

use std::fmt;

use flink::config::Configuration;
use overlays::worker::{COMMAND_VARIABLE, WorkerSpec};

/// Replacement for a secret.
const MASKED: &str = "******";

/// Shorter values are not masked: they would blot out ordinary text.
const SHORTEST: usize = 4;

/// Knows a worker's secrets: the values of its secret settings. Also masks every value whose name
/// says that it is secret, and users and queries of addresses.
#[derive(Clone, Default)]
pub struct Mask {
    secrets: Vec<String>,
}

impl Mask {
    /// The secrets of a worker: its artifact token, and those among its settings and variables.
    pub fn new<'a>(token: &'a str, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let named = settings
            .filter(|(key, value)| Configuration::is_secret_value(key, value))
            .map(|(_, value)| value);
        let values = named.chain([token]);
        let mut secrets: Vec<String> =
            values.filter(|value| value.len() >= SHORTEST).map(str::to_owned).collect();
        // Longer secrets first, so that no part of one stays that contains another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The secrets in a worker's description.
    pub fn described(spec: &WorkerSpec) -> Self {
        let entries = spec.configuration.iter().chain(&spec.environment);
        Self::new(token(spec), entries.map(|entry| (entry.key.as_str(), entry.value.as_str())))
    }

    /// The value without secrets; fully masked if its name says that it is one, or that it is a
    /// command of the user's own.
    pub fn value(&self, name: &str, value: &str) -> String {
        let is_hidden = name == COMMAND_VARIABLE || Configuration::is_secret_value(name, value);
        if is_hidden { MASKED.to_owned() } else { self.apply(value) }
    }

    /// The text without secrets.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, MASKED);
        }
        text.split_inclusive('\n')
            .map(|line| mask_named(&Configuration::without_secrets(line)))
            .collect()
    }
}

/// The worker's artifact token.
pub(crate) fn token(spec: &WorkerSpec) -> &str {
    spec.artifacts.as_ref().map_or("", |source| source.token.as_str())
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} secrets)", self.secrets.len())
    }
}

/// Masks `value` in `name=value`, `name: value` and `name, value` (Flink prints settings that way)
/// if the name says that it is secret. Stricter than [`Configuration::without_secrets`]: a log may
/// have any text after a name, so whatever follows is taken for the value.
fn mask_named(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':', ',']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        masked.push_str(&rest[..=at]);
        rest = after;
        let name_starts =
            before.rfind(|letter: char| !is_part_of_name(letter)).map_or(0, |space| space + 1);
        if !Configuration::names_secret(&before[name_starts..]) {
            continue;
        }
        let value = after.trim_start_matches([' ', '"', '\'']);
        masked.push_str(&after[..after.len() - value.len()]);
        let ends = value.find([' ', ',', '"', '\'', '\n', ';', '&']).unwrap_or(value.len());
        if ends > 0 {
            masked.push_str(MASKED);
        }
        rest = &value[ends..];
    }
    masked.push_str(rest);
    masked
}

fn is_part_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_masked_anywhere_in_a_text() {
        let settings = [
            ("s3.secret-key", "abcdef"),
            ("taskmanager.host", "localhost"),
            ("DB_PASSWORD", "abcdefgh"),
            ("password", "x"),
        ];
        let mask = Mask::new("t0ken", settings.into_iter());
        assert_eq!(
            mask.apply("at localhost: abcdef abcdefgh t0ken"),
            "at localhost: ****** ****** ******"
        );
        assert_eq!(format!("{mask:?}"), "Mask(3 secrets)");
        assert_eq!(mask.value(COMMAND_VARIABLE, "mount -o pw=hush"), "******");
        assert_eq!(
            (mask.value("password", "x").as_str(), mask.value("a", "b t0ken").as_str()),
            ("******", "b ******")
        );
    }

    #[test]
    fn values_with_a_secret_name_are_masked() {
        let mask = Mask::default();
        for (text, expected) in [
            (
                "Loading property: s3.secret-key, hunter2\n",
                "Loading property: s3.secret-key, ******\n",
            ),
            ("--password=hunter2 --user=me", "--password=****** --user=me"),
            (
                "security.ssl.keystore-password: \"hunter2\" x",
                "security.ssl.keystore-password: ****** x",
            ),
            ("jdbc:x?password=hunter2&user=me", "jdbc:x?***"),
            ("my.url, https://me:hunter2@h/x?sig=hunter2", "my.url, https://***@h/x?***"),
            ("-Da=zk://me:hunter2@h1,h2/x -Db=c", "-Da=zk://***@h1,h2/x -Db=c"),
            ("password=", "password="),
            ("a: b, c = d: ü", "a: b, c = d: ü"),
        ] {
            assert_eq!(mask.apply(text), expected);
        }
    }
}
