//! The size of a message as Pekko reads it: Flink writes the text into Pekko's own configuration,
//! whose numbers and units are not those of Flink's memory sizes.

use std::ops::RangeInclusive;

const FORM: &str =
    "a size from 32000 to 2147483647 bytes in Pekko's units, such as 10485760b, 10 MB or 10 MiB";
const BYTES: RangeInclusive<f64> = 32000.0..=2_147_483_647.0;

/// Beginnings of units, for powers of 1000 and of 1024.
const PREFIXES: [(&str, &str); 8] = [
    ("kilo", "kibi"),
    ("mega", "mebi"),
    ("giga", "gibi"),
    ("tera", "tebi"),
    ("peta", "pebi"),
    ("exa", "exbi"),
    ("zetta", "zebi"),
    ("yotta", "yobi"),
];

/// The mistake in this text.
pub(super) fn problem(text: &str) -> Option<String> {
    let is_right = bytes(text).is_some_and(|bytes| BYTES.contains(&bytes.trunc()));
    (!is_right).then(|| format!("'{text}' is not {FORM}"))
}

/// A number and a unit, maybe in quotation marks. Text that ends the value in Pekko's configuration
/// is in neither.
fn bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.map_or(text, str::trim);
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let (number, gap) = number.split_at(number.trim_end().len());
    let is_number =
        number.starts_with(|c: char| c.is_ascii_digit() || c == '.') && !gap.contains(['\n', '\r']);
    if is_number { Some(number.parse::<f64>().ok()? * factor(unit)?) } else { None }
}

/// How many bytes the unit has.
fn factor(unit: &str) -> Option<f64> {
    if matches!(unit, "" | "b" | "B" | "byte" | "bytes") {
        return Some(1.0);
    }
    (1..).zip(PREFIXES).find_map(|(power, (decimal, binary))| {
        let first = &decimal[..1];
        let upper = first.to_uppercase();
        let is_long =
            |prefix| unit.strip_prefix(prefix).is_some_and(|rest| matches!(rest, "byte" | "bytes"));
        let is_decimal = unit == if power == 1 { "kB".to_owned() } else { format!("{upper}B") };
        let is_binary = unit == first
            || unit.strip_prefix(&upper).is_some_and(|rest| matches!(rest, "" | "i" | "iB"));
        if is_decimal || is_long(decimal) {
            Some(1000_f64.powi(power))
        } else {
            (is_binary || is_long(binary)).then(|| 1024_f64.powi(power))
        }
    })
}
