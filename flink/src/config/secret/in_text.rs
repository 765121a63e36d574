//! Values inside of a text that have the name of a secret: in a JVM option, JAAS, JSON, YAML, one
//! of Flink's maps, or the arguments of a program.

use std::borrow::Cow;

use super::names::{ends_as_secret, is_part_of_name, is_signature, is_variable, may_have_name};
use super::ordinary::{is_secret_value, names_secret};
use super::{beginning, other_flags, references};

/// The text with `hidden` for the value in `name=value`, such as
/// `-Djavax.net.ssl.keyStorePassword=…`, in `name = "value"`, as JAAS has it, in `"name": "value"`,
/// `name:value` and `--name value`, if the name is that of a secret, for `user:password` behind a
/// flag such as `-u`, and for the signature in a query.
pub(super) fn without_named<'a>(text: &'a str, hidden: &str) -> Cow<'a, str> {
    if !may_have_secret(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find(is_separator).map(|found| from + found) {
        let (separator, after) = text[at..].split_at(1);
        from = at + 1;
        let Some(name) = Name::before(&text[..at], done, separator) else { continue };
        let value = after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '>'));
        if !name.hides(after, value) {
            continue;
        }
        let start = text.len() - value.len();
        let end = if value.starts_with(hidden) { hidden.len() } else { name.end_of(after, value) };
        shown.push_str(&text[done..start]);
        shown.push_str(if end > 0 { hidden } else { "" });
        done = start + end;
        from = done.max(from);
    }
    shown.push_str(&text[done..]);
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// May there be the name of a secret, a login or a signature in this text?
pub(super) fn may_have_secret(text: &str) -> bool {
    may_have_login(text) || may_be_signed(text) || may_have_name(text)
}

/// May there be a flag that a user with a password follows in this text? All have an `u` in their
/// names, or are `--login`.
fn may_have_login(text: &str) -> bool {
    // What follows is looked at once for each word only.
    let may_be_flag = |(at, _): (usize, &str)| {
        let flag = || text[at..].split(|c| !is_part_of_name(c)).next().unwrap_or_default();
        let is_login =
            |flag: &str| flag.contains(['u', 'U']) || flag.to_ascii_lowercase().contains("login");
        !text[..at].ends_with(is_part_of_name) && is_login(flag())
    };
    text.contains(':') && text.match_indices('-').any(may_be_flag)
}

/// May there be a query with a signature in this text?
fn may_be_signed(text: &str) -> bool {
    let is_signature = |part: &[u8]| part.eq_ignore_ascii_case(b"sig");
    text.contains('=')
        && (text.contains('&') || text.contains('?'))
        && text.as_bytes().windows("sig".len()).any(is_signature)
}

fn is_separator(c: char) -> bool {
    matches!(c, '=' | ':' | ',' | ';') || c.is_ascii_whitespace()
}

/// What stands before the secret in the value of `Authorization`.
const SCHEMES: [&str; 4] = ["basic", "bearer", "digest", "negotiate"];

/// The longest tag or anchor of YAML before a secret, in characters.
const LONGEST_TAG: usize = 32;

/// The last part of flags that a user with a password may follow: `curl --proxy-user
/// user:password`.
const LOGINS: [&str; 4] = ["u", "user", "login", "auth"];

/// The name of a secret before a separator.
struct Name<'a> {
    text: &'a str,
    is_quoted: bool,
    /// All that stands before it.
    command: &'a str,
    /// The last character there, unless a value ends with it.
    before: Option<char>,
    separator: &'a str,
}

impl<'a> Name<'a> {
    /// The name at the end of the text; it begins at `from` or later.
    fn before(whole: &'a str, from: usize, separator: &'a str) -> Option<Self> {
        let text = &whole[from..];
        // Only before these, there may be blanks. A run of blanks is not looked at for each of
        // them.
        let bare = if matches!(separator, "=" | ":") { text.trim_end() } else { text };
        let is_around =
            |c: char| matches!(c, '\\' | '"' | '\'') || (separator == "=" && c.is_whitespace());
        let trimmed = bare.trim_end_matches(is_around);
        let last = trimmed.char_indices().rfind(|(_, c)| !is_part_of_name(*c));
        let start = last.map_or(0, |(at, c)| at + c.len_utf8());
        let name = &trimmed[start..];
        let is_quoted = bare.ends_with(['"', '\'']);
        let (command, before) = (&whole[..from + start], last.map(|(_, c)| c));
        let this = Self { text: name, is_quoted, command, before, separator };
        (names_secret(name) || this.is_login() || this.is_signature()).then_some(this)
    }

    /// Is it a flag that a user with a password may follow, or such a flag with the user: `-u`,
    /// `-uuser`?
    fn is_login(&self) -> bool {
        let Some(flag) = self.text.strip_prefix('-').filter(|_| self.is_start()) else {
            return false;
        };
        match self.separator {
            ":" => flag.len() > 1 && flag.starts_with('u'),
            // curl -fsSu
            _ if flag.bytes().all(|c| c.is_ascii_alphabetic()) && flag.ends_with('u') => true,
            _ => flag
                .rsplit('-')
                .next()
                .is_some_and(|word| LOGINS.contains(&&*word.to_ascii_lowercase())),
        }
    }

    /// Is it a parameter with the signature of a query, which gives access by itself?
    fn is_signature(&self) -> bool {
        self.separator == "=" && is_signature(self.text)
    }

    /// Has it a value, and is it beside another parameter? The address of the query may be missing.
    fn is_in_query(&self, after: &str) -> bool {
        let begun = beginning(after, 0);
        let end = end_of_value(begun);
        end > 0 && (matches!(self.before, Some('?' | '&')) || begun[end..].starts_with('&'))
    }

    /// Is `value` the secret of this name? `after` is all that follows the separator. Ports, tags
    /// of images, mounted paths and addresses stay: `token-service:9092`, `registry/secret:1.2`,
    /// `secrets:/mnt`, `secret://name`.
    fn hides(&self, after: &str, value: &str) -> bool {
        if self.is_login() {
            return match self.separator {
                ":" => !after.starts_with('/') && !is_reference(after),
                _ => self.has_password(value),
            };
        }
        if self.is_signature() && self.is_in_query(after) {
            return true;
        }
        let word = first_word(value);
        if !is_secret_value(self.text, word) || is_pattern(value) || is_reference(value) {
            return false;
        }
        match self.separator {
            ":" if is_type(word) => false,
            "=" => true,
            ":" if after.starts_with("//") || after.starts_with(':') => false,
            ":" if self.is_quoted => ends_as_secret(self.text) || !is_number(value),
            // In `action:password:reset`, it is a value itself.
            ":" => {
                let is_secret = ends_as_secret(self.text) || is_variable(self.text);
                !matches!(self.before, Some('/' | ':')) && is_secret && !self.is_mounted_at(value)
            }
            _ => self.is_flag() && !value.starts_with('-'),
        }
    }

    /// Where its value ends. Where a block of YAML ends is not looked for: it takes all that
    /// follows. An entry of a list may have blanks.
    fn end_of(&self, after: &str, value: &str) -> usize {
        let before = &after[..after.len() - value.len()];
        let is_nested = before.contains('\n') && is_block(value);
        if self.separator == ":" && (value.starts_with('|') || before.contains('>') || is_nested) {
            return value.len();
        }
        match self.separator {
            "," | ";" if !value.starts_with(['"', '\'']) => {
                value.find([',', ';', ']', '"', '\'']).unwrap_or(value.len())
            }
            "=" | ":" if !self.is_login() => with_further_words(value, end_of_value(value)),
            _ => end_of_value(value),
        }
    }

    /// Is it a user with a password that this flag takes?
    fn has_password(&self, value: &str) -> bool {
        let value = beginning(value.trim_start_matches(['"', '\'', '\\']), 0);
        let login = value
            .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';'))
            .next()
            .unwrap_or_default();
        let is_reference = || value.split_once(':').is_some_and(|(_, word)| is_reference(word));
        is_login(login)
            && !is_reference()
            && !other_flags::has_no_password(self.command, self.text, login)
    }

    fn is_mounted_at(&self, value: &str) -> bool {
        self.text.ends_with(['s', 'S']) && value.starts_with('/')
    }

    /// Is it one of a program's flags, such as `--db-password`?
    fn is_flag(&self) -> bool {
        self.text.starts_with('-') && self.is_start() && ends_as_secret(self.text)
    }

    fn is_start(&self) -> bool {
        self.before
            .is_none_or(|c| c.is_whitespace() || matches!(c, '=' | ',' | ';' | '"' | '\'' | '['))
    }
}

/// Is it a user with a password, and neither two ports nor the ids of a user and a group?
fn is_login(login: &str) -> bool {
    let Some((user, password)) = login.split_once(':') else { return false };
    let is_name = |c: char| {
        c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+' | '$' | '\\' | '{' | '}')
    };
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    // beeline -u jdbc:hive2://h
    let is_address = user.eq_ignore_ascii_case("jdbc") && password.contains("://");
    let has_password = !password.is_empty() && !password.starts_with('/') && !is_address;
    !user.is_empty()
        && user.chars().all(is_name)
        && has_password
        && !(is_number(user) && is_number(password))
}

/// Begins a block of YAML here?
fn is_block(value: &str) -> bool {
    let line = value.lines().next().unwrap_or_default();
    line.starts_with("- ") || line.contains(": ") || line.ends_with(':')
}

/// Is it a variable or a command that a shell replaces, perhaps behind `Bearer`?
fn is_reference(value: &str) -> bool {
    let value = beginning(value, 0);
    references::is_value(&value[start_of_value(value)..])
}

/// Types of columns and fields, as in the schema `token:string,id:int`.
const TYPES: &[&str] = &[
    "bigint",
    "bool",
    "boolean",
    "bytes",
    "double",
    "float",
    "int",
    "integer",
    "long",
    "number",
    "string",
    "timestamp",
    "uuid",
    "varchar",
];

fn is_type(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'', '\\']);
    TYPES.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Does it match any secret, as in a filter for logs: `password=.*`, `password=(\S+)` or
/// `password=([^&]+)`? It is a pattern up to the end of the word.
fn is_pattern(value: &str) -> bool {
    let value = beginning(value, 0);
    let mut rest = value;
    while let Some(after) = after_pattern(rest) {
        rest = after;
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']' | ':');
    rest.len() < value.len() && rest.chars().next().is_none_or(is_end)
}

/// What stands behind a part of a pattern that matches any text.
fn after_pattern(text: &str) -> Option<&str> {
    if let Some(excluded) = text.strip_prefix("[^") {
        return excluded.split_once(']').map(|(_, after)| after);
    }
    if let Some(class) = text.strip_prefix('\\') {
        return class.strip_prefix(['S', 's', 'w', 'W', 'd', 'D']);
    }
    text.strip_prefix(['.', '*', '+', '?', '^', '$', '(', ')'])
}

fn is_number(value: &str) -> bool {
    first_word(value).parse::<f64>().is_ok()
}

/// Of a longer word, only the beginning: otherwise all of it would be read again for each name in it.
fn first_word(value: &str) -> &str {
    beginning(value, 0)
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']' | ':'))
        .next()
        .unwrap_or_default()
}

/// Where a value ends: after the closing quote or bracket, or before what separates it from the
/// next one. `Bearer` and a tag or an anchor of YAML stand before the secret.
fn end_of_value(text: &str) -> usize {
    let start = start_of_value(text);
    start + end_of_bare_value(&text[start..])
}

/// Where the secret is behind what stands before it.
fn start_of_value(text: &str) -> usize {
    let mut rest = text;
    loop {
        // Only the beginning is looked at, for each of many names.
        let blank = rest.char_indices().take(LONGEST_TAG).find(|(_, c)| *c == ' ');
        let Some((first, behind)) = blank.map(|(at, _)| (&rest[..at], &rest[at + 1..])) else {
            break;
        };
        let is_before = SCHEMES.iter().any(|scheme| first.eq_ignore_ascii_case(scheme))
            || first.starts_with(['&', '!']);
        if !is_before {
            break;
        }
        rest = behind;
    }
    text.len() - rest.len()
}

fn end_of_bare_value(text: &str) -> usize {
    let escapes = text.len() - text.trim_start_matches('\\').len();
    match text[escapes..].chars().next() {
        Some(quote @ ('"' | '\'')) => {
            closing_quote(text, escapes, quote).map_or(text.len(), |found| found + 1)
        }
        Some('{' | '[') => closing_bracket(text).map_or(text.len(), |found| found + 1),
        _ => text
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\''))
            .unwrap_or(text.len()),
    }
}

/// A value without quotes may have blanks: it goes on until a flag, another name or the end of the
/// line.
fn with_further_words(text: &str, mut end: usize) -> usize {
    if text.trim_start_matches('\\').starts_with(['"', '\'', '{', '[']) {
        return end;
    }
    loop {
        let rest = text[end..].trim_start_matches([' ', '\t']);
        let word = rest
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\''))
            .next()
            .unwrap_or_default();
        let goes_on = rest.len() < text.len() - end
            && !word.starts_with('-')
            && !word.contains(['=', ':', '{', '}', '[', ']']);
        if word.is_empty() || !goes_on {
            return end;
        }
        end = text.len() - rest.len() + word.len();
    }
}

/// The quote that closes the value: before it stand no more backslashes than before the first one.
fn closing_quote(text: &str, escapes: usize, quote: char) -> Option<usize> {
    let backslashes = |at: usize| text[..at].len() - text[..at].trim_end_matches('\\').len();
    text.match_indices(quote)
        .map(|(at, _)| at)
        .find(|at| *at > escapes && backslashes(*at) <= escapes)
}

/// The bracket that closes the first one.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(byte, b'}' | b']')
    })
}

#[cfg(test)]
mod tests;
