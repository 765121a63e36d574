//! Flink's durations: `10 s`, `5min`, a bare number of milliseconds, and ISO-8601 as Java reads it.

use std::time::Duration;

use crate::java_number::{is_java_blank, split_number};
use crate::version::FlinkVersion;

/// What durations look like, for messages.
const FORM: &str = "a duration such as 10 s, 5min, 500 ms or PT1M (milliseconds without a unit)";
const OLD_FORM: &str = "a duration such as 10 s, 5min or 500 ms (milliseconds without a unit; PT1M only from Flink 2.1 on)";

const DAY: u128 = 24 * HOUR;
const HOUR: u128 = 60 * MINUTE;
const MINUTE: u128 = 60 * SECOND;
const SECOND: u128 = 1_000_000_000;

/// `TimeUtils.parseDuration` of a Flink release.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    /// ISO-8601, and numbers beyond 64 bits: from 2.1 on.
    is_new: bool,
}

impl Reader {
    /// That of this version; without one the youngest.
    pub(super) fn of(version: Option<FlinkVersion>) -> Self {
        Self { is_new: version.is_none_or(|version| version.at_least(2, 1)) }
    }

    /// What a duration looks like.
    pub(super) fn form(self) -> &'static str {
        if self.is_new { FORM } else { OLD_FORM }
    }

    /// The duration; `None` for what this Flink refuses.
    pub(super) fn parse(self, text: &str) -> Option<Duration> {
        let (number, unit) = split_number(text);
        let nanos = match number {
            "" if self.is_new => iso_nanos(text.trim_matches(is_java_blank))?,
            "" => return None,
            _ if !self.is_new && number.parse::<i64>().is_err() => return None,
            _ => number.parse::<u128>().ok()?.checked_mul(unit_nanos(&unit.to_lowercase())?)?,
        };
        // Java counts seconds in 64 bits with a sign.
        let seconds = u64::try_from(i64::try_from(nanos / SECOND).ok()?).ok()?;
        Some(Duration::new(seconds, (nanos % SECOND) as u32))
    }
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "d" | "day" | "days" => DAY,
        "h" | "hour" | "hours" => HOUR,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        _ => return None,
    })
}

/// `java.time.Duration.parse`, e.g. `P1DT2H`, `pt-0.5s`; negative totals are refused, since no
/// option takes one.
fn iso_nanos(text: &str) -> Option<u128> {
    let text = text.to_ascii_uppercase();
    let (negative, rest) = signed(&text);
    let (date, time) = match rest.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    total = total.checked_add(parts(date, &[('D', DAY)])?)?;
    total = total.checked_add(parts(time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)])?)?;
    u128::try_from(if negative { -total } else { total }).ok()
}

/// Numbers each followed by one of the units, in the units' order.
fn parts(mut text: &str, units: &[(char, u128)]) -> Option<i128> {
    let mut total = 0_i128;
    for (unit, nanos) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        let (negative, number) = signed(number);
        let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
        if !fraction.is_empty() && (*unit != 'S' || fraction.len() > 9)
            || !digits(whole)
            || !digits(&format!("{fraction}0"))
        {
            return None;
        }
        let whole =
            i128::from(whole.parse::<i64>().ok()?).checked_mul(i128::try_from(*nanos).ok()?)?;
        let value = whole.checked_add(format!("{fraction:0<9}").parse::<i128>().ok()?)?;
        total = total.checked_add(if negative { -value } else { value })?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse_duration(text: &str) -> Option<Duration> {
        Reader::of(None).parse(text)
    }

    #[test]
    fn flinks_forms_are_read() {
        for (text, millis) in [
            ("10", 10),
            ("10 s", 10_000),
            (" 7 min ", 420_000),
            ("1 m", 60_000),
            ("10 MIN", 600_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("5 µs"), Some(Duration::from_micros(5)));
        assert_eq!(parse_duration("2 days"), Some(Duration::from_secs(172_800)));
    }

    #[test]
    fn iso_durations_are_read_as_java_reads_them() {
        for (text, millis) in
            [("PT1M", 60_000), ("pt1.5s", 1500), ("P1D", 86_400_000), ("P1DT-1H", 82_800_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["P", "PT", "PT1", "P1DT", "PT-1S", "P1H", "PT1S1M", "PT1.5M"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn flink_before_2_1_reads_no_iso_duration_and_no_number_beyond_64_bits() {
        for (version, reads) in
            [((1, 18), false), ((1, 20), false), ((2, 0), false), ((2, 1), true), ((2, 3), true)]
        {
            let reader =
                Reader::of(Some(FlinkVersion { major: version.0, minor: version.1, patch: 0 }));
            for text in ["PT5M", "pt5m", "P1D", "9223372036854775808 ns"] {
                assert_eq!(reader.parse(text).is_some(), reads, "{version:?} {text}");
            }
            assert!(
                reader.parse("5 min").is_some() && reader.form().contains("2.1") != reads,
                "{version:?}"
            );
        }
    }

    #[test]
    fn what_java_cannot_hold_in_seconds_is_refused() {
        for (text, good) in [
            ("106751991167300 d", true),
            ("106751991167301 d", false),
            ("9223372036854775807 s", true),
            ("9223372036854775808 s", false),
        ] {
            assert_eq!(parse_duration(text).is_some(), good, "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            " ",
            "-1",
            "+5 s",
            "1.5 s",
            "5 us",
            "1 weeks",
            "99999999999999999999999999999999999999 d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, iso in "[PpTt0-9.,DHMSdhms+-]{0,16}") {
            parse_duration(&text);
            parse_duration(&iso);
        }
    }
}
