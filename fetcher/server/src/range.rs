//! Byte ranges of RFC 9110 §14: a single range is supported; several get the whole file.

use std::ops::Range;

/// The part of a file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Bytes(Range<u64>),
    /// The range begins after the end.
    Unsatisfiable,
}

/// The part that the header `value` requests. An invalid value is ignored, as the RFC requires.
pub(crate) fn part(value: Option<&str>, size: u64) -> Part {
    let Some(spec) = value.and_then(|value| value.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Part::Whole };
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        return match number(last) {
            Some(0) => Part::Unsatisfiable,
            Some(_) if size == 0 => Part::Unsatisfiable,
            Some(count) => Part::Bytes(size.saturating_sub(count)..size),
            None => Part::Whole,
        };
    }
    let (Some(first), Some(last)) =
        (number(first), if last.is_empty() { Some(u64::MAX) } else { number(last) })
    else {
        return Part::Whole;
    };
    if last < first {
        Part::Whole
    } else if first >= size {
        Part::Unsatisfiable
    } else {
        Part::Bytes(first..last.saturating_add(1).min(size))
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large to parse is larger than every file.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_a_single_range_is_supported() {
        for (value, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=2-99", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-30", Part::Bytes(0..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=99999999999999999999-", Part::Unsatisfiable),
        ] {
            assert_eq!(part(Some(value), 10), expected, "{value}");
        }
    }

    #[test]
    fn anything_but_a_single_range_gets_the_whole_file() {
        for value in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=+1-2",
        ] {
            assert_eq!(part(Some(value), 10), Part::Whole, "{value}");
        }
        assert_eq!(part(None, 10), Part::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_beyond_the_end(value in "bytes=[0-9]{0,3}-[0-9]{0,3}", size in 0u64..300) {
            if let Part::Bytes(range) = part(Some(&value), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
