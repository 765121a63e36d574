//! Option texts as a shell would split them into words, without a shell: nothing is ever run.

use std::iter::Peekable;
use std::str::Chars;

/// Splits at blanks outside of quotes. `'…'` is literal; `"…"` keeps blanks; a backslash takes the next character as
/// it is;
/// `$NAME` and `${NAME}` become what `lookup` says, or nothing.
pub(super) fn split(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = unwrapped(text.trim()).chars().peekable();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\'' => single_quoted(&mut characters, word)?,
            '"' => double_quoted(&mut characters, word, lookup)?,
            '\\' => word.extend(characters.next()),
            '$' => variable(&mut characters, word, lookup)?,
            '`' => return Err(NO_COMMANDS),
            c => word.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

const NO_COMMANDS: &str = "commands in backticks or $(…) are not run";
const NOT_CLOSED: &str = "a quote is not closed";

/// Quotes around the whole text are from the old file format, where they mean nothing.
fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

fn single_quoted(characters: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), &'static str> {
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
        Some('{') => characters.next().is_some(),
        _ => false,
    };
    let mut name = String::new();
    while let Some(c) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    if braced && characters.next() != Some('}') {
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Result<Vec<String>, &'static str> {
        split(text, &|name| (name == "DIR").then(|| "/my dir".to_owned()))
    }

    #[test]
    fn words_stand_between_blanks_outside_of_quotes() {
        for (text, expected) in [
            ("-Da=b  -Dc=d\n", vec!["-Da=b", "-Dc=d"]),
            ("-Da='b c' \"-Dd=e f\"", vec!["-Da=b c", "-Dd=e f"]),
            ("\"-Da=b -Dc=d\"", vec!["-Da=b", "-Dc=d"]),
            ("-Da=b\\ c", vec!["-Da=b c"]),
            ("-Dp='$x;`rm`' ''", vec!["-Dp=$x;`rm`", ""]),
            ("-Dq=\"\\\"x\\\" \\n\"", vec!["-Dq=\"x\" \\n"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn variables_are_replaced_and_never_split() {
        assert_eq!(
            words("-Da=$DIR/x -Db=\"${DIR}\" -Dc=$NONE-Dd=100$").unwrap(),
            ["-Da=/my dir/x", "-Db=/my dir", "-Dc=-Dd=100$"]
        );
    }

    #[test]
    fn commands_and_open_quotes_are_refused() {
        for text in ["`id`", "$(id)", "\"$(id) \"", "'a", "\"a", "${a", "${a:-b}"] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_single_quoted_text_stays_whole(text in "[^']{0,20}") {
            prop_assert_eq!(words(&format!("x '{text}'")).unwrap(), ["x".to_owned(), text]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[$'\"{}()`\\\\ a]{0,16}") {
            words(&text).ok();
        }
    }
}
