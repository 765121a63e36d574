//! Every option that matters to a Flink on Mesos, in one table: key, type, default, old names,
//! meaning, which Flink versions know it, and which read it as another type.
//!
//! The user's reference is printed from it ([`reference()`]), a configuration is checked against it
//! ([`crate::check`]), and the old names that [`crate::config`] looks under are its. Each option
//! has the type that readers get ([`ConfigOption`]), and what the programs of this project read has
//! a name too: readers take the declaration, and with it key, bounds and default.

mod bounds;
mod declare;
mod earlier;
pub mod flink;
pub mod mesos;
mod nearest;
mod option;
mod reference;
pub(crate) mod removed;

pub(crate) use bounds::Amount;
pub use bounds::Bounds;
pub use earlier::Earlier;
pub use nearest::nearest;
pub use option::{ConfigOption, OptionType};
pub use reference::reference;

#[cfg(test)]
pub(crate) use declare::key;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::version::FlinkVersion;

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
    /// A port, or ports to choose from, e.g. `50100-50200,50300`.
    Ports,
    /// The size of a message as Pekko reads it, e.g. `10485760b` or `10 MiB`.
    MessageSize,
    /// One of these.
    Choice(&'static [&'static str]),
    /// One of these, in upper or lower case, as Flink reads its own.
    Enum(&'static [&'static str]),
}

/// Everything that is known of an option, but the type in which its readers get it: that is in
/// [`ConfigOption`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    /// Its key. `<…>` stands for a part that the user names.
    pub key: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The value when nothing is configured.
    pub default: Option<&'static str>,
    /// What a number counts.
    pub unit: Option<&'static str>,
    /// The least and the largest value; `None`: those of the kind.
    pub bounds: Option<Bounds>,
    /// Old names, in the order in which they are looked at.
    pub deprecated: &'static [&'static str],
    /// The first release that knows it: of Flink for its own options (`None`: all from 1.18 on), of
    /// this project for the others (`None`: all).
    pub since: Option<(u32, u32)>,
    /// The first Flink line that no longer knows it.
    pub until: Option<(u32, u32)>,
    /// How earlier Flink lines read its value, if otherwise; the oldest line first.
    pub earlier: &'static [Earlier],
    /// Its value is a password, a token or a key: never shown, and sent to workers as a secret.
    pub secret: bool,
    /// Why it has no effect on Mesos, if it has none.
    pub without_effect: Option<&'static str>,
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
    /// Flink's own: memory of its processes.
    Memory,
    /// Flink's own: TaskManagers.
    TaskManager,
    /// Flink's own: the network between TaskManagers.
    Network,
    /// Flink's own: the JobManager.
    JobManager,
    /// Flink's own: slots and who brings them.
    ResourceManager,
    /// Flink's own: REST.
    Rest,
    /// Flink's own: high availability.
    HighAvailability,
    /// Flink's own: Kerberos and TLS.
    Security,
    /// Flink's own: web page, cluster, RPC, metrics.
    Services,
    /// Flink's own: what its scripts read.
    Scripts,
}

impl Section {
    /// All parts in the order of the reference.
    pub const ALL: [Self; 12] = [
        Self::Upstream,
        Self::Ours,
        Self::Memory,
        Self::TaskManager,
        Self::Network,
        Self::JobManager,
        Self::ResourceManager,
        Self::Rest,
        Self::HighAvailability,
        Self::Security,
        Self::Services,
        Self::Scripts,
    ];

    /// The options of this part.
    pub fn options(self) -> &'static [Declaration] {
        match self {
            Self::Upstream => mesos::upstream::OPTIONS,
            Self::Ours => mesos::ours::OPTIONS,
            Self::Memory => flink::memory::OPTIONS,
            Self::TaskManager => flink::task_manager::OPTIONS,
            Self::Network => flink::network::OPTIONS,
            Self::JobManager => flink::job_manager::OPTIONS,
            Self::ResourceManager => flink::resource_manager::OPTIONS,
            Self::Rest => flink::rest::OPTIONS,
            Self::HighAvailability => flink::high_availability::OPTIONS,
            Self::Security => flink::security::OPTIONS,
            Self::Services => flink::services::OPTIONS,
            Self::Scripts => flink::scripts::OPTIONS,
        }
    }

    /// Whether Flink itself reads them; the others are read by the programs of this project.
    pub fn is_flinks(self) -> bool {
        !matches!(self, Self::Upstream | Self::Ours)
    }
}

/// Every option.
pub fn all() -> impl Iterator<Item = &'static Declaration> {
    Section::ALL.into_iter().flat_map(Section::options)
}

/// Options by their keys. Asked for every value that is read.
static BY_KEY: LazyLock<HashMap<&'static str, &'static Declaration>> =
    LazyLock::new(|| all().map(|option| (option.key, option)).collect());

/// Options by their old names.
static BY_OLD_KEY: LazyLock<HashMap<&'static str, &'static Declaration>> = LazyLock::new(|| {
    let names =
        |option: &'static Declaration| option.deprecated.iter().map(move |old| (*old, option));
    all().flat_map(names).collect()
});

/// The option of this key.
pub fn find(key: &str) -> Option<&'static Declaration> {
    let with_names = || all().find(|option| option.key.contains('<') && matches(option.key, key));
    BY_KEY.get(key).copied().or_else(with_names)
}

/// Is the value of this key a secret, if it is the key of an option, or was one once? Where the user
/// names a part of it, that name decides.
pub(crate) fn is_secret(key: &str) -> Option<bool> {
    let option = BY_KEY.get(key).or_else(|| BY_OLD_KEY.get(key))?;
    (!option.key.contains('<')).then_some(option.secret)
}

/// The old names of `key`.
pub(crate) fn deprecated_names(key: &str) -> &'static [&'static str] {
    BY_KEY.get(key).map_or(&[], |option| option.deprecated)
}

/// Is this the key of the pattern, with any names for its named parts?
fn matches(pattern: &str, key: &str) -> bool {
    let Some((before, named)) = pattern.split_once('<') else { return pattern == key };
    let after = named.split_once('>').map_or("", |(_, after)| after);
    let Some(rest) = key.strip_prefix(before) else { return false };
    if after.is_empty() {
        return !rest.is_empty();
    }
    rest.char_indices().skip(1).any(|(end, _)| matches(after, &rest[end..]))
}

impl Declaration {
    /// Does this Flink version know it?
    pub fn exists_in(&self, version: &FlinkVersion) -> bool {
        self.since.is_none_or(|(major, minor)| version.at_least(major, minor))
            && self.until.is_none_or(|(major, minor)| !version.at_least(major, minor))
    }

    /// Does a Flink of this version read it, or we ourselves?
    pub(crate) fn is_read_by(&self, version: &FlinkVersion) -> bool {
        self.key.starts_with("mesos.") || self.exists_in(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_in_the_table_twice() {
        let mut names: Vec<&str> = all().map(|option| option.key).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    /// What Flink looks for in a key whose value it hides (`GlobalConfiguration`).
    const HIDDEN_BY_FLINK: [&str; 11] = [
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
    ];

    /// Options that Flink hides because of a word in the key.
    const NO_SECRETS: [(&str, &str); 8] = [
        ("security.kerberos.fetch.delegation-token", "a switch"),
        ("security.kerberos.tokens.renewal.retry.backoff", "a duration"),
        ("security.kerberos.tokens.renewal.time-ratio", "a number"),
        ("security.delegation.tokens.enabled", "a switch"),
        ("security.delegation.tokens.renewal.retry.backoff", "a duration"),
        ("security.delegation.tokens.renewal.time-ratio", "a number"),
        ("mesos.resourcemanager.artifactserver.plain-secrets", "a switch"),
        ("mesos.secret-artifacts.<name>", "where the secret is"),
    ];

    #[test]
    fn an_option_that_flink_hides_is_declared_a_secret_unless_its_value_is_none() {
        for option in all() {
            let is_hidden = HIDDEN_BY_FLINK.iter().any(|word| option.key.contains(word));
            let is_listed = NO_SECRETS.iter().any(|(key, _)| *key == option.key);
            assert!(!(is_listed && option.secret), "{} is in the list", option.key);
            assert!(!is_hidden || is_listed || option.secret, "{} is hidden", option.key);
        }
        assert!(NO_SECRETS.iter().all(|(key, _)| all().any(|option| option.key == *key)));
    }

    #[test]
    fn a_secret_is_one_under_the_old_names_of_its_option_too() {
        for option in all() {
            for key in option.deprecated.iter().chain([&option.key]) {
                let expected = (!key.contains('<')).then_some(option.secret);
                assert_eq!(is_secret(key), expected, "{key}");
            }
        }
        for key in ["containerized.taskmanager.env.PASSWORD", "my.password"] {
            assert_eq!(is_secret(key), None, "its name decides: {key}");
        }
    }

    #[test]
    fn a_key_with_named_parts_is_found() {
        assert_eq!(find("external-resource.gpu.amount").unwrap().kind, Kind::Integer);
        assert_eq!(
            find("external-resource.gpu.param.a.b").unwrap().key,
            "external-resource.<name>.param.<param>"
        );
        for key in [
            "external-resource..amount",
            "external-resource.gpu.param.",
            "no.such.key",
            "mesos.artifacts.",
        ] {
            assert_eq!(find(key), None, "{key}");
        }
    }

    #[test]
    fn the_options_of_the_control_api_have_the_names_of_0_1_0_too() {
        let renamed = Section::Ours.options().iter().flat_map(|option| option.deprecated);
        let renamed: Vec<_> = renamed.copied().collect();
        let expected = [
            "mesos.control.port",
            "mesos.control.bind-address",
            "mesos.control.token",
            "mesos.control.ssl.enabled",
        ];
        assert_eq!(renamed, expected);
    }

    #[test]
    fn an_option_exists_from_one_line_to_another() {
        let exists =
            |key: &str, version: &str| find(key).unwrap().exists_in(&version.parse().unwrap());
        assert!(
            exists("taskmanager.heap.size", "1.20.5") && !exists("taskmanager.heap.size", "2.0.0")
        );
        assert!(exists("env.java.default-opts.all", "1.20.5"));
        assert!(
            exists("rest.profiling.enabled", "1.20.5")
                && !exists("rest.profiling.enabled", "1.18.1")
        );
    }
}
