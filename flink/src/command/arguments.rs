//! Option texts as a shell would split them into arguments, without a shell: nothing is ever run.
//!
//! Flink's scripts have a shell evaluate such a text and then split it at blanks once more. Here
//! blanks inside of quotes stay. Where the scripts would lose all options in silence, run a piece
//! of the text or replace it by names of files, the text is refused.

use std::iter::Peekable;
use std::str::Chars;

use crate::config::Configuration;

/// More than the kernel takes as arguments of a program, in bytes.
const MOST_BYTES: usize = 2 << 20;

/// What may stand in such a text, for messages.
const ALLOWED: &str = "allowed are options between blanks, quotes '…' and \"…\" around other special characters, \\ before one, $NAME and ${NAME}";

/// Splits at blanks outside of quotes. `'…'` is literal; `"…"` keeps blanks; a backslash takes the
/// next character as it is; `$NAME` and `${NAME}` become what `lookup` says, or nothing. The error
/// names the word and what is allowed.
pub(crate) fn split(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let text = text.trim();
    let inner = unwrapped(text);
    // Quotes around one option that needs them are no quotes around all.
    split_unwrapped(inner, lookup)
        .or_else(|error| if inner == text { Err(error) } else { split_unwrapped(text, lookup) })
}

fn split_unwrapped(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let mut arguments = Vec::new();
    let mut bytes = 0;
    let mut characters = text.chars().peekable();
    while characters.peek().is_some() {
        while characters.next_if(char::is_ascii_whitespace).is_some() {}
        if characters.peek().is_none() {
            break;
        }
        let start: String =
            characters.clone().take_while(|c| !c.is_ascii_whitespace()).take(100).collect();
        let number = arguments.len() + 1;
        let refused =
            |reason: &str| Err(format!("{}: {reason}; {ALLOWED}", shown(&start, number, text)));
        match word(&mut characters, lookup) {
            Ok(word) => {
                bytes += word.len() + 1;
                if bytes > MOST_BYTES {
                    return refused(TOO_LONG);
                }
                arguments.push(word);
            }
            Err(reason) => return refused(reason),
        }
    }
    Ok(arguments)
}

/// The start of a word as messages show it: without a value that is a secret. Where the whole text
/// has one, each word may be a part of it.
fn shown(word: &str, number: usize, text: &str) -> String {
    match word.split_once('=') {
        Some((name, _)) if Configuration::is_secret(name) => format!("'{name}=…'"),
        _ if Configuration::holds_secret("", text) => format!("option {number}"),
        _ => format!("'{}'", Configuration::shown("", word)),
    }
}

/// The next word, up to a blank outside of quotes.
fn word(
    characters: &mut Peekable<Chars<'_>>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, &'static str> {
    let mut word = String::new();
    let is_option = characters.peek() == Some(&'-');
    let mut braces = Braces::default();
    while let Some(c) = characters.next_if(|c| !c.is_ascii_whitespace()) {
        match c {
            '\'' => single_quoted(characters, &mut word)?,
            '"' => double_quoted(characters, &mut word, lookup)?,
            '\\' => word.extend(characters.next()),
            '$' => variable(characters, &mut word, lookup)?,
            '`' => return Err(NO_COMMANDS),
            ';' | '&' | '|' => {
                return Err(
                    "Flink's scripts would take what follows ';', '&' or '|' for a command",
                );
            }
            '(' | ')' | '<' | '>' => {
                return Err("Flink's scripts would lose all options for '(', ')', '<' or '>'");
            }
            // A name of a file never begins like an option, so that in options these stand for
            // themselves.
            '*' | '?' | '[' if !is_option => {
                return Err("Flink's scripts would put names of files here");
            }
            c if braces.expand(c) => {
                return Err("Flink's scripts would make several arguments of {…,…} or {…..…}");
            }
            c => word.push(c),
        }
        if word.len() > MOST_BYTES {
            return Err(TOO_LONG);
        }
    }
    Ok(word)
}

/// What a shell looks for in a word to make several of it.
#[derive(Default)]
struct Braces {
    is_open: bool,
    has_parts: bool,
    after_dot: bool,
}

impl Braces {
    /// Looks at the next character outside of quotes; is there a whole `{…,…}` now?
    fn expand(&mut self, c: char) -> bool {
        let after_dot = std::mem::replace(&mut self.after_dot, c == '.');
        match c {
            '{' => (self.is_open, self.has_parts) = (true, false),
            ',' => self.has_parts = self.is_open,
            '.' if after_dot => self.has_parts = self.is_open,
            '}' => return std::mem::take(&mut self.is_open) && self.has_parts,
            _ => {}
        }
        false
    }
}

const NO_COMMANDS: &str = "commands in backticks or $(…) are not run";
const NOT_CLOSED: &str = "a quote is not closed: Flink's scripts would lose all options";
const TOO_LONG: &str = "longer than the arguments of a program may be (2 MB)";

/// Quotes around the whole text are from the old file format, where they mean nothing.
fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

fn single_quoted(
    characters: &mut Peekable<Chars<'_>>,
    word: &mut String,
) -> Result<(), &'static str> {
    for c in characters {
        if c == '\'' {
            return Ok(());
        }
        word.push(c);
    }
    Err(NOT_CLOSED)
}

fn double_quoted(
    characters: &mut Peekable<Chars<'_>>,
    word: &mut String,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(), &'static str> {
    while let Some(c) = characters.next() {
        match c {
            '"' => return Ok(()),
            '$' => variable(characters, word, lookup)?,
            '`' => return Err(NO_COMMANDS),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                other => word.extend(['\\'].into_iter().chain(other)),
            },
            c => word.push(c),
        }
    }
    Err(NOT_CLOSED)
}

/// What follows a `$`. A name that is not set is nothing; a `$` before anything else is itself.
fn variable(
    characters: &mut Peekable<Chars<'_>>,
    word: &mut String,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(), &'static str> {
    let braced = match characters.peek() {
        Some('(') => return Err(NO_COMMANDS),
        Some('\'' | '"' | '$' | '@' | '*' | '#' | '?' | '!' | '-' | '0'..='9') => {
            return Err("only $NAME and ${NAME} are replaced, not the other expansions of a shell");
        }
        Some('{') => characters.next().is_some(),
        _ => false,
    };
    let mut name = String::new();
    while let Some(c) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    if braced && (characters.next() != Some('}') || name.is_empty()) {
        return Err("a variable is not of the form ${NAME}");
    }
    if name.is_empty() {
        word.push('$');
    } else {
        word.push_str(&lookup(&name).unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
