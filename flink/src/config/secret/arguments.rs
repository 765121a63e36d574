//! Passwords among the arguments of a command: `mysqladmin -phush`, `redis-cli -a hush`. Which flag
//! a password follows depends on the program: `ssh -p 22`, `mkdir -p /x`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, MatchKind, packed};

use super::beginning;
use super::clients::{CLIENTS, Client, Form};
use super::references;

/// The names of all clients.
static PROGRAMS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| CLIENTS.iter().flat_map(|client| client.programs).copied().collect());

/// Finds them in one pass. The longest counts; what follows a shorter one there is no boundary.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut search = AhoCorasick::builder();
    search.match_kind(MatchKind::LeftmostLongest).build(PROGRAMS.iter()).ok()
});

/// Finds those that take a password without a flag.
static SEARCH_WITHOUT_FLAGS: LazyLock<Option<packed::Searcher>> = LazyLock::new(|| {
    let has_flags = |client: &&Client| client.flags.iter().any(|flag| flag.starts_with('-'));
    let clients = CLIENTS.iter().filter(|client| !has_flags(client));
    packed::Searcher::new(clients.flat_map(|client| client.programs))
});

/// Is there a flag in this text, or a client that needs none?
fn may_have_password(text: &str) -> bool {
    // What follows is looked at once for each word only.
    let is_flag = |(at, _): (usize, &str)| {
        let after = || text[at..].trim_start_matches('-').chars().next();
        text[..at].chars().next_back().is_none_or(ends_word)
            && after().is_some_and(|c| !ends_word(c))
    };
    text.match_indices('-').any(is_flag)
        || SEARCH_WITHOUT_FLAGS.as_ref().is_none_or(|search| search.find(text).is_some())
}

/// May there be a client with its password in this text? The client's name is a word of it.
pub(super) fn may_have_client(text: &str) -> bool {
    let is_client = |found: Match| {
        let before = text[..found.start()].chars().next_back();
        let after = text[found.end()..].chars().next();
        before.is_none_or(|c| ends_word(c) || matches!(c, '=' | '/')) && after.is_none_or(ends_word)
    };
    // Without a search, every text is looked at.
    let has_client = || SEARCH.as_ref().is_none_or(|search| search.find_iter(text).any(is_client));
    may_have_password(text) && has_client()
}

/// The text with `hidden` for the passwords of well-known clients, in a line for a shell or in a
/// list of arguments.
pub(super) fn without_passwords<'a>(text: &'a str, hidden: &str) -> Cow<'a, str> {
    // Nearly no text has one, and looking at each word takes ten times as long.
    if may_have_client(text) { of_clients(text, hidden) } else { Cow::Borrowed(text) }
}

fn of_clients<'a>(text: &'a str, hidden: &str) -> Cow<'a, str> {
    let mut shown = String::new();
    let (mut done, mut from) = (0, 0);
    let mut command = Command::default();
    while let Some(word) = next_word(text, from) {
        if ends_command(&text[from..word.start], &text[word.clone()]) {
            command = Command::default();
        }
        from = word.end;
        if let Some(password) = command.password(text, word) {
            shown.push_str(&text[done..password.start]);
            shown.push_str(hidden);
            done = password.end;
            from = password.end;
        }
    }
    shown.push_str(&text[done..]);
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// What has been read of a command.
#[derive(Default)]
struct Command<'a> {
    /// The last word that is a client's name.
    program: Option<&'a str>,
    /// The last word since then that is a client's subcommand.
    subcommand: Option<&'a str>,
    /// The last word.
    before: &'a str,
    /// The end of the last argument without a flag that was read as a whole.
    read: usize,
}

impl<'a> Command<'a> {
    /// Where the password is that the next word of the command has or announces.
    fn password(&mut self, text: &'a str, word: Range<usize>) -> Option<Range<usize>> {
        let this = &text[word.clone()];
        // What follows a long flag is its value: `--name mongo`.
        let is_value = self.before.len() > "--".len()
            && self.before.starts_with("--")
            && !self.before.contains('=');
        self.before = this;
        // health-cmd=/usr/bin/redis-cli
        let name = this.rsplit(['=', '/']).next().unwrap_or_default();
        if !is_value && PROGRAMS.contains(name) && Some(name) != self.program {
            (self.program, self.subcommand) = (Some(name), None);
            return None;
        }
        let program = self.program?;
        let subcommand = self.subcommand;
        let is_called = |client: &&Client| {
            let is_behind = client.subcommand.is_none_or(|needed| subcommand == Some(needed));
            is_behind && client.programs.contains(&program)
        };
        let mut clients = CLIENTS.iter().filter(is_called);
        let found = match clients.clone().find(|client| client.flags.is_empty()) {
            // It is a part of an argument with quotes in it.
            Some(_) if word.start < self.read => None,
            Some(client) => {
                let begun = argument(beginning(text, word.start), word.start, false);
                self.read = begun.end;
                let is_login = client.is_login(&text[begun]);
                is_login.then(|| argument(text, word.start, false))
            }
            None => clients.find_map(|client| client.password(text, &word)),
        };
        if CLIENTS.iter().any(|client| client.subcommand == Some(this)) {
            self.subcommand = Some(this);
        }
        if program == WRAPPER && (found.is_some() || !this.starts_with('-')) {
            self.program = None;
        }
        found
    }
}

/// Behind its flags, another command follows.
const WRAPPER: &str = "sshpass";

impl Client {
    /// The password that this word has, or the one behind it.
    fn password(&self, text: &str, word: &Range<usize>) -> Option<Range<usize>> {
        let this = &text[word.clone()];
        let is_next = self.form != Form::Attached && self.flags.contains(&this);
        let (start, is_list) = if is_next {
            next_argument(text, word)?
        } else {
            (word.start + self.attached(this)?, false)
        };
        // Its beginning shows whether it is one. All of an argument that is none would be read
        // again for each flag inside.
        let begun = beginning(text, start);
        let begun = &begun[argument(begun, start, is_list)];
        let is_password = if is_next {
            self.is_next(begun)
        } else {
            let is_closed = text[start..].starts_with(['"', '\'']) && closes(&text[start..]);
            !is_closed && !matches!(begun, "" | "-")
        };
        (is_password && !references::is_argument(begun)).then(|| argument(text, start, is_list))
    }

    /// The length of the flag before a password in the same word.
    fn attached(&self, word: &str) -> Option<usize> {
        if !matches!(self.form, Form::Attached | Form::Either) {
            return None;
        }
        let flag = self.flags.iter().find(|flag| word.starts_with(**flag))?;
        let has_sign = word[flag.len()..].starts_with('=');
        Some(flag.len() + usize::from(has_sign))
    }

    /// Is this argument behind a flag a password, and neither ports nor another flag?
    fn is_next(&self, argument: &str) -> bool {
        let text = argument.trim_matches(['"', '\'', '\\']);
        let is_ports = text.contains(':') && text.bytes().all(|c| c.is_ascii_digit() || c == b':');
        match self.form {
            Form::Behind(_) => self.is_login(argument),
            _ => !text.is_empty() && !text.starts_with('-') && !is_ports,
        }
    }

    /// Has it a user and a password?
    fn is_login(&self, argument: &str) -> bool {
        let Form::Behind(separator) = self.form else { return false };
        let text = argument.trim_matches(['"', '\'', '\\']);
        let login = text.strip_prefix("userid=").unwrap_or(text);
        login.split_once(separator).is_some_and(|(user, password)| {
            let is_user = !user.is_empty() && !user.starts_with(['-', '@']) && !user.contains('=');
            is_user && !password.is_empty() && !password.starts_with('/')
        })
    }
}

/// The next word: up to a blank, a quote, or what separates commands or the entries of a list.
fn next_word(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text[from..].find(|c| !ends_word(c))?;
    let end = text[start..].find(ends_word).map_or(text.len(), |length| start + length);
    Some(start..end)
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '`') || is_separator(c)
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|' | '&' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

/// Does another command begin behind this gap between two arguments? A semicolon or a comma may also
/// separate the entries of a list: `redis-cli;-a;hush`.
fn ends_command(gap: &str, next: &str) -> bool {
    let is_list = gap == ";" && next.starts_with('-');
    let is_next_line = gap.contains('\n') && !gap.contains("\\\n") && !gap.contains(',');
    is_next_line || gap.contains(['|', '&', '(', '`']) || gap.contains(';') && !is_list
}

/// Where the argument behind a flag begins, and whether it is an entry of a list.
fn next_argument(text: &str, flag: &Range<usize>) -> Option<(usize, bool)> {
    let quote = text[..flag.start].chars().next_back().filter(|c| matches!(c, '"' | '\''));
    let mut rest = &text[flag.end..];
    if let Some(quote) = quote {
        let closed = rest.trim_start_matches('\\').strip_prefix(quote);
        rest = closed.unwrap_or(rest);
    }
    let mut start = rest.trim_start_matches([' ', '\t', ',', ';', '=']);
    let gap = &rest[..rest.len() - start.len()];
    let is_list = gap.contains([',', ';']);
    if is_list {
        start = start.trim_start();
    }
    (!gap.is_empty()).then_some((text.len() - start.len(), is_list))
}

/// The argument that begins here. Parts of it may be in quotes.
fn argument(text: &str, start: usize, is_list: bool) -> Range<usize> {
    let rest = &text[start..];
    let mut at = 0;
    while let Some(c) = rest[at..].chars().next() {
        let escapes = rest[at..].len() - rest[at..].trim_start_matches('\\').len();
        let quoted = &rest[at + escapes..];
        if let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            if at > 0 && closes(quoted) {
                // A quote around the command.
                break;
            }
            let closing = quoted[1..].find(quote).map(|length| at + escapes + 1 + length + 1);
            at = closing.unwrap_or(rest.len());
        } else if escapes > 0 {
            at += escapes + quoted.chars().next().map_or(0, char::len_utf8);
        } else if c.is_whitespace()
            || matches!(c, '|' | '&' | ';' | ')' | '<' | '>' | '`')
            || is_list && matches!(c, ',' | ']')
        {
            break;
        } else {
            at += c.len_utf8();
        }
    }
    start..start + at
}

/// Does the quote at the beginning close what is before it?
fn closes(quoted: &str) -> bool {
    let after = quoted[1..].chars().next();
    after.is_none_or(|c| c.is_whitespace() || is_separator(c) || c == '\\')
}

#[cfg(test)]
mod tests;
