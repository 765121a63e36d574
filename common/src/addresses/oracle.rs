//! Oracle's addresses, which have the login behind the driver, and a slash in it:
//! `jdbc:oracle:thin:user/password@host:1521/service`.

use std::ops::Range;

use super::ends_address;

const SCHEME: &str = "jdbc:oracle:";

/// Where the next user is, with the password; empty if the address has none.
pub(super) fn user(text: &str) -> Option<Range<usize>> {
    users(text).next()
}

/// Has any of these users a password? With `/@`, the password is in a wallet.
pub(super) fn has_password(text: &str) -> bool {
    users(text).any(|user| {
        let password = text[user].split_once('/').map_or("", |(_, password)| password);
        !password.is_empty()
    })
}

fn users(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let scheme = from + find_scheme(&text[from..])?;
            let driver = scheme + SCHEME.len();
            from = driver;
            let Some(length) = text[driver..].find(|c: char| !c.is_ascii_alphanumeric()) else {
                continue;
            };
            if !text[driver + length..].starts_with(':') {
                continue;
            }
            let start = driver + length + 1;
            from = start;
            if let Some(length) = length_of_user(&text[start..]) {
                from = start + length;
                return Some(start..from);
            }
        }
    })
}

fn find_scheme(text: &str) -> Option<usize> {
    let is_scheme = |at: &usize| {
        text.get(*at..at + SCHEME.len()).is_some_and(|found| found.eq_ignore_ascii_case(SCHEME))
    };
    text.match_indices([':']).filter_map(|(at, _)| at.checked_sub("jdbc".len())).find(is_scheme)
}

/// All before the `@` behind which the address begins. A password in quotes may hold anything; one
/// without quotes may hold an `@`, too.
fn length_of_user(text: &str) -> Option<usize> {
    // The next address of a list is another one.
    let text = &text[..find_scheme(text).unwrap_or(text.len())];
    let quoted = text.find("/\"").filter(|slash| !text[..*slash].contains(['@', ' ', ',']));
    if let Some(slash) = quoted {
        let password = slash + 2;
        let end = password + text[password..].find('"')?;
        return text[end..].starts_with("\"@").then_some(end + 1);
    }
    let end = text.find(ends_address).unwrap_or(text.len());
    let first = text[..end].find('@')?;
    let end = text[first..end].find(',').map_or(end, |comma| first + comma);
    // Behind it there may be a description of servers.
    text[..end].find("@(").or_else(|| text[..end].rfind('@'))
}
