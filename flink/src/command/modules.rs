//! Packages of Java that Flink and its serializers look into. Since Java 17 they must be opened by
//! name; Flink's shipped configuration does so in `env.java.opts.all`, but one that comes from an
//! older Flink, or was written by hand, does not.

use crate::version::FlinkVersion;

/// Java refuses what nobody opened from this release on.
const FIRST_JAVA: u32 = 17;

const EXPORTS: [&str; 7] = [
    "java.rmi/sun.rmi.registry",
    "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util",
    "java.security.jgss/sun.security.krb5",
];

/// Before Flink 2.0 alone.
const EXPORT_OF_1: &str = "java.base/sun.net.util";

/// All in `java.base`.
const OPENS: [&str; 12] = [
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
];

/// Options that open what this Flink needs on this Java; none when the configured ones open
/// something themselves.
pub(super) fn options(flink: &FlinkVersion, java: u32, configured: &[String]) -> Vec<String> {
    let is_theirs =
        |option: &String| option.starts_with("--add-opens") || option.starts_with("--add-exports");
    if java < FIRST_JAVA || configured.iter().any(is_theirs) {
        return Vec::new();
    }
    let of_1 = (!flink.at_least(2, 0)).then_some(EXPORT_OF_1);
    let exports = of_1
        .into_iter()
        .chain(EXPORTS)
        .map(|package| format!("--add-exports={package}=ALL-UNNAMED"));
    let opens =
        OPENS.into_iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    exports.chain(opens).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options_of(flink: &str, java: u32, configured: &[&str]) -> Vec<String> {
        let configured: Vec<_> = configured.iter().map(|option| (*option).to_owned()).collect();
        options(&flink.parse().unwrap(), java, &configured)
    }

    #[test]
    fn they_are_opened_where_java_wants_it_and_nobody_did() {
        assert_eq!(options_of("1.20.5", 17, &["-XX:+UseZGC"]).len(), 20);
        assert_eq!(options_of("2.3.0", 21, &[]).len(), 19, "without what Flink 2 does not need");
        assert!(options_of("1.20.5", 11, &[]).is_empty());
        for theirs in ["--add-opens=java.base/java.util=ALL-UNNAMED", "--add-exports"] {
            assert!(options_of("1.20.5", 17, &[theirs]).is_empty(), "{theirs}");
        }
    }
}
