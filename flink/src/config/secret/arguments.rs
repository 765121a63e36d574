//! Passwords among the arguments of a command: `mysqladmin -phush`, `redis-cli -a hush`. Which flag
//! a password follows depends on the program: `ssh -p 22`, `mkdir -p /x`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, MatchKind};

use super::clients::{CLIENTS, Client, Form};

/// The names of all clients.
static PROGRAMS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| CLIENTS.iter().flat_map(|client| client.programs).copied().collect());

/// Finds them in one pass. The longest counts; what follows a shorter one there is no boundary.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut search = AhoCorasick::builder();
    search.match_kind(MatchKind::LeftmostLongest).build(PROGRAMS.iter()).ok()
});

/// Is the name of a client a word of this text?
fn may_have_client(text: &str) -> bool {
    let is_client = |found: Match| {
        let before = text[..found.start()].chars().next_back();
        let after = text[found.end()..].chars().next();
        before.is_none_or(|c| ends_word(c) || matches!(c, '=' | '/')) && after.is_none_or(ends_word)
    };
    // Without a search, every text is looked at.
    SEARCH.as_ref().is_none_or(|search| search.find_iter(text).any(is_client))
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
                let found = argument(text, word.start, false);
                self.read = found.end;
                client.is_login(&text[found.clone()]).then_some(found)
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
        let found = if self.form != Form::Attached && self.flags.contains(&this) {
            let (start, is_list) = next_argument(text, word)?;
            let found = argument(text, start, is_list);
            self.is_next(&text[found.clone()]).then_some(found)?
        } else {
            let start = word.start + self.attached(this)?;
            let is_closed = text[start..].starts_with(['"', '\'']) && closes(&text[start..]);
            let found = argument(text, start, false);
            (!is_closed && !matches!(&text[found.clone()], "" | "-")).then_some(found)?
        };
        (!is_reference(&text[found.clone()])).then_some(found)
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

/// Is it a variable or a command that a shell replaces? In single quotes, it is none.
fn is_reference(argument: &str) -> bool {
    let text = argument.trim_matches(['"', '\\']);
    let Some(name) = text.strip_prefix('$').map(|name| name.trim_start_matches('$')) else {
        return text.starts_with('`');
    };
    let in_braces = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    let is_name = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    name.starts_with('(') || in_braces.unwrap_or(name).bytes().all(is_name)
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
mod tests {
    use super::*;

    #[test]
    fn a_password_that_a_well_known_client_takes_as_an_argument_is_never_shown() {
        for (text, expected) in [
            ("mysqladmin -phush ping", "mysqladmin -p****** ping"),
            ("mysql -uroot -p'hu sh' -h db x", "mysql -uroot -p****** -h db x"),
            ("a=mysqladmin -uroot password hush", "a=mysqladmin -uroot password ******"),
            (
                "health-cmd=/usr/bin/redis-cli -a hush ping",
                "health-cmd=/usr/bin/redis-cli -a ****** ping",
            ),
            ("redis-cli -h x -a \"hu sh\" ping", "redis-cli -h x -a ****** ping"),
            (r#"["redis-cli", "-a", "hush", "ping"]"#, r#"["redis-cli", "-a", ******, "ping"]"#),
            ("redis-cli,-a,hush,ping", "redis-cli,-a,******,ping"),
            ("redis-cli;-a;hush;ping", "redis-cli;-a;******;ping"),
            ("sh -c 'redis-cli -a hush'", "sh -c 'redis-cli -a ******'"),
            (r#"{"c": "redis-cli -a \"hu sh\" x"}"#, r#"{"c": "redis-cli -a ****** x"}"#),
            (r#"{"c": "mysql -phush"}"#, r#"{"c": "mysql -p******"}"#),
            ("mysql -phu'sh x'y z", "mysql -p****** z"),
            ("sshpass -p hush ssh -p 22 h", "sshpass -p ****** ssh -p 22 h"),
            ("true && sshpass -phush scp -p a h:", "true && sshpass -p****** scp -p a h:"),
            ("docker exec db mongosh -u a -p hush", "docker exec db mongosh -u a -p ******"),
            ("mongodump -p=hush", "mongodump -p=******"),
            ("ldapsearch -x -D cn=a -w hush -b dc=b", "ldapsearch -x -D cn=a -w ****** -b dc=b"),
            ("exec -- mysql -phush", "exec -- mysql -p******"),
            ("docker login -u a -p hush registry", "docker login -u a -p ****** registry"),
            ("sqlcmd -U a -P hush", "sqlcmd -U a -P ******"),
            ("beeline -u jdbc:hive2://h -n a -p hush", "beeline -u jdbc:hive2://h -n a -p ******"),
            ("curl --oauth2-bearer hush http://h", "curl --oauth2-bearer ****** http://h"),
            ("curl -E cert.pem:hush http://h", "curl -E ****** http://h"),
            ("smbclient -U user%hush //h/s", "smbclient -U ****** //h/s"),
            ("lftp -u user,hush h", "lftp -u ****** h"),
            ("sqlplus -s scott/hush@db @x/y.sql", "sqlplus -s ****** @x/y.sql"),
            ("zkCli.sh <<< 'addauth digest user:hush'", "zkCli.sh <<< 'addauth digest ******'"),
            ("hadoop credential create a -value hush", "hadoop credential create a -value ******"),
            ("7z x -phush a.7z", "7z x -p****** a.7z"),
            ("a | redis-cli -a '$hush'", "a | redis-cli -a ******"),
            ("redis-cli -a ${X:-hush}", "redis-cli -a ******"),
            ("mysql -pé x", "mysql -p****** x"),
            ("mysql -p'hush", "mysql -p******"),
            ("sqlldr userid=scott/hush control=a/b", "sqlldr ****** control=a/b"),
            (
                "[\n \"redis-cli\",\n \"-a\",\n \"hush\"\n]",
                "[\n \"redis-cli\",\n \"-a\",\n ******\n]",
            ),
        ] {
            assert_eq!(without_passwords(text, "******"), expected);
            let again = without_passwords(expected, "******");
            assert_eq!(again, expected, "nothing more is hidden the second time");
        }
    }

    #[test]
    fn ordinary_commands_stay_as_they_are() {
        for text in [
            "mkdir -p /x && cp -pr a b && tar -a -cf x.tgz a && ssh -p 22 h",
            "mysql -p -u root db",
            "mysql -u root -h h -P 3306 --protocol tcp x",
            "mysqladmin ping -p$MYSQL_ROOT_PASSWORD",
            "mysqladmin ping -p\"$MYSQL_ROOT_PASSWORD\"",
            "redis-cli -a ${REDIS_PASSWORD} ping",
            "redis-cli -a $(cat /run/secrets/redis) ping",
            "redis-cli -a \"$(cat /run/secrets/redis)\" ping",
            "redis-cli ping; tar -a -cf x",
            "redis-cli ping | tar -a x",
            "redis-cli -h h -p 6379 -n 1",
            "docker run -d --name mongo -p 27017:27017 mongo:7",
            "docker run --name=mongo -p 27017:27017 -p 80:80 x",
            "docker run -p 8080 x",
            "java -cp lib/mysql-connector-j-9.jar -parallel x",
            "--source mysql -parallelism 4",
            "sqlplus / as sysdba @dir/script.sql",
            "sqlplus -s /nolog",
            "curl -E cert.pem http://h",
            "http -a user http://h",
            "openssl req -key a -out b",
            "zip -r a.zip b",
            "sshpass -e ssh -p 22 h",
            "sh -c \"mysql -p\" && echo x",
            "expdp directory=a/b dumpfile=c/d",
            "mysql",
            "",
        ] {
            assert_eq!(without_passwords(text, "******"), text);
        }
    }

    #[test]
    fn no_text_is_passed_over_that_has_a_client_in_it() {
        let pieces =
            [" ", "/", "=", "\"", "{", "-", ".", "é", "mysql", "mysqlsh", "az", "-phush", "-p x"];
        for number in 0..pieces.len().pow(4) {
            let piece = |place: u32| pieces[number / pieces.len().pow(place) % pieces.len()];
            let text = format!("{}{}{}{} -p hush", piece(0), piece(1), piece(2), piece(3));
            assert_eq!(without_passwords(&text, "***"), of_clients(&text, "***"), "{text}");
        }
    }

    #[test]
    fn a_command_takes_time_in_proportion_to_its_length() {
        for piece in ["-p' ", "-p\"", "redis-cli ", "-a ", "-a \\", "a/b ", "x,", "'", "login "] {
            let text = format!("mysql redis-cli sqlplus {}", piece.repeat(200_000));
            let time = || {
                nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
                    .unwrap()
                    .tv_sec()
            };
            let start = time();
            _ = without_passwords(&text, "******");
            assert!(time() - start < 10, "{piece}");
        }
    }
}
