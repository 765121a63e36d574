//! Every option that matters to a Flink on Mesos, in one table: key, type, default, old names, meaning, and which Flink
//! versions know it.
//!
//! The user's reference is printed from it ([`reference()`]), a configuration is checked against it ([`check()`]),
//! and the old names that [`crate::config`] looks under are its.

mod check;
mod flink;
mod mesos;
mod ours;
mod reference;

pub use check::{Problem, check};
pub use reference::reference;

use crate::flink::FlinkVersion;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Flink's duration, e.g. `10 s`.
    Duration,
    /// Flink's memory size, e.g. `1728m`.
    Memory,
    /// Flink's list, e.g. `a;b` or `[a, b]`.
    List,
    /// Flink's map, e.g. `k1:v1,k2:v2`.
    Map,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// An option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigOption {
    /// Its key. `<…>` stands for a part that the user names.
    pub key: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The value when nothing is configured.
    pub default: Option<&'static str>,
    /// What a number counts.
    pub unit: Option<&'static str>,
    /// Old names, in the order in which they are looked at. Only Flink's own options have any.
    pub deprecated: &'static [&'static str],
    /// The first Flink line that knows it; `None`: all from 1.18 on, or it is not Flink's own.
    pub since: Option<(u32, u32)>,
    /// The first Flink line that does not know it any more.
    pub until: Option<(u32, u32)>,
    /// What it is for.
    pub meaning: &'static str,
}

/// The parts of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `mesos.*` options that Flink 1.13 had.
    Upstream,
    /// `mesos.*` options of this project.
    Ours,
    /// Flink's own that have to do with how its processes are started.
    Flink,
}

impl Section {
    /// All parts in the order of the reference.
    pub const ALL: [Self; 3] = [Self::Upstream, Self::Ours, Self::Flink];

    /// The options of this part.
    pub fn options(self) -> &'static [ConfigOption] {
        match self {
            Self::Upstream => mesos::OPTIONS,
            Self::Ours => ours::OPTIONS,
            Self::Flink => flink::OPTIONS,
        }
    }
}

/// The option of this key.
pub fn find(key: &str) -> Option<&'static ConfigOption> {
    Section::ALL.iter().flat_map(|section| section.options()).find(|option| option.is_named(key))
}

/// The old names of `key`. Asked for every value that is read, so it does not look at what has none.
pub(crate) fn deprecated_names(key: &str) -> &'static [&'static str] {
    let renamed = Section::Flink.options().iter().filter(|option| !option.deprecated.is_empty());
    renamed.into_iter().find(|option| option.key == key).map_or(&[], |option| option.deprecated)
}

impl ConfigOption {
    /// Does this Flink version know it?
    pub fn exists_in(&self, version: &FlinkVersion) -> bool {
        self.since.is_none_or(|(major, minor)| version.at_least(major, minor))
            && self.until.is_none_or(|(major, minor)| !version.at_least(major, minor))
    }

    /// Is this its key, with any name for its named part?
    fn is_named(&self, key: &str) -> bool {
        match self
            .key
            .split_once('<')
            .map(|(before, rest)| (before, rest.split_once('>').map_or("", |(_, after)| after)))
        {
            None => self.key == key,
            Some((before, after)) => {
                key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(|name| !name.is_empty())
            }
        }
    }

    // How the table is written.

    const fn new(key: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self { key, kind, default: None, unit: None, deprecated: &[], since: None, until: None, meaning }
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    const fn formerly(mut self, names: &'static [&'static str]) -> Self {
        self.deprecated = names;
        self
    }

    const fn since(mut self, major: u32, minor: u32) -> Self {
        self.since = Some((major, minor));
        self
    }

    const fn until(mut self, major: u32, minor: u32) -> Self {
        self.until = Some((major, minor));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static ConfigOption> {
        Section::ALL.into_iter().flat_map(Section::options)
    }

    #[test]
    fn no_key_is_in_the_table_twice() {
        let mut names: Vec<&str> = all().map(|option| option.key).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_default_has_its_options_form() {
        for option in all() {
            if let Some(default) = option.default {
                assert_eq!(check::form_error(option, default), None, "{}", option.key);
            }
        }
    }

    #[test]
    fn a_key_with_a_named_part_is_found() {
        assert_eq!(find("external-resource.gpu.amount").unwrap().kind, Kind::Integer);
        assert!(find("external-resource..amount").is_none() && find("no.such.key").is_none());
    }

    #[test]
    fn only_flinks_own_options_were_renamed() {
        let ours = [Section::Upstream, Section::Ours].into_iter().flat_map(Section::options);
        assert!(ours.into_iter().all(|option| option.deprecated.is_empty()));
    }

    #[test]
    fn an_option_exists_from_one_line_to_another() {
        let exists = |key: &str, version: &str| find(key).unwrap().exists_in(&version.parse().unwrap());
        assert!(exists("taskmanager.heap.size", "1.20.5") && !exists("taskmanager.heap.size", "2.0.0"));
        assert!(exists("env.java.default-opts.all", "1.20.5"));
    }
}
