//! Ends a process with everything that came from it.

use std::collections::BTreeSet;

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

/// Sends SIGKILL to a session leader, to its session and group, and to all their descendants, until
/// no new one shows up. What a killed process left behind in another session is not found.
pub(super) fn kill(leader: i32) {
    let mut killed = BTreeSet::new();
    loop {
        let members = members(leader);
        let fresh: Vec<i32> = members.into_iter().filter(|id| killed.insert(*id)).collect();
        if fresh.is_empty() {
            return;
        }
        for id in fresh {
            // A process that has just ended by itself is as good.
            send(Pid::from_raw(id), Signal::SIGKILL).ok();
        }
    }
}

/// One line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: i32,
    parent: i32,
    group: i32,
    session: i32,
}

fn members(leader: i32) -> BTreeSet<i32> {
    let table = table();
    let own =
        table.iter().filter(|it| it.id == leader || it.session == leader || it.group == leader);
    let mut members: BTreeSet<i32> = own.map(|it| it.id).collect();
    loop {
        let children =
            table.iter().filter(|it| members.contains(&it.parent) && !members.contains(&it.id));
        let children: Vec<i32> = children.map(|it| it.id).collect();
        if children.is_empty() {
            return members;
        }
        members.extend(children);
    }
}

/// All processes but zombies.
fn table() -> Vec<Entry> {
    let Ok(folder) = fs_err::read_dir("/proc") else { return Vec::new() };
    let ids = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter_map(|id| parse(id, &fs_err::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect()
}

/// Reads `/proc/<id>/stat`, see proc(5): the name in brackets may itself hold blanks and brackets.
fn parse(id: i32, stat: &str) -> Option<Entry> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let mut number = || fields.next()?.parse().ok();
    Some(Entry { id, parent: number()?, group: number()?, session: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_be_named_like_the_end_of_its_name() {
        let entry = parse(7, "7 (a) Z 1) S 3 4 5 0 -1").unwrap();
        assert_eq!(entry, Entry { id: 7, parent: 3, group: 4, session: 5 });
    }

    #[test]
    fn zombies_and_nonsense_are_no_processes() {
        assert_eq!(parse(7, "7 (a) Z 3 4 5"), None);
        assert_eq!(parse(7, "7 (a) S x 4 5"), None);
        assert_eq!(parse(7, ""), None);
    }
}
