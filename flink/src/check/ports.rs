//! Flink's notation for ports to choose from: `50100`, `50100-50200`, or several of these separated
//! by commas.

use crate::version::FlinkVersion;

const FORM: &str =
    "a port from 0 to 65535, or ports to choose from, such as 50100-50200 or 50100-50200,50300";

/// The mistake in this text, as Flink's `NetUtils.getPortRangeFromString` reads it.
pub(super) fn problem(text: &str, version: Option<FlinkVersion>) -> Option<String> {
    // Flink 1.18 accepts a range of one port.
    let accepts_one = version.is_some_and(|version| !version.at_least(1, 19));
    let is_right = |part: &str| match trimmed(part).split_once('-') {
        Some((first, last)) => match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => first < last || first == last && accepts_one,
            _ => false,
        },
        None => trimmed(part).parse::<u16>().is_ok(),
    };
    // Java's `split` drops empty parts at the end.
    (!trimmed(text).trim_end_matches(',').split(',').all(is_right))
        .then(|| format!("'{text}' is not {FORM}"))
}

/// As Java's `trim` does it.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}
