//! The environment variables, as everything that depends on them reads them.

/// Reads an environment variable.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;
