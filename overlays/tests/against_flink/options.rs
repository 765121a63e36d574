//! The table of options against Flink's own option classes.

use overlays::config::{Configuration, Source};
use overlays::options::{ConfigOption, Kind, Section};

use super::oracle::{LINES, Oracle, flink_home};

/// Options that Flink's scripts or other parts of it read, which are in no option class.
const IN_NO_CLASS: [&str; 3] = ["env.java.home", "fs.hdfs.hadoopconf", "taskmanager.resource-id"];

/// The JVM says where temporary files go.
const DEPENDS_ON_MACHINE: [&str; 1] = ["io.tmp.dirs"];

#[test]
fn types_defaults_and_old_names_are_flinks() {
    let mut problems = Vec::new();
    for line in LINES {
        let mut flink = Oracle::start(&flink_home(line));
        for option in Section::Flink.options() {
            let known = flink.ask("option", &[option.key.replace("<name>", "<resource_name>")]).unwrap();
            let [kind, default, deprecated @ ..] = known.as_slice() else {
                let excused = IN_NO_CLASS.contains(&option.key) || !option.exists_in(&flink.version);
                assert!(excused, "{line} does not know {}", option.key);
                continue;
            };
            let wrong = [
                (option.exists_in(&flink.version), format!("it exists in {}", flink.version)),
                (has_kind(option, kind), format!("its type is {kind}")),
                (
                    DEPENDS_ON_MACHINE.contains(&option.key) || default_text(option) == *default,
                    format!("its default is {default}"),
                ),
                // A newer line may have forgotten an old name.
                (
                    deprecated.iter().all(|name| option.deprecated.contains(&name.as_str())),
                    format!("it was {deprecated:?}"),
                ),
            ];
            let wrong = wrong.into_iter().filter(|(right, _)| !right);
            problems.extend(wrong.map(|(_, problem)| format!("{line}: {}: {problem}", option.key)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn has_kind(option: &ConfigOption, class: &str) -> bool {
    match option.kind {
        // Flink tells the type of a list's parts.
        Kind::Text | Kind::List => class == "String",
        Kind::Integer => matches!(class, "Integer" | "Long"),
        Kind::Number => matches!(class, "Double" | "Float"),
        Kind::Boolean => class == "Boolean",
        Kind::Duration => class == "Duration",
        Kind::Memory => class == "MemorySize",
        Kind::Map => class == "Map",
        Kind::Choice(_) => true,
    }
}

/// The default as the oracle prints it.
fn default_text(option: &ConfigOption) -> String {
    let Some(default) = option.default else { return "none".to_owned() };
    let mut config = Configuration::new();
    config.set("k", default, Source::Default);
    match option.kind {
        Kind::Duration => config.get_duration("k").unwrap().unwrap().as_nanos().to_string(),
        Kind::Memory => config.get_memory("k").unwrap().unwrap().0.to_string(),
        _ => default.to_owned(),
    }
}
