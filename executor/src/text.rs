//! Make text from jobs, users and files safe to print: it may contain sequences that a terminal
//! obeys.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

use common::text::is_harmful;

/// The text with its control characters escaped, except tabs and line ends.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| is_harmful(letter) && !matches!(letter, '\n' | '\t'))
}

/// The text in one line, with all control characters escaped: for names, paths and ids.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_harmful)
}

fn escaped(text: &str, harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if harmful(letter) { safe.extend(letter.escape_default()) } else { safe.push(letter) }
    }
    Cow::Owned(safe)
}

/// A JSON document with such characters escaped. Only its strings can contain them, because JSON
/// allows them unescaped from U+007F on.
pub(crate) fn json(document: &str) -> Cow<'_, str> {
    let harmful = |letter: char| is_harmful(letter) && letter > '\u{7e}';
    if !document.contains(harmful) {
        return Cow::Borrowed(document);
    }
    let mut safe = String::with_capacity(document.len() + 16);
    for letter in document.chars() {
        if harmful(letter) {
            // All such characters are below U+10000. Writing to a string cannot fail.
            write!(safe, "\\u{:04x}", u32::from(letter)).ok();
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

/// Writes text escaped as by [`lines`], and bytes that are not UTF-8 as `\xff`. A character may
/// arrive in pieces.
#[derive(Debug)]
pub(crate) struct Escaping<W> {
    out: W,
    /// The beginning of a character: three bytes at most.
    rest: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, rest: Vec::new() }
    }

    /// Writes the bytes of an incomplete character at the end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.rest);
        write_escaped(&mut self.out, &rest)?;
        self.out.flush()
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let whole = all.len() - unfinished(&all);
        write_escaped(&mut self.out, &all[..whole])?;
        self.rest = all.split_off(whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many bytes at the end may be the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        Ok(_) => 0,
        // There is an error earlier in the text; only the last bytes matter.
        Err(_) => {
            let tail = &bytes[bytes.len().saturating_sub(3)..];
            (1..=tail.len())
                .rev()
                .find(|count| is_beginning(&tail[tail.len() - count..]))
                .unwrap_or(0)
        }
    }
}

fn is_beginning(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}

fn write_escaped(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.utf8_chunks() {
        out.write_all(lines(chunk.valid()).as_bytes())?;
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown_instead_of_obeyed() {
        assert_eq!(lines("a\u{1b}]0;x\u{7}\tb\nc\r"), "a\\u{1b}]0;x\\u{7}\tb\nc\\r");
        assert_eq!(line("a\nFAKE LINE\u{9b}1m"), "a\\nFAKE LINE\\u{9b}1m");
        assert_eq!(line("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
        assert!(matches!(lines("Grüße, 世界\n"), Cow::Borrowed(_)));
        let document = serde_json::to_string("\u{1b}[1m\u{9b}1m\u{7f}").unwrap();
        assert_eq!(json(&document), "\"\\u001b[1m\\u009b1m\\u007f\"");
        assert_eq!(
            serde_json::from_str::<String>(&json(&document)).unwrap(),
            "\u{1b}[1m\u{9b}1m\u{7f}"
        );
    }

    fn written(pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut escaping = Escaping::new(&mut out);
        for piece in pieces {
            escaping.write_all(piece).unwrap();
        }
        escaping.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_character_may_come_in_pieces_and_an_incomplete_one_is_shown_as_bytes() {
        assert_eq!(written(&["世".as_bytes().split_at(1).0, "世".as_bytes().split_at(1).1]), "世");
        assert_eq!(written(&[b"\xff\xe4\xb8", b"\x96"]), "\\xff世");
        assert_eq!(written(&[b"a\xe4\xb8"]), "a\\xe4\\xb8");
        assert_eq!(written(&[b"\x9b1m"]), "\\x9b1m");
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(13), ..ProptestConfig::default() })]
        #[test]
        fn no_control_character_gets_through_however_it_is_cut(bytes: Vec<u8>, cuts in prop::collection::vec(1_usize..5, 1..20)) {
            let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
            for cut in cuts.iter().cycle() {
                let (piece, others) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            let text = written(&pieces);
            prop_assert!(!text.contains(|letter| is_harmful(letter) && !matches!(letter, '\n' | '\t')));
            prop_assert_eq!(text, written(&[bytes.as_slice()]));
        }
    }
}
