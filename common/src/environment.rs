//! The environment of this process.

/// Its variables, without those that are not UTF-8: neither we nor Flink could use them.
pub fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
