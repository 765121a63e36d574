//! Which values must never be shown, and which only in part. What holds a secret here also travels to workers as one.

use std::{borrow::Cow, sync::LazyLock};

use aho_corasick::AhoCorasick;

/// Parts of keys that Flink itself masks (`GlobalConfiguration.isSensitive`), in any case of letters.
const PARTS: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
    // Not hidden by Flink, but the keys to a store all the same.
    "access-key",
    "access.key",
    "accesskey",
    "credential",
    "passphrase",
    "private-key",
    "passwd",
    "pwd",
    "authorization",
    "fs.azure.sas",
];

/// Finds any of [`PARTS`] in one pass: every name in every logging file is looked at.
static SEARCH: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PARTS).ok());

/// Must the value of this key never be shown?
pub(super) fn is_secret(key: &str) -> bool {
    // Without a search, everything is a secret.
    SEARCH.as_ref().is_none_or(|search| search.is_match(key))
}

/// Does the value hold a secret, by its key or by what is in it?
pub(super) fn holds_secret(key: &str, value: &str) -> bool {
    is_secret(key) || without_named(value) != value || has_user(value) || is_signed(value)
}

fn has_user(value: &str) -> bool {
    !value.contains(USER) && without_users(value).contains(USER)
}

/// Does an address have a signature in its query? With it, anyone can read what the address names. Other queries are
/// hidden too, but most of them are no secrets: `jdbc:postgresql://host/db?ssl=true`.
fn is_signed(value: &str) -> bool {
    let parameters = value.split(['?', '&']).skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut names = parameters.map(|(name, _)| name.to_ascii_lowercase());
    value.contains("://") && names.any(|name| name == "sig" || name.ends_with("signature"))
}

/// The value as it may be shown: not at all, or without the secrets that can be recognised in it.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(key) || is_free_form(key) { Cow::Borrowed(HIDDEN) } else { without_secrets(value) }
}

/// In place of the user part of an address, before its server.
const USER: &str = "***@";
/// In place of a secret.
const HIDDEN: &str = "******";

/// Commands for a shell. Nothing shows which part of them is a secret.
const COMMANDS: [&str; 2] =
    ["mesos.resourcemanager.tasks.bootstrap-cmd", "mesos.resourcemanager.tasks.taskmanager-cmd"];

/// May the value hold a secret anywhere, whatever the key says? Variables of containers bring secrets to other programs,
/// under names that these choose.
fn is_free_form(key: &str) -> bool {
    COMMANDS.contains(&key) || key.starts_with("containerized.") && key.contains(".env.")
}

/// The text without the user part and the query of addresses, and without what follows `=` after the name of a secret.
pub(super) fn without_secrets(text: &str) -> Cow<'_, str> {
    match without_users(text) {
        Cow::Borrowed(text) => without_named(text),
        Cow::Owned(text) => Cow::Owned(without_named(&text).into_owned()),
    }
}

/// The text with `******` for the value in `name=value`, such as `-Djavax.net.ssl.keyStorePassword=…`, or in `name = "value"`,
/// as JAAS has it, if the name is that of a secret.
fn without_named(text: &str) -> Cow<'_, str> {
    if !(text.contains('=') && is_secret(text)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        shown.push_str(&rest[..=at]);
        rest = after;
        let name = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '\\' | '"' | '\''));
        if !name.rsplit(|c: char| !is_part_of_name(c)).next().is_some_and(is_secret) {
            continue;
        }
        let value = after.trim_start();
        shown.push_str(&after[..after.len() - value.len()]);
        let end = end_of_value(value);
        if end > 0 {
            shown.push_str(HIDDEN);
        }
        rest = &value[end..];
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Where a value ends: after the closing quote, or before what separates it from the next one.
fn end_of_value(text: &str) -> usize {
    let escapes = text.len() - text.trim_start_matches('\\').len();
    match text[escapes..].chars().next() {
        Some(quote @ ('"' | '\'')) => closing_quote(text, escapes, quote).map_or(text.len(), |found| found + 1),
        _ => text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\'')).unwrap_or(text.len()),
    }
}

/// The quote that closes the value: before it stand no more backslashes than before the first one.
fn closing_quote(text: &str, escapes: usize, quote: char) -> Option<usize> {
    let backslashes = |at: usize| text[..at].len() - text[..at].trim_end_matches('\\').len();
    text.match_indices(quote).map(|(at, _)| at).find(|at| *at > escapes && backslashes(*at) <= escapes)
}

/// The text with `***` for what stands before the `@` of an address, such as `zk://user:password@host/path`, and for its
/// query, which may be a signature. What stands after an address in an error, such as a colon, stays.
pub(super) fn without_users(text: &str) -> Cow<'_, str> {
    if !(text.contains("://") && text.contains(['@', '?'])) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|found| found + 3) {
        let (before, address) = rest.split_at(start);
        shown.push_str(before);
        let end = address.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';')).unwrap_or(address.len());
        // The next address of a list has its own.
        let next = address[..end].find("://");
        let end = next.unwrap_or(end);
        // Mesos takes the last `@` for ZooKeeper, so that a password may hold anything.
        let is_zookeeper = before.ends_with("zk://");
        let path = address[..end].find(['/', '?', '#']).filter(|path| !is_zookeeper && is_host(&address[..*path]));
        let servers = path.unwrap_or(end);
        let after_user = address[..servers].rfind('@').inspect(|_| shown.push_str("***")).unwrap_or_default();
        rest = &address[after_user..];
        let end = end - after_user;
        let Some(query) = rest[..end].find('?').filter(|_| !is_zookeeper) else { continue };
        let ends = [rest[query..end].find('#'), next.and_then(|_| rest[query..end].rfind(','))];
        let ends = ends.into_iter().flatten().min().map_or(end, |found| query + found);
        let ends = query + rest[query..ends].trim_end_matches(['`', ')', ':']).len();
        shown.push_str(&rest[..=query]);
        shown.push_str("***");
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_user_part_of_addresses_is_never_shown() {
        for (text, expected) in [
            ("zk://user:pass@h1:2181,h2:2181/mesos", "zk://***@h1:2181,h2:2181/mesos"),
            ("zk://user:p@ss/w:rd@h1/mesos", "zk://***@h1/mesos"),
            ("http://token@h/a", "http://***@h/a"),
            ("http://u:p@h/a@b,https://u2:p2@h2/c , s3://b/d@e", "http://***@h/a@b,https://***@h2/c , s3://b/d@e"),
            ("-Da=http://u:p@h -Db=c@d", "-Da=http://***@h -Db=c@d"),
            ("http://u:p@h", "http://***@h"),
            ("https://u:p/w?x#y@h/a?b", "https://***@h/a?***"),
            ("http://[::1]:80/a@b http://h:80/a@b", "http://[::1]:80/a@b http://h:80/a@b"),
            ("no file `https://u:p@h/a?sig=1`: not found", "no file `https://***@h/a?***`: not found"),
            ("https://h/a?sig=1: not found", "https://h/a?***: not found"),
            ("http://h/a", "http://h/a"),
            ("curl 'https://u:p@h/a?x=y' | tar x", "curl 'https://***@h/a?***' | tar x"),
            ("https://h/a.tgz?X-Amz-Signature=ab#sha256=cd", "https://h/a.tgz?***#sha256=cd"),
            ("https://h/a?sig=1,s3://k:s@b/c?x,/local", "https://h/a?***,s3://***@b/c?***"),
            ("jdbc:x://h/d?user=a&password=b", "jdbc:x://h/d?***"),
            ("a?b", "a?b"),
            ("user@host", "user@host"),
            ("://@", "://***@"),
            ("", ""),
        ] {
            assert_eq!(shown("some.key", text), expected);
        }
        assert_eq!(shown("some.password", "x"), "******");
    }

    #[test]
    fn a_value_holds_a_secret_if_it_has_a_password_a_token_or_a_signature_in_it() {
        for (key, value) in [
            ("my.password", "x"),
            ("my.db.passwd", "x"),
            ("fs.azure.sas.fixed.token", "x"),
            ("high-availability.zookeeper.client.authorization", "{digest: a}"),
            ("my.url", "https://user:hush@h/x"),
            ("my.url", "https://h/x?sig=hush"),
            ("my.url", "https://h/x?a=b&X-Amz-Signature=hush"),
            ("my.url", "jdbc:postgresql://h/db?user=a&password=hush"),
            ("my.url", "s3://h/x,zk://user:hush@h1,h2/mesos"),
            ("env.java.opts.all", "-Da=b -DapiKey=hush"),
        ] {
            assert!(holds_secret(key, value), "{key}: {value}");
        }
        for (key, value) in [
            ("my.url", "https://h/x"),
            ("my.url", "jdbc:postgresql://h/db?ssl=true&design=flat"),
            ("my.name", "user@host?"),
            ("env.java.opts.all", "-Da=b --add-opens=java.base/java.lang=ALL-UNNAMED"),
            ("env.java.opts.all", "-Da=b -Dpassword="),
            ("my.text", ""),
        ] {
            assert!(!holds_secret(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn a_value_after_the_name_of_a_secret_is_never_shown() {
        for (text, expected) in [
            ("-Dkey.store.password=a -Dx=b", "-Dkey.store.password=****** -Dx=b"),
            ("-DapiKey='a b' -Dx=b", "-DapiKey=****** -Dx=b"),
            ("-Dsecret=\"a b", "-Dsecret=******"),
            ("token=a,ü=b;PASSWORD=c", "token=******,ü=b;PASSWORD=******"),
            ("üpassword=é x=é", "üpassword=****** x=é"),
            ("password=", "password="),
            (
                "x.Module required user=\"a\" password = \"b c\" x=y;",
                "x.Module required user=\"a\" password = ****** x=y;",
            ),
            ("password\t=\n'a' x", "password\t=\n****** x"),
            ("password = a, x", "password = ******, x"),
            (r#"password="a\"b" x"#, "password=****** x"),
            (r#""m password=\"a b\" x=\"y\" z"#, r#""m password=****** x=\"y\" z"#),
            (r#"{"password" = "a", "x" = "y"}"#, r#"{"password" = ******, "x" = "y"}"#),
            (r"env=DB_PASSWORD\=a,x", r"env=DB_PASSWORD\=******,x"),
            ("password = ", "password = "),
            ("no password here", "no password here"),
            ("-Da=http://u:p@h/?q -Dtoken=c", "-Da=http://***@h/?*** -Dtoken=******"),
        ] {
            assert_eq!(shown("env.java.opts.all", text), expected);
        }
    }

    proptest! {
        #[test]
        fn a_quoted_secret_is_never_shown_and_no_text_causes_a_panic(
            text in r#"(\PC|[ =:/?#@"'\\]){0,30}"#,
            blanks in "[ \t\n]{0,2}",
            quote in prop::sample::select(vec!["\"", "'", "\\\""]),
        ) {
            let quoted = format!("password{blanks}={blanks}{quote}a hush{quote} {text}");
            prop_assert!(!shown("env.java.opts.all", &quoted).contains("hush"), "{}", quoted);
            _ = shown("env.java.opts.all", &format!("token{text}://{text}"));
        }
    }

    #[test]
    fn commands_and_variables_of_containers_are_never_shown() {
        for key in [
            "mesos.resourcemanager.tasks.bootstrap-cmd",
            "mesos.resourcemanager.tasks.taskmanager-cmd",
            "containerized.taskmanager.env.DB",
            "containerized.master.env.DB",
        ] {
            assert_eq!(shown(key, "hush"), "******", "{key}");
            assert!(!holds_secret(key, "hush"), "nothing tells that it is a secret: {key}");
        }
    }
}
