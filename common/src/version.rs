//! Which build of a program this is.

use std::sync::OnceLock;

/// The program's version and the revision that it was built from: `0.1.0 (1a2b3c4d5e6f)`.
///
/// `make build` sets the revision in `FLINK_MESOS_REVISION`; a build without it says `development
/// build`.
#[macro_export]
macro_rules! version {
    () => {
        $crate::version::describe(env!("CARGO_PKG_VERSION"), option_env!("FLINK_MESOS_REVISION"))
    };
}

/// What [`version!`](crate::version!) expands to: the text is made once for each process.
pub fn describe(version: &str, revision: Option<&str>) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| text(version, revision))
}

fn text(version: &str, revision: Option<&str>) -> String {
    let revision = revision.filter(|revision| !revision.is_empty()).unwrap_or("development build");
    format!("{version} ({revision})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_the_revision_or_says_that_nobody_named_one() {
        assert_eq!(text("0.1.0", Some("1a2b3c4")), "0.1.0 (1a2b3c4)");
        assert_eq!(text("0.1.0", Some("")), "0.1.0 (development build)");
        assert_eq!(text("0.1.0", None), "0.1.0 (development build)");
    }
}
