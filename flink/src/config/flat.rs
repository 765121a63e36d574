//! `flink-conf.yaml`: one `key: value` a line, in Flink's own loose reading, which is not YAML.

use crate::java_number::is_java_blank;

/// A key, its value, and its line counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) number: usize,
}

/// A line that Flink would skip with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) number: usize,
}

/// Reads as Flink does: a carriage return alone ends a line, too, a `#` starts a comment wherever
/// it stands, the first `": "` parts key and value, blanks around both go, quotes stay, and a line
/// with no key or no value is skipped.
pub(super) fn read(text: &str) -> impl Iterator<Item = Result<Line<'_>, Skipped>> {
    let lines = text
        .lines()
        .zip(1..)
        .flat_map(|(line, number)| line.split('\r').map(move |line| (line, number)));
    lines.filter_map(|(line, number)| {
        let line = line.split('#').next().unwrap_or_default();
        if line.trim_matches(is_java_blank).is_empty() {
            return None;
        }
        let trimmed = line.split_once(": ").map(|(key, value)| {
            (key.trim_matches(is_java_blank), value.trim_matches(is_java_blank))
        });
        Some(match trimmed {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok(Line { key, value, number })
            }
            _ => Err(Skipped { number }),
        })
    })
}

/// A line of the file, or why it cannot be one.
pub(super) fn line(key: &str, value: &str) -> Result<String, &'static str> {
    if key.contains(['#', '\n', '\r']) || value.contains(['#', '\n', '\r']) {
        return Err("the format has no way to write '#' or a line break");
    }
    if key.contains(": ") || key.ends_with(':') {
        return Err("the format has no way to write a key with ': '");
    }
    if key.trim_matches(is_java_blank) != key || value.trim_matches(is_java_blank) != value {
        return Err("the format has no way to write blanks at the ends");
    }
    if key.is_empty() || value.is_empty() {
        return Err("the format has no way to write an empty value");
    }
    Ok(format!("{key}: {value}\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(&str, &str)> {
        read(text).filter_map(Result::ok).map(|line| (line.key, line.value)).collect()
    }

    #[test]
    fn lines_are_read_as_flink_reads_them() {
        let text = "# c\na.b : c\n  indented: x\nhash: a#b\ncol: a: b\nquoted: \"x y\"\nurl: hdfs://x:1/y\na:b: c\n";
        let expected = [
            ("a.b", "c"),
            ("indented", "x"),
            ("hash", "a"),
            ("col", "a: b"),
            ("quoted", "\"x y\""),
            ("url", "hdfs://x:1/y"),
            ("a:b", "c"),
        ];
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn lines_end_as_java_has_them_end() {
        let lines: Vec<_> = read("a: b\r\nc: d\re: f\n")
            .map(|line| line.map(|l| (l.key, l.value, l.number)))
            .collect();
        assert_eq!(lines, [Ok(("a", "b", 1)), Ok(("c", "d", 2)), Ok(("e", "f", 2))]);
    }

    #[test]
    fn a_line_without_key_or_value_is_skipped_and_told() {
        let text =
            "nocolon\nnovalue:\nnospace:x\nempty: \n: nokey\ntab:\tx\n\n   \n# only a comment\n";
        let skipped: Vec<usize> =
            read(text).filter_map(Result::err).map(|skipped| skipped.number).collect();
        assert_eq!(skipped, [1, 2, 3, 4, 5, 6]);
        assert!(pairs(text).is_empty());
    }

    proptest! {
        #[test]
        fn a_line_that_can_be_written_is_read_back(key in "[a-z:# .]{1,8}", value in ".{0,12}") {
            if let Ok(text) = line(&key, &value) {
                prop_assert_eq!(pairs(&text), [(key.as_str(), value.as_str())]);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            prop_assert!(read(&text).count() <= text.split(['\n', '\r']).count());
        }
    }
}
