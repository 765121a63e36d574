//! Old names of keys, out of the table of options.

use crate::options;

/// The deprecated names of `key`, in the order in which Flink looks at them.
pub(super) fn names(key: &str) -> &'static [&'static str] {
    options::deprecated_names(key)
}
