//! Keeping secrets out of what others may read.

use std::fmt;

use overlays::{config::Configuration, worker::WorkerSpec};

/// What stands in place of a secret.
const MASKED: &str = "******";

/// Shorter values are not looked for: they would blot out ordinary words.
const SHORTEST: usize = 4;

/// Knows a worker's secrets: the values of its secret settings, and everything that is named like one.
#[derive(Clone, Default)]
pub struct Mask {
    secrets: Vec<String>,
}

impl Mask {
    /// The secrets of this worker.
    pub fn of(spec: &WorkerSpec) -> Self {
        let named =
            spec.configuration.iter().chain(&spec.environment).filter(|entry| Configuration::is_secret(&entry.key));
        let token = spec.artifacts.as_ref().map(|source| source.token.as_str());
        let values = named.map(|entry| entry.value.as_str()).chain(token);
        let mut secrets: Vec<String> = values.filter(|value| value.len() >= SHORTEST).map(str::to_owned).collect();
        // A secret that contains another one goes first, so that nothing of it stays.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text without secrets.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, MASKED);
        }
        text.split_inclusive('\n').map(mask_named).collect()
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} secrets)", self.secrets.len())
    }
}

/// Masks `value` in `name=value`, `name: value` and `name, value` (Flink prints settings so) where the name says that it is
/// a secret.
fn mask_named(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':', ',']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        masked.push_str(&rest[..=at]);
        rest = after;
        let name_starts = before.rfind(|letter: char| !is_part_of_name(letter)).map_or(0, |space| space + 1);
        if !Configuration::is_secret(&before[name_starts..]) {
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
    use overlays::worker::{ArtifactSource, Entry};

    use super::*;

    fn entry(key: &str, value: &str) -> Entry {
        Entry { key: key.into(), value: value.into() }
    }

    #[test]
    fn known_secrets_are_masked_wherever_they_stand() {
        let spec = WorkerSpec {
            configuration: vec![entry("s3.secret-key", "abcdef"), entry("taskmanager.host", "localhost")],
            environment: vec![entry("DB_PASSWORD", "abcdefgh")],
            artifacts: Some(ArtifactSource { token: "t0ken".into(), ..ArtifactSource::default() }),
            ..WorkerSpec::default()
        };
        let masked = Mask::of(&spec).apply("at localhost: abcdef abcdefgh t0ken");
        assert_eq!(masked, "at localhost: ****** ****** ******");
        assert_eq!(format!("{:?}", Mask::of(&spec)), "Mask(3 secrets)");
    }

    #[test]
    fn what_is_named_like_a_secret_is_masked() {
        let mask = Mask::default();
        for (text, expected) in [
            ("Loading property: s3.secret-key, hunter2\n", "Loading property: s3.secret-key, ******\n"),
            ("--password=hunter2 --user=me", "--password=****** --user=me"),
            ("security.ssl.keystore-password: \"hunter2\" x", "security.ssl.keystore-password: \"******\" x"),
            ("jdbc:x?password=hunter2&user=me", "jdbc:x?password=******&user=me"),
            ("password=", "password="),
            ("a: b, c = d: ü", "a: b, c = d: ü"),
        ] {
            assert_eq!(mask.apply(text), expected);
        }
    }
}
