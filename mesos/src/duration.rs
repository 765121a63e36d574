//! Durations as Mesos writes them in flags and in an executor's environment: `15mins`, `2secs`,
//! `500ms`, `1weeks`.
//!
//! The form is that of stout's `duration.hpp`: a decimal number and one of the units below, without
//! a blank.

use std::{fmt, str::FromStr, time::Duration};

/// The units from the largest to the smallest, with their length in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("weeks", 7 * 24 * 3_600_000_000_000),
    ("days", 24 * 3_600_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("mins", 60_000_000_000),
    ("secs", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A duration in Mesos's form: reads it with [`FromStr`], writes it with [`Display`](fmt::Display).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MesosDuration(pub Duration);

/// A text that is no Mesos duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a duration: allowed is a number and one of ns, us, ms, secs, mins, hrs, days, weeks"
)]
pub struct ParseDurationError {
    /// The text as it came.
    pub text: String,
}

impl FromStr for MesosDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDurationError { text: text.to_owned() };
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let (number, unit) = trimmed.split_at(digits);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        let number: f64 = number.parse().map_err(|_| error())?;
        let seconds = number * (*nanoseconds as f64) / 1e9;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| error())
    }
}

/// As Mesos does it: in the largest unit that the duration fills, or in the one below it if only
/// that makes a whole number; with 15 significant digits.
impl fmt::Display for MesosDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let is_whole = |index: usize| nanoseconds.is_multiple_of(u128::from(UNITS[index].1));
        let smallest = UNITS.len() - 1;
        let largest = UNITS
            .iter()
            .position(|(_, length)| nanoseconds >= u128::from(*length))
            .unwrap_or(smallest);
        let below = (largest + 1).min(smallest);
        let (unit, length) =
            UNITS[if !is_whole(largest) && is_whole(below) { below } else { largest }];
        let number = nanoseconds as f64 / length as f64;
        let decimals = 15_usize.saturating_sub(number.trunc().to_string().len());
        let digits = format!("{number:.decimals$}");
        let digits = if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.')
        } else {
            &digits
        };
        write!(f, "{digits}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Duration, ParseDurationError> {
        text.parse::<MesosDuration>().map(|duration| duration.0)
    }

    #[test]
    fn the_forms_that_an_agent_hands_to_executors_are_read() {
        assert_eq!(parse("15mins"), Ok(Duration::from_secs(900)));
        assert_eq!(parse("2secs"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1weeks"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse("1.5hrs"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse("0ns"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_has_no_unit_no_number_or_no_end_is_refused() {
        for text in [
            "",
            "15",
            "mins",
            "15min",
            "15 mins",
            "-2secs",
            "1e400weeks",
            "1.2.3secs",
            "99999999999999999999weeks",
        ] {
            assert_eq!(parse(text), Err(ParseDurationError { text: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_in_the_largest_unit_that_it_fills() {
        let text = |duration| MesosDuration(duration).to_string();
        assert_eq!(text(Duration::from_secs(900)), "15mins");
        assert_eq!(text(Duration::from_secs(5)), "5secs");
        assert_eq!(text(Duration::from_millis(1500)), "1500ms");
        assert_eq!(text(Duration::from_secs(90)), "90secs");
        assert_eq!(text(Duration::from_millis(90_500)), "1.50833333333333mins");
        assert_eq!(text(Duration::from_secs(7 * 86_400)), "1weeks");
        assert_eq!(text(Duration::ZERO), "0ns");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds in 0_u64..10_000_000_000) {
            let duration = Duration::from_millis(milliseconds);
            let back = parse(&MesosDuration(duration).to_string()).unwrap();
            prop_assert!(back.abs_diff(duration) < Duration::from_micros(10), "{back:?}");
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            drop(parse(&text));
        }
    }
}
