//! The users and queries of addresses inside of a text.

use std::borrow::Cow;

/// In place of the user part of an address, before its server.
const USER: &str = "***@";

/// Has an address a user, with a password perhaps?
pub(super) fn has_user(value: &str) -> bool {
    !value.contains(USER) && without_users(value).contains(USER)
}

/// Does an address have a signature in its query? With it, anyone can read what the address names. Other queries are
/// hidden too, but most of them are no secrets: `jdbc:postgresql://host/db?ssl=true`.
pub(super) fn is_signed(value: &str) -> bool {
    let parameters = value.split(['?', '&']).skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut names = parameters.map(|(name, _)| name.to_ascii_lowercase());
    value.contains("://") && names.any(|name| name == "sig" || name.ends_with("signature"))
}

/// The text with `***` for what stands before the `@` of an address, such as `zk://user:password@host/path`, and for its
/// query, which may be a signature. What stands after an address in an error, such as a colon, stays.
pub(in crate::config) fn without_users(text: &str) -> Cow<'_, str> {
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
