//! Addresses in texts that others may read: without their users, which may have passwords, and
//! without their queries, which may be signatures.

use std::borrow::Cow;

mod bare;
mod oracle;

/// In place of what is hidden.
const HIDDEN: &str = "***";
/// A user that is hidden.
const USER: &str = "***@";

/// The address as it may be shown, also if it is malformed: without all that stands before its last
/// `@` or after the first `?` behind that. A scheme stays.
pub fn masked(address: &str) -> String {
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_scheme = !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
    let start = if is_scheme { scheme.len() + "://".len() } else { 0 };
    let (scheme, rest) = address.split_at(start);
    let after_user = rest.rfind('@').unwrap_or_default();
    let user = if after_user > 0 || rest.starts_with('@') { HIDDEN } else { "" };
    let (path, query) = rest[after_user..]
        .split_once('?')
        .map_or((&rest[after_user..], ""), |(path, _)| (path, "?***"));
    format!("{scheme}{user}{path}{query}")
}

/// The text as it may be shown: each address in it, with a scheme or without, has `***` in place of
/// its user and its query. Without a scheme, only a user with a colon, and a query with an equals
/// sign are recognised: `user:password@host?name=value`. So is `jdbc:oracle:thin:user/password@host`.
/// What stands after an address, such as a colon, stays.
pub fn without_users(text: &str) -> Cow<'_, str> {
    if !text.contains(['@', '?']) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(user) = oracle::user(rest) {
        push_without_users(&mut shown, &rest[..user.start]);
        shown.push_str(if user.is_empty() { "" } else { HIDDEN });
        rest = &rest[user.end..];
    }
    push_without_users(&mut shown, rest);
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Adds a text that has no user in Oracle's form.
fn push_without_users(shown: &mut String, text: &str) {
    for word in without_users_behind_schemes(text, |_, _| {}).split_inclusive(ends_address) {
        if word.contains("://") {
            // Others of a list, beside the one with a scheme.
            word.split_inclusive(',').for_each(|part| bare::push(shown, part));
        } else {
            bare::push(shown, word);
        }
    }
}

/// Does the text have a user with a password, as in `zk://user:password@host`, `user:password@host`
/// or `jdbc:oracle:thin:user/password@host`, or a user of a web server, who may be a token? Other
/// users are none of these: `abfs://container@account`.
pub fn has_login(text: &str) -> bool {
    has_login_where(text, bare::is_login)
}

/// The same for a text that names something. `cluster:blue@eu-west` is a name like any other;
/// without a scheme, only a port or a path makes it an address: `user:password@host:3306/db`.
pub fn has_login_in_name(text: &str) -> bool {
    has_login_where(text, |word| bare::is_login(word) && bare::has_place(word))
}

fn has_login_where(text: &str, is_bare_login: impl Fn(&str) -> bool) -> bool {
    if !text.contains('@') || text.contains(USER) {
        return false;
    }
    let mut found = oracle::has_password(text);
    without_users_behind_schemes(text, |scheme, user| {
        let scheme = scheme.to_ascii_lowercase();
        let is_web = ["http://", "https://"].iter().any(|web| scheme.ends_with(web));
        found |= user.split_once(':').map_or(is_web, |(_, password)| !password.is_empty());
    });
    let mut bare = text
        .split(ends_address)
        .filter(|part| !part.contains("://"))
        .flat_map(|part| part.split(','));
    found || bare.any(is_bare_login)
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ';')
}

/// The text without users of addresses that have a scheme, and without their queries. `see` gets
/// all that stands before each user, which ends with the scheme, and the user.
fn without_users_behind_schemes(text: &str, mut see: impl FnMut(&str, &str)) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|found| found + 3) {
        let (before, address) = rest.split_at(start);
        shown.push_str(before);
        // The next address of a list has its own. Nothing behind it is read for this one.
        let next = address.find("://");
        let own = &address[..next.unwrap_or(address.len())];
        let end = own.find(ends_address);
        let next = next.filter(|_| end.is_none());
        let end = end.unwrap_or(own.len());
        // Mesos takes the last `@` for ZooKeeper, so that a password may hold anything.
        let is_zookeeper = before.ends_with("zk://");
        let path = address[..end]
            .find(['/', '?', '#'])
            .filter(|path| !is_zookeeper && is_host(&address[..*path]));
        let servers = path.unwrap_or(end);
        let user = address[..servers].rfind('@').inspect(|at| see(before, &address[..*at]));
        shown.push_str(if user.is_some() { HIDDEN } else { "" });
        let after_user = user.unwrap_or_default();
        rest = &address[after_user..];
        let end = end - after_user;
        let Some(query) = rest[..end].find('?').filter(|_| !is_zookeeper) else { continue };
        let ends = [rest[query..end].find('#'), next.and_then(|_| rest[query..end].rfind(','))];
        let ends = ends.into_iter().flatten().min().map_or(end, |found| query + found);
        let ends = end_of_query(rest, query, ends);
        shown.push_str(&rest[..=query]);
        shown.push_str(HIDDEN);
        rest = &rest[ends..];
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Whether this is a whole server, with its user or without. Otherwise a password goes on after it.
fn is_host(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    text.contains('@') || text.starts_with('[') || port.bytes().all(|c| c.is_ascii_digit())
}

/// Without what a sentence has after it.
fn end_of_query(text: &str, query: usize, end: usize) -> usize {
    query + text[query..end].trim_end_matches(['`', ')', ':']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_and_the_query_of_an_address_are_never_shown() {
        for (text, expected) in [
            ("zk://user:pass@h1:2181,h2:2181/mesos", "zk://***@h1:2181,h2:2181/mesos"),
            ("zk://user:p@ss/w:rd@h1/mesos", "zk://***@h1/mesos"),
            ("http://token@h/a", "http://***@h/a"),
            (
                "http://u:p@h/a@b,https://u2:p2@h2/c , s3://b/d@e",
                "http://***@h/a@b,https://***@h2/c , s3://b/d@e",
            ),
            ("-Da=http://u:p@h -Db=c@d", "-Da=http://***@h -Db=c@d"),
            ("https://u:p/w?x#y@h/a?b", "https://***@h/a?***"),
            ("http://[::1]:80/a@b http://h:80/a@b", "http://[::1]:80/a@b http://h:80/a@b"),
            (
                "no file `https://u:p@h/a?sig=1`: not found",
                "no file `https://***@h/a?***`: not found",
            ),
            ("https://h/a?sig=1: not found", "https://h/a?***: not found"),
            ("curl 'https://u:p@h/a?x=y' | tar x", "curl 'https://***@h/a?***' | tar x"),
            ("https://h/a.tgz?X-Amz-Signature=ab#sha256=cd", "https://h/a.tgz?***#sha256=cd"),
            ("https://h/a?sig=1,s3://k:s@b/c?x,/local", "https://h/a?***,s3://***@b/c?***"),
            ("jdbc:x://h/d?user=a&password=b", "jdbc:x://h/d?***"),
            ("jdbc:oracle:thin:u/p@h:1521/x", "jdbc:oracle:thin:***@h:1521/x"),
            ("-Da=jdbc:oracle:oci:u/p@//h/x b", "-Da=jdbc:oracle:oci:***@//h/x b"),
            ("jdbc:oracle:thin:u/p@tcps://h/x?a=b", "jdbc:oracle:thin:***@tcps://h/x?***"),
            ("JDBC:Oracle:thin:u/p@w@(d=(h=b))", "JDBC:Oracle:thin:***@(d=(h=b))"),
            ("jdbc:oracle:thin:u/\"p @ w\"@h x", "jdbc:oracle:thin:***@h x"),
            (
                "jdbc:oracle:thin:a/b@h1,jdbc:oracle:thin:c/d@h2,http://u:p@h",
                "jdbc:oracle:thin:***@h1,jdbc:oracle:thin:***@h2,http://***@h",
            ),
            ("jdbc:oracle:thin:@h:1521:x", "jdbc:oracle:thin:@h:1521:x"),
            ("jdbc:oracle: jdbc:oracle:x", "jdbc:oracle: jdbc:oracle:x"),
            ("://@", "://***@"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn without_a_scheme_neither_is_shown_and_what_is_no_address_stays() {
        for (text, expected) in [
            ("rest.address: u:p@h: malformed", "rest.address: ***@h: malformed"),
            ("in master \"u:p@w/rd,x@h:5050\"; allowed", "in master \"***@h:5050\"; allowed"),
            ("-Drest.address=u:p=w@h x", "-Drest.address=***@h x"),
            ("`u:p@h/x?sig=1`: no", "`***@h/x?***`: no"),
            ("//u:p@h/x?sig=1&b=c", "***@h/x?***"),
            ("(u:p@h) u:p@", "(***@h) ***@"),
            (":12@h u:12@h:80", "***@h ***@h:80"),
            ("u@x:12@h", "***@h"),
            ("http:/u:p@h", "***@h"),
            ("https://h/a,u:p@h2,u:p@h3/b?c=d", "https://h/a,***@h2,***@h3/b?***"),
            ("u:p@h,https://h/a", "***@h,https://h/a"),
            ("h/x?X-Amz-Signature=ab#sha256=cd: e", "h/x?***#sha256=cd: e"),
            ("h/x?sig=a;b", "h/x?***;b"),
            ("registry:5000/team/image@sha256:0a", "registry:5000/team/image@sha256:0a"),
            (
                "rack:UNIQUE,@region:IS:us,@zone:GROUP_BY",
                "rack:UNIQUE,@region:IS:us,@zone:GROUP_BY",
            ),
            ("user@host", "user@host"),
            ("org.example.Thing@1a2b: a:b c@d", "org.example.Thing@1a2b: a:b c@d"),
            ("10:30@UTC 12:30@+02:00 h:9092@rack", "10:30@UTC 12:30@+02:00 h:9092@rack"),
            ("a?b what? (?:x=y)", "a?b what? (?:x=y)"),
            ("http://h/a", "http://h/a"),
            ("", ""),
        ] {
            check(text, expected);
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(without_users(text), expected);
        assert_eq!(without_users(expected), expected, "nothing more is hidden the second time");
    }

    #[test]
    fn of_an_address_alone_all_before_its_last_at_sign_and_after_its_question_mark_is_hidden() {
        for (text, expected) in [
            ("https://u:p@h/a?sig=1#b", "https://***@h/a?***"),
            ("u@h/x?sig=1", "***@h/x?***"),
            ("h/x?sig=1", "h/x?***"),
            ("zk://u:my p/w@h/x", "zk://***@h/x"),
            ("u:p?w@h/x", "***@h/x"),
            ("u:p://w@h", "***@h"),
            ("://u:p@h?q", "***@h?***"),
            ("@h", "***@h"),
            ("hdfs://h:8020/a", "hdfs://h:8020/a"),
            ("?", "?***"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn a_user_with_a_password_is_a_login_and_so_is_any_user_of_a_web_server() {
        for text in [
            "a zk://u:p@h/x",
            "https://token@h/x",
            "abfs://container:p@account",
            "a user:password@host",
            "DSN=u:p@tcp(h)/d",
            "x,u:p@h",
            "u:p@10.0.0.1",
            "u:12@h.example.org",
            "u:12@h:3306",
            "u:12@h/db",
            "u:12@localhost",
            "u:123456@h",
            "u:12a@h",
            "12:30a@h",
            "12:30@10.0.0.1:80",
            "host:p@rack",
            "jdbc:oracle:thin:scott/hush@host:1521/x",
            "jdbc:oracle:thin:@h,jdbc:oracle:thin:scott/hush@//host:1521/x",
        ] {
            assert!(has_login(text), "{text}");
        }
        for text in [
            "akka://flink@h",
            "abfss://container@account.dfs.core.windows.net/x",
            "kms://http@kms:9600/kms",
            "https://h/a@b",
            "zk://***@h",
            "zk://u:@h",
            "me@example.org",
            "mailto:me@example.org",
            "registry:5000/image@sha256:0a",
            "flink:1.20@sha256:45b2",
            "rack:UNIQUE,@zone:GROUP_BY",
            "RULE:[2:$1@$0](.*@EXAMPLE.COM)s/@.*//",
            "a:/b@c",
            "org.example:library:1.0@jar",
            "npm:package@1.2",
            "10.0.0.1:6379@16379,10.0.0.2:6379@16379",
            "jdbc:oracle:thin:@h:1521:x",
            "jdbc:oracle:thin:/@alias",
            "jdbc:oracle:thin:scott/@h",
            "@a:b",
            "10:30@UTC",
            "10:30:15@UTC",
            "start=12:30@+02:00",
            "host1:9092@rack1,host2:9092@rack2",
            "topic:3@broker1",
            "",
        ] {
            assert!(!has_login(text), "{text}");
        }
    }

    #[test]
    fn a_name_is_a_login_only_with_a_scheme_a_port_or_a_path() {
        for text in ["u:p@h:3306", "u:p@h/db", "u:p@tcp(h)", "zk://u:p@h", "a u:p@[::1]:80"] {
            assert!(has_login_in_name(text), "{text}");
        }
        for text in ["flink:prod@eu-west", "flink:prod@dc1.example.org", "a:b@c, d:e@f", "a:b"] {
            assert!(!has_login_in_name(text), "{text}");
        }
    }
}
