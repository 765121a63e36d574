//! Addresses without a scheme: `user:password@host?name=value`.

use super::{HIDDEN, end_of_query, ends_address};

/// What stands before a colon and is neither a user nor a host.
const PREFIXES: [&str; 8] = ["jdbc", "mailto", "sip", "sips", "xmpp", "acct", "npm", "rsync"];

/// What stands behind an `@` and is no host: the packaging of an artifact, `group:name:1.0@jar`.
const PACKAGINGS: [&str; 6] = ["jar", "pom", "war", "aar", "zip", "tgz"];

/// Is it `user:password@host`, and not `image:tag@sha256:…`, `mailto:user@host`,
/// `group:name:1.0@jar`, `10.0.0.1:6379@16379`, `host:9092@rack` or a rule of Kerberos?
pub(super) fn is_login(word: &str) -> bool {
    let Some((login, host)) = word.rsplit_once('@') else { return false };
    let Some((user, password)) = login.split_once(':') else { return false };
    let user = user.rsplit('=').next().unwrap_or_default();
    let is_name =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '%' | '$' | '\\');
    let has_password = !password.is_empty() && !password.contains(['/', '[', '(', '{']);
    !user.is_empty()
        && user.chars().all(is_name)
        && !PREFIXES.contains(&user)
        && has_password
        && is_host(host)
        && !is_numbered(login, host)
}

/// Is it a time, or a name with a port or another number, and no server behind it:
/// `10:30@UTC`, `12:30@+02:00`, `host:9092@rack`, `topic:3@broker`?
fn is_numbered(login: &str, host: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let Some((user, number)) = login.split_once(':') else { return false };
    let user = user.rsplit('=').next().unwrap_or_default();
    let is_time = is_digits(user)
        && user.len() <= 2
        && number.split(':').all(|part| part.len() == 2 && is_digits(part));
    // As long as a port.
    let has_number = number.len() <= 5 && is_digits(number);
    let is_named = !user.is_empty() && !user.contains('@') && has_number;
    let is_server = host == "localhost" || host.contains(['.', '/', '(', '[']);
    !is_server && (is_time || is_named && !host.contains(':'))
}

/// Is it where a server may be, and not a digest, a version or another number?
fn is_host(host: &str) -> bool {
    let is_digest = host.starts_with("sha256:") || host.starts_with("sha512:");
    let name = host.split([':', '/']).next().unwrap_or_default();
    let is_number = name.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    let is_address = is_number && name.split('.').count() == 4;
    !is_digest && !PACKAGINGS.contains(&host) && (!is_number || is_address || name.is_empty())
}

/// Has the host a port or a path behind it?
pub(super) fn has_place(word: &str) -> bool {
    let host = word.rsplit_once('@').map_or("", |(_, host)| host);
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    host.contains(['/', '(']) || port.starts_with(|c: char| c.is_ascii_digit())
}

/// Adds a word that has no scheme.
pub(super) fn push(shown: &mut String, word: &str) {
    if word.contains("://") {
        shown.push_str(word);
        return;
    }
    // Before it there may be a name: `-Drest.address=user:password@host`.
    let bracket = word.len() - word.trim_start_matches(['(', '[', '<', '{', '`']).len();
    let (before, address) = word.split_at(bracket + length_of_name(&word[bracket..]));
    shown.push_str(before);
    let server =
        address.split(['/', '?', '#']).next().filter(|server| server.len() < address.len());
    // Not the one in `registry:5000/image@sha256:…`.
    let has_user = !server.is_some_and(has_port);
    // Nor those in `rack:UNIQUE,@zone:GROUP_BY`.
    let mut ends = address
        .rmatch_indices('@')
        .map(|(at, _)| at)
        .filter(|at| has_user && !address[..*at].ends_with(','));
    let at = ends.next().filter(|at| {
        address[..*at].contains(':') && !is_numbered(&address[..*at], &address[at + 1..])
    });
    if at.is_some() {
        shown.push_str(HIDDEN);
    }
    let rest = &address[at.unwrap_or_default()..];
    let Some(query) = rest.find('?').filter(|query| length_of_name(&rest[query + 1..]) > 1) else {
        shown.push_str(rest);
        return;
    };
    let ends = rest[query..]
        .find(|c| c == '#' || ends_address(c))
        .map_or(rest.len(), |found| query + found);
    shown.push_str(&rest[..=query]);
    shown.push_str(HIDDEN);
    shown.push_str(&rest[end_of_query(rest, query, ends)..]);
}

/// The length of `name=` at the beginning.
fn length_of_name(text: &str) -> usize {
    let rest = text
        .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if rest.starts_with('=') { text.len() - rest.len() + 1 } else { 0 }
}

/// Whether this is a server with its port, and without a user.
fn has_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    !text.contains('@') && !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit())
}
