//! Flink's memory sizes.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, at most 2^63 - 1 like Flink's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MemorySize(pub u64);

/// Units by their names in lower case; the second name of each is the one that is printed.
const UNITS: [(&[&str], u64); 5] = [
    (&["b", "bytes"], 1),
    (&["k", "kb", "kibibytes"], 1 << 10),
    (&["m", "mb", "mebibytes"], 1 << 20),
    (&["g", "gb", "gibibytes"], 1 << 30),
    (&["t", "tb", "tebibytes"], 1 << 40),
];

impl MemorySize {
    /// The largest size.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// What a size looks like, for messages.
    pub const FORM: &'static str =
        "a memory size such as 1728m, 64 kb or 2g (units b, k, m, g, t; bytes without one)";

    /// Whole mebibytes, rounded down.
    pub fn mebibytes(self) -> u64 {
        self.0 >> 20
    }

    /// This many mebibytes.
    pub const fn of_mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }
}

/// A text that is not a memory size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not {form}", form = MemorySize::FORM)]
pub struct NotAMemorySize(pub String);

impl FromStr for MemorySize {
    type Err = NotAMemorySize;

    /// Flink's `MemorySize.parse`: digits, blanks, a unit in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAMemorySize(text.to_owned());
        let (number, unit) = crate::java_number::split_number(text);
        let number: u64 = number.parse().map_err(|_| refused())?;
        let scale = if unit.is_empty() {
            1
        } else {
            let unit = unit.to_lowercase();
            UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).ok_or_else(refused)?.1
        };
        number.checked_mul(scale).map(Self).filter(|size| *size <= Self::MAX).ok_or_else(refused)
    }
}

/// The largest unit that the size is a whole number of, e.g. `1728m` for 1811939328; a text that
/// parses back.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |scale: u64| self.0 >= scale && self.0.is_multiple_of(scale);
        let (names, scale) =
            UNITS.iter().rev().find(|(_, scale)| whole(*scale)).unwrap_or(&UNITS[0]);
        write!(f, "{}{}", self.0 / scale, names[0])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flinks_forms_are_read() {
        for (text, bytes) in
            [("10", 10), ("10b", 10), (" 64 kb ", 65536), ("1KB", 1024), ("3 mb", 3 << 20)]
        {
            assert_eq!(text.parse(), Ok(MemorySize(bytes)), "{text}");
        }
        assert_eq!("1 tebibytes".parse(), Ok(MemorySize(1 << 40)));
    }

    #[test]
    fn other_forms_are_refused_with_what_is_allowed() {
        for text in
            ["", " ", "m", "-1", "+1", "1.5g", "1 x", "８", "99999999999999999999", "8388608t"]
        {
            let error = text.parse::<MemorySize>().unwrap_err().to_string();
            assert!(error.contains("1728m"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes in 0..i64::MAX as u64, shift in 0_u32..41) {
            let size = MemorySize(bytes >> shift << shift.min(22));
            prop_assume!(size <= MemorySize::MAX);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            drop(text.parse::<MemorySize>());
        }
    }
}
