//! Abbreviated names of agents and TaskManagers.

use std::collections::BTreeSet;

/// What an abbreviation stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// For nothing that is known.
    Nothing,
    /// For this one.
    One(String),
    /// For each of these.
    Several(Vec<String>),
}

/// The agent that is meant by its id or host name, by the first part of its host name (`agent-7`
/// for `agent-7.example.org`), or by the last part of its id (`S3`).
///
/// An abbreviation ends where a part ends: `agent-1` must not stand for `agent-10`. The last part of a
/// host name is none: `node-7` must not stand for `rack2-node-7`.
pub(crate) fn agent<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Meant {
    let given = given.trim();
    let digits = given.strip_prefix('S').unwrap_or_default();
    let ends_id = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    find(given, known, |name| {
        let is_first = name.strip_prefix(given).is_some_and(|rest| rest.starts_with('.'));
        let is_last = name.strip_suffix(given).is_some_and(|rest| rest.ends_with('-'));
        is_first || ends_id && is_last
    })
}

/// The TaskManager that is meant by its id, its number, or the last parts of its id: `3`,
/// `taskmanager-3` and `1-00003` stand for `taskmanager-1-00003`.
pub(crate) fn worker<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Meant {
    let given = given.trim();
    let short = given.strip_prefix("taskmanager-").unwrap_or(given);
    let number = short.parse::<u64>().ok();
    find(given, known, |id| {
        let of_id = id.rsplit('-').next().and_then(|digits| digits.parse::<u64>().ok());
        let is_last = id.strip_suffix(given).is_some_and(|rest| rest.ends_with('-'));
        is_last || number.is_some() && of_id == number
    })
}

fn find<'a>(
    given: &str,
    known: impl Iterator<Item = &'a str>,
    stands_for: impl Fn(&str) -> bool,
) -> Meant {
    let mut found = BTreeSet::new();
    for name in known {
        if name == given {
            return Meant::One(name.to_owned());
        }
        if !given.is_empty() && stands_for(name) {
            found.insert(name.to_owned());
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    match found.len() {
        0 => Meant::Nothing,
        1 => Meant::One(found.remove(0)),
        _ => Meant::Several(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: [&str; 6] = [
        "agent-1.example.org",
        "agent-10.example.org",
        "4c1d-S1",
        "4c1d-S11",
        "plain",
        "rack2-node-7",
    ];

    fn one(name: &str) -> Meant {
        Meant::One(name.to_owned())
    }

    #[test]
    fn an_agent_is_meant_by_whole_parts_of_its_name_only() {
        let meant = |given| agent(given, AGENTS.into_iter());
        for (given, expected) in [
            ("agent-1", "agent-1.example.org"),
            ("agent-10", "agent-10.example.org"),
            ("S1", "4c1d-S1"),
            (" plain ", "plain"),
        ] {
            assert_eq!(meant(given), one(expected), "{given}");
        }
        for unknown in ["agent", "1", "4c1d", "agent-2", "", "example.org", "node-7", "7", "S"] {
            assert_eq!(meant(unknown), Meant::Nothing, "{unknown:?}");
        }
    }

    #[test]
    fn a_whole_name_goes_first_and_several_are_listed() {
        let known = ["a", "a.x", "a.y"];
        assert_eq!(agent("a", known.into_iter()), one("a"));
        let both = Meant::Several(vec!["a.x".to_owned(), "a.y".to_owned()]);
        assert_eq!(agent("a", known.into_iter().skip(1)), both);
    }

    #[test]
    fn a_task_manager_is_meant_by_its_number() {
        let known = ["taskmanager-1a-00003", "taskmanager-1a-00013", "taskmanager-2b-00014"];
        let meant = |given| worker(given, known.into_iter());
        for given in ["3", "00003", "taskmanager-3", "1a-00003", "taskmanager-1a-00003"] {
            assert_eq!(meant(given), one(known[0]), "{given}");
        }
        for unknown in ["4", "", "taskmanager-", "1a"] {
            assert_eq!(meant(unknown), Meant::Nothing, "{unknown}");
        }
        let again = ["taskmanager-1a-00003", "taskmanager-2b-00003"];
        assert!(matches!(worker("3", again.into_iter()), Meant::Several(both) if both == again));
    }
}
