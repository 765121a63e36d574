//! Tabs, which Flink's parser takes inside values, inside comments and between a plain value and
//! the end of its line, and refuses everywhere else, also where YAML allows them.

use granit_parser::{Event, ScalarStyle, Span};

use super::syntax_error::SyntaxError;

/// What has been looked at of a text whose values come one after the other.
pub(super) struct Tabs<'a> {
    text: &'a str,
    /// Where the last value ended, in bytes.
    seen: usize,
    after_plain: bool,
    /// Without a tab there is nothing to look for.
    any: bool,
}

impl<'a> Tabs<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, seen: 0, after_plain: false, any: text.contains('\t') }
    }

    /// Looks at what stands before this event's value, and in it.
    pub(super) fn check(&mut self, event: &Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let Event::Scalar(_, style, ..) = event else { return Ok(()) };
        let Some(range) = span
            .byte_range()
            .filter(|range| self.any && range.start >= self.seen && !range.is_empty())
        else {
            return Ok(());
        };
        self.between(range.start)?;
        let is_plain = *style == ScalarStyle::Plain;
        if is_plain {
            self.continuations(range.start, range.end)?;
        }
        self.seen = range.end;
        self.after_plain = is_plain;
        Ok(())
    }

    /// Looks at what stands after the last value.
    pub(super) fn check_rest(&mut self) -> Result<(), SyntaxError> {
        if self.any { self.between(self.text.len()) } else { Ok(()) }
    }

    /// From the last value to here there are indicators, blanks and comments.
    fn between(&self, end: usize) -> Result<(), SyntaxError> {
        let Some(gap) = self.text.get(self.seen..end) else { return Ok(()) };
        let mut is_comment = false;
        // What follows a plain value up to the end of its line.
        let mut is_trailing = self.after_plain;
        let mut before = ' ';
        for (at, c) in gap.char_indices() {
            match c {
                '\n' | '\r' => (is_comment, is_trailing) = (false, false),
                '#' if matches!(before, ' ' | '\t' | '\n' | '\r') => is_comment = true,
                '\t' if !is_comment && !is_trailing => return Err(self.refused(self.seen + at)),
                ' ' | '\t' => {}
                _ => is_trailing = false,
            }
            before = c;
        }
        Ok(())
    }

    /// The lines of a plain value after its first begin without a tab.
    fn continuations(&self, start: usize, end: usize) -> Result<(), SyntaxError> {
        let value = self.text.get(start..end).unwrap_or_default();
        let mut begins = false;
        for (at, c) in value.char_indices() {
            match c {
                '\n' | '\r' => begins = true,
                '\t' if begins => return Err(self.refused(start + at)),
                ' ' => {}
                _ => begins = false,
            }
        }
        Ok(())
    }

    fn refused(&self, at: usize) -> SyntaxError {
        let before = self.text.get(..at).unwrap_or_default();
        let breaks = before.matches('\n').count() + before.matches('\r').count()
            - before.matches("\r\n").count();
        SyntaxError { line: 1 + breaks, reason: "a tab where Flink takes only blanks".to_owned() }
    }
}
