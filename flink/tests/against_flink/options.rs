//! The table of options against Flink's own option classes.

use flink::config::{Configuration, Source};
use flink::options::{Bounds, ConfigOption, Kind, Section};

use super::oracle::{LINES, Oracle, flink};

/// Options that Flink's scripts or other parts of it read, which are in no option class.
const IN_NO_CLASS: [&str; 3] = ["env.java.home", "fs.hdfs.hadoopconf", "taskmanager.resource-id"];

/// Newer Flinks have an option for these.
const ONLY_IN_SCRIPTS_OF_1_18: [&str; 3] =
    ["env.java.default-opts.all", "env.java.default-opts.jobmanager", "env.java.default-opts.taskmanager"];

/// The JVM says where temporary files go and what key stores are; the last one depends on the release.
const DEPENDS: [&str; 7] = [
    "io.tmp.dirs",
    "rest.profiling.dir",
    "security.ssl.internal.keystore-type",
    "security.ssl.internal.truststore-type",
    "security.ssl.rest.keystore-type",
    "security.ssl.rest.truststore-type",
    "security.ssl.verify-hostname",
];

#[test]
fn types_defaults_and_old_names_are_flinks() {
    let mut problems = Vec::new();
    for line in LINES {
        let mut flink = flink(line);
        for option in Section::ALL.into_iter().filter(|section| section.is_flinks()).flat_map(Section::options) {
            let known = known(&mut flink, option);
            let [kind, default, deprecated @ ..] = known.as_slice() else {
                let excused = IN_NO_CLASS.contains(&option.key) || !option.exists_in(&flink.version);
                assert!(excused, "{line} does not know {}", option.key);
                continue;
            };
            let wrong = [
                (option.exists_in(&flink.version), format!("it exists in {}", flink.version)),
                (has_kind(option, kind), format!("its type is {kind}")),
                (
                    DEPENDS.contains(&option.key) || default_text(option, kind) == *default,
                    format!("its default is {default}"),
                ),
                // A newer line may have forgotten an old name.
                (
                    deprecated.iter().all(|name| name == option.key || option.deprecated.contains(&name.as_str())),
                    format!("it was {deprecated:?}"),
                ),
            ];
            let wrong = wrong.into_iter().filter(|(right, _)| !right);
            problems.extend(wrong.map(|(_, problem)| format!("{line}: {}: {problem}", option.key)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn flink_1_18_knows_those_that_are_not_newer() {
    let mut flink = flink("flink-1.18.1");
    let options = Section::ALL.into_iter().filter(|section| section.is_flinks()).flat_map(Section::options);
    let wrong = options.filter(|option| option.exists_in(&flink.version) == known(&mut flink, option).is_empty());
    let wrong: Vec<_> = wrong
        .map(|option| option.key)
        .filter(|key| ![&IN_NO_CLASS[..], &ONLY_IN_SCRIPTS_OF_1_18].concat().contains(key))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Type, default and old names, if Flink has such an option.
fn known(flink: &mut Oracle, option: &ConfigOption) -> Vec<String> {
    flink.ask("option", &[option.key.replace("<name>", "<resource_name>")]).unwrap()
}

fn has_kind(option: &ConfigOption, class: &str) -> bool {
    match option.kind {
        // Flink names the type of a list's parts.
        Kind::Text | Kind::List => class == "String",
        Kind::Integer => match option.bounds() {
            Some(Bounds::Integer(least, most)) if class == "Integer" => {
                i32::try_from(least).and(i32::try_from(most)).is_ok()
            }
            // What is a long for Flink may be one here, or has bounds of its own.
            _ => class == "Long" && option.bounds.is_some(),
        },
        Kind::Number => matches!(class, "Double" | "Float"),
        Kind::Boolean => class == "Boolean",
        Kind::Duration => class == "Duration",
        Kind::Memory => class == "MemorySize",
        Kind::Map => class == "Map",
        Kind::Choice(_) | Kind::Enum(_) => true,
    }
}

/// The default as the oracle prints it.
fn default_text(option: &ConfigOption, class: &str) -> String {
    let Some(default) = option.default else { return "none".to_owned() };
    let mut config = Configuration::new();
    config.set("k", default, Source::Default);
    match option.kind {
        Kind::Duration => config.get_duration("k").unwrap().unwrap().as_nanos().to_string(),
        Kind::Memory => config.get_memory("k").unwrap().unwrap().0.to_string(),
        Kind::Number if class == "Double" => config.get_f64("k").unwrap().unwrap().to_bits().to_string(),
        Kind::List => config.get_list("k").unwrap().unwrap().join("\n"),
        Kind::Map => {
            let mut entries = config.get_map("k").unwrap().unwrap();
            entries.sort();
            entries.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("\n")
        }
        _ => default.to_owned(),
    }
}
