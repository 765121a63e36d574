//! Old names of keys that Flink 1.18 to 2.x still reads under their new names.

/// New name, then its old names in the order in which Flink looks at them.
const NAMES: &[(&str, &[&str])] = &[
    ("env.java.opts.all", &["env.java.opts"]),
    ("high-availability.type", &["high-availability", "recovery.mode"]),
    ("jobmanager.memory.heap.size", &[]),
    ("taskmanager.memory.managed.size", &["taskmanager.memory.size"]),
    ("taskmanager.memory.network.fraction", &["taskmanager.network.memory.fraction"]),
    ("taskmanager.memory.network.max", &["taskmanager.network.memory.max"]),
    ("taskmanager.memory.network.min", &["taskmanager.network.memory.min"]),
];

/// The deprecated names of `key`, most wanted first.
pub(super) fn names(key: &str) -> &'static [&'static str] {
    NAMES.iter().find(|(name, _)| *name == key).map_or(&[], |(_, old)| old)
}
