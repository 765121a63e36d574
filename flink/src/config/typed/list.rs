//! Flink's lists: a YAML sequence, or parts between semicolons.

use super::super::yaml;
use crate::java_number::is_java_blank;

/// What a list looks like, for messages.
pub(super) const FORM: &str =
    "a list such as [a, b] or a;b, with quotes around parts that hold a semicolon";

/// Parts without blanks around them; `None` when quotes do not pair up. Without `yaml` they only
/// stand between semicolons.
pub(super) fn parse_list(text: &str, yaml: bool) -> Option<Vec<String>> {
    let sequence = if yaml { yaml::list(text) } else { None };
    sequence.or_else(|| split(text, ';'))
}

/// Flink's `StructuredOptionsSplitter`: parts between delimiters; a part may be quoted with `'` or
/// `"`, a doubled quote inside stands for itself. Two delimiters in a row have an empty part
/// between them; one at an end has none beside it.
pub(super) fn split(text: &str, delimiter: char) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_java_blank);
    let mut after_delimiter = false;
    while let Some(first) = rest.chars().next() {
        if first == delimiter {
            if after_delimiter {
                parts.push(String::new());
            }
            rest = rest.split_at(delimiter.len_utf8()).1;
        } else if first == '\'' || first == '"' {
            let (part, after) = quoted(rest, first)?;
            let after = after.trim_start_matches(is_java_blank);
            if !after.is_empty() && !after.starts_with(delimiter) {
                return None;
            }
            parts.push(part);
            rest = after;
        } else {
            let (part, after) = rest.split_at(rest.find(delimiter).unwrap_or(rest.len()));
            parts.push(part.trim_end_matches(is_java_blank).to_owned());
            rest = after;
        }
        after_delimiter = first == delimiter;
        rest = rest.trim_start_matches(is_java_blank);
    }
    Some(parts)
}

/// A quoted part at the start of `text`, and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text.strip_prefix(quote)?;
    loop {
        let (before, after) = rest.split_once(quote)?;
        part.push_str(before);
        match after.strip_prefix(quote) {
            Some(more) => {
                part.push(quote);
                rest = more;
            }
            None => return Some((part, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_stand_between_semicolons_or_in_a_yaml_sequence() {
        for text in ["a;b", "a; b", " a ; b ", "[a, b]", "['a', \"b\"]", "- a\n- b", "a;", "a;b;"] {
            let expected: &[&str] = if text == "a;" { &["a"] } else { &["a", "b"] };
            assert_eq!(parse_list(text, true).unwrap(), expected, "{text}");
        }
        assert_eq!(parse_list("a,b", true).unwrap(), ["a,b"]);
        assert_eq!(parse_list("[a", true).unwrap(), ["[a"]);
        assert_eq!(parse_list("", true).unwrap(), [""; 0]);
    }

    #[test]
    fn without_yaml_brackets_are_letters() {
        assert_eq!(parse_list("[a, b]", false).unwrap(), ["[a, b]"]);
        assert_eq!(parse_list("- a;b", false).unwrap(), ["- a", "b"]);
    }

    #[test]
    fn a_quoted_part_may_hold_a_semicolon_and_doubled_quotes() {
        assert_eq!(parse_list("a;'b;c';d", true).unwrap(), ["a", "b;c", "d"]);
        assert_eq!(parse_list("'a''b';c", true).unwrap(), ["a'b", "c"]);
        assert!(parse_list("'a", true).is_none() && parse_list("'a'b;c", true).is_none());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, quotes in "[a;'\" \\[\\]]{0,12}") {
            drop((parse_list(&text, true), parse_list(&quotes, true)));
        }
    }
}
