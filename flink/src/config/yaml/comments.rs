//! Comments. They are most of Flink's own file, and our parser reads them one character after the
//! other.

use std::borrow::Cow;

/// The text with nothing in those of its lines that are comments. It stays as it is if a value may
/// have several lines, in quotes or as a block: some of these could look like comments.
pub(super) fn emptied(text: &str) -> Cow<'_, str> {
    let lines = || text.split_inclusive('\n');
    let may_begin_lines =
        |line: &str| before_comment(line).is_none() && line.contains(['"', '\'', '|', '>']);
    if !text.contains('#') || text.contains('\r') || lines().any(may_begin_lines) {
        return Cow::Borrowed(text);
    }
    let mut emptied = String::with_capacity(text.len());
    for line in lines() {
        let Some(blanks) = before_comment(line) else {
            emptied.push_str(line);
            continue;
        };
        emptied.push_str(blanks);
        emptied.push_str(if line.ends_with('\n') { "#\n" } else { "#" });
    }
    Cow::Owned(emptied)
}

/// The blanks before the comment that a line is.
fn before_comment(line: &str) -> Option<&str> {
    let comment = line.trim_start_matches(' ');
    comment.starts_with('#').then(|| &line[..line.len() - comment.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_comments_for_certain_are_emptied() {
        for (text, expected) in [
            ("# a\nb: c # d\n#e\n  # f", "#\nb: c # d\n#\n  #"),
            ("a: b\n# c", "a: b\n#"),
            ("a: |\n# b\n", "a: |\n# b\n"),
            ("a: >-\n# b\n", "a: >-\n# b\n"),
            ("a: 'b\n# c'\n", "a: 'b\n# c'\n"),
            ("a: \"b\n# c\"\n", "a: \"b\n# c\"\n"),
            ("# a\rb: c\n", "# a\rb: c\n"),
            ("# it's \"a\" | >\nb: c\n", "#\nb: c\n"),
            ("", ""),
        ] {
            assert_eq!(emptied(text), expected, "{text:?}");
        }
    }
}
