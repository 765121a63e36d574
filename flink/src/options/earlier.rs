//! Options whose values earlier Flink lines read as another type: numbers that became durations,
//! choices that grew.

use super::{Bounds, Declaration, Kind};
use crate::version::FlinkVersion;

/// How the lines before one read an option's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Earlier {
    /// The first line that reads it otherwise.
    pub before: (u32, u32),
    /// What the value looked like.
    pub kind: Kind,
    /// The least and the largest value; `None`: those of the kind.
    pub bounds: Option<Bounds>,
    /// What a number counted.
    pub unit: Option<&'static str>,
}

impl Earlier {
    pub(super) const fn before(major: u32, minor: u32, kind: Kind) -> Self {
        Self { before: (major, minor), kind, bounds: None, unit: None }
    }

    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(super) const fn within(mut self, bounds: Bounds) -> Self {
        self.bounds = Some(bounds);
        self
    }
}

impl Declaration {
    /// The option as this Flink reads it; without a version, as the youngest.
    #[must_use]
    pub fn as_read_by(&self, version: Option<FlinkVersion>) -> Self {
        let is_before = |earlier: &&Earlier| {
            version.is_some_and(|version| !version.at_least(earlier.before.0, earlier.before.1))
        };
        match self.earlier.iter().find(is_before) {
            Some(earlier) => {
                Self { kind: earlier.kind, bounds: earlier.bounds, unit: earlier.unit, ..*self }
            }
            None => *self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::all;

    #[test]
    fn the_lines_of_an_option_are_in_order() {
        for option in all() {
            assert!(
                option.earlier.is_sorted_by(|one, next| one.before < next.before),
                "{}",
                option.key
            );
        }
    }
}
