//! Releases of Flink.

use std::fmt;
use std::str::FromStr;

/// A Flink release, e.g. 1.20.5. Suffixes such as `-SNAPSHOT` are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlinkVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number; 0 when the name has none.
    pub patch: u32,
}

/// A text that is not a Flink version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a Flink version: expected numbers like 1.20.5")]
pub struct NotAVersion(pub String);

impl FlinkVersion {
    /// The oldest release that this project runs.
    pub const OLDEST: Self = Self { major: 1, minor: 18, patch: 0 };

    /// Is this release of the line `major.minor`, or younger?
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl FromStr for FlinkVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAVersion(text.to_owned());
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let mut parts = numbers.split('.').map(str::parse);
        let mut next = || parts.next().transpose().map_err(|_| refused());
        let (Some(major), Some(minor), patch) = (next()?, next()?, next()?) else {
            return Err(refused());
        };
        if next()?.is_some() {
            return Err(refused());
        }
        Ok(Self { major, minor, patch: patch.unwrap_or(0) })
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_and_other_texts_are_none() {
        let version = |text: &str| text.parse::<FlinkVersion>();
        assert!(version("1.9").unwrap() < version("1.18.1").unwrap());
        assert!(
            version("2.0.0").unwrap().at_least(1, 20) && !version("1.20.5").unwrap().at_least(2, 0)
        );
        for text in ["", "1", "x.y", "1.2.3.4", "1..2"] {
            assert!(version(text).is_err(), "{text}");
        }
    }
}
