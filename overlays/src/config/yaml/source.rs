//! Where Flink's parser is stricter with a file's text than ours, or takes a byte order mark for a character.

use granit_parser::{Event, ScalarStyle, Span};

use super::SyntaxError;

const MARK: char = '\u{feff}';

/// A text whose nodes come one after the other.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Whether a value has come.
    has_begun: bool,
}

/// Refuses characters that cannot be printed.
pub(super) fn refuse_unprintable(text: &str) -> Result<(), SyntaxError> {
    let is_allowed_control = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let refused = |c: char| c.is_control() && !is_allowed_control(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.find(refused) {
        Some(at) => Err(SyntaxError {
            line: 1 + text[..at].matches('\n').count(),
            reason: "a character that cannot be printed: write it as \\u… inside double quotes".to_owned(),
        }),
        None => Ok(()),
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, has_begun: false }
    }

    /// Refuses what Flink's parser refuses. `is_key`: the next node is the key of a mapping.
    pub(super) fn check(&self, event: &Event<'_>, span: Span, is_key: bool) -> Result<(), SyntaxError> {
        let refused = |reason: &str| Err(SyntaxError { line: span.start.line(), reason: reason.to_owned() });
        match event {
            Event::Anchor(..) | Event::Alias(_) => {
                let name = span.slice(self.text).and_then(|name| name.get(1..)).unwrap_or_default();
                if name.contains(['/', '.', '*', '&']) {
                    return refused("the name of an anchor cannot have '/', '.', '*' or '&' in it");
                }
            }
            Event::Scalar(text, ScalarStyle::Plain, 0, None) => {
                if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
                    return refused("a line separator of Unicode: put quotes around the value");
                }
                if is_key && span.is_empty() && self.lacks_key(span) {
                    return refused("expected a key before ':'");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Is this empty node the key of a colon that nothing stands before?
    fn lacks_key(&self, span: Span) -> bool {
        let Some(at) = span.byte_range().map(|range| range.start) else { return false };
        let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
        after.starts_with(':') && !before.trim_end_matches([' ', '\n', '\r']).ends_with('?')
    }

    /// The event, with the byte order mark that the first value begins with when it is not the file's first character.
    pub(super) fn with_mark<'e>(&mut self, event: Event<'e>, span: Span) -> Event<'e> {
        let has_begun = self.has_begun;
        let Event::Scalar(text, style, anchor, tag) = event else { return event };
        self.has_begun = true;
        let start = span.byte_range().map_or(0, |range| range.start);
        let before = self.text.get(..start).unwrap_or_default();
        let is_marked = !has_begun && before.ends_with(MARK) && before.chars().count() > 1;
        // The file's own mark may be there twice.
        if is_marked && style == ScalarStyle::Plain && !before.trim_start_matches(MARK).is_empty() {
            return Event::Scalar(format!("{MARK}{text}").into(), style, anchor, tag);
        }
        Event::Scalar(text, style, anchor, tag)
    }
}
