//! Where Flink's parser is stricter with a file's text than ours, or takes a byte order mark for a
//! character.

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::syntax_error::SyntaxError;

const MARK: char = '\u{feff}';

/// A text whose nodes come one after the other.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Whether a value has come.
    has_begun: bool,
    /// For each collection that is open: does it stand in brackets or braces?
    is_flow: Vec<bool>,
}

/// Refuses characters that cannot be printed.
pub(super) fn refuse_unprintable(text: &str) -> Result<(), SyntaxError> {
    // Nearly every file has only such bytes, and looking at all of them at once takes a tenth of
    // the time.
    let is_usual = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    if text.bytes().fold(true, |all, byte| all & is_usual(byte)) {
        return Ok(());
    }
    let is_allowed_control = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let refused =
        |c: char| c.is_control() && !is_allowed_control(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.find(refused) {
        Some(at) => Err(SyntaxError {
            line: 1 + text[..at].matches('\n').count(),
            reason: "a character that cannot be printed: write it as \\u… inside double quotes"
                .to_owned(),
        }),
        None => Ok(()),
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, has_begun: false, is_flow: Vec::new() }
    }

    /// Refuses what Flink's parser refuses. `is_key`: the next node is the key of a mapping.
    pub(super) fn check(
        &mut self,
        event: &Event<'_>,
        span: Span,
        is_key: bool,
    ) -> Result<(), SyntaxError> {
        let refused =
            |reason: &str| Err(SyntaxError { line: span.start.line(), reason: reason.to_owned() });
        match event {
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                self.is_flow.push(*style == StructureStyle::Flow);
            }
            Event::SequenceEnd | Event::MappingEnd => drop(self.is_flow.pop()),
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
                if self.is_flow.last() == Some(&true) && text.starts_with(':') {
                    return refused(
                        "a value in brackets that begins with ':': put quotes around it",
                    );
                }
            }
            _ => {}
        }
        let style = if let Event::Scalar(_, style, ..) = event { Some(*style) } else { None };
        let can_be_simple =
            style.is_some_and(|style| !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded));
        if is_key && can_be_simple && !self.is_on_one_line(span) && !self.is_explicit(span) {
            return refused("a key and its colon must be on one line");
        }
        Ok(())
    }

    /// Is this key on one line with the colon behind it, if there is one?
    fn is_on_one_line(&self, span: Span) -> bool {
        let end = span.byte_range().map_or(self.text.len(), |range| range.end);
        let after = self.text.get(end..).unwrap_or_default();
        let next = after.trim_start_matches([' ', '\n', '\r']);
        let blanks = &after[..after.len() - next.len()];
        span.start.line() == span.end.line()
            && !(next.starts_with(':') && blanks.contains(['\n', '\r']))
    }

    /// Does a question mark stand before this key?
    fn is_explicit(&self, span: Span) -> bool {
        let at = span.byte_range().map_or(0, |range| range.start);
        let before = self.text.get(..at).unwrap_or_default();
        before.trim_end_matches([' ', '\n', '\r']).ends_with('?')
    }

    /// Is this empty node the key of a colon that nothing stands before?
    fn lacks_key(&self, span: Span) -> bool {
        let Some(at) = span.byte_range().map(|range| range.start) else { return false };
        let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
        after.starts_with(':') && !before.trim_end_matches([' ', '\n', '\r']).ends_with('?')
    }

    /// The event, with the byte order mark that the first value begins with when it is not the
    /// file's first character.
    pub(super) fn with_mark<'e>(&mut self, event: Event<'e>, span: Span) -> Event<'e> {
        if self.has_begun {
            return event;
        }
        let Event::Scalar(text, style, anchor, tag) = event else { return event };
        self.has_begun = true;
        let start = span.byte_range().map_or(0, |range| range.start);
        let before = self.text.get(..start).unwrap_or_default();
        let is_marked = before.ends_with(MARK) && before.chars().count() > 1;
        // The file's own mark may be there twice.
        if is_marked && style == ScalarStyle::Plain && !before.trim_start_matches(MARK).is_empty() {
            return Event::Scalar(format!("{MARK}{text}").into(), style, anchor, tag);
        }
        Event::Scalar(text, style, anchor, tag)
    }
}
