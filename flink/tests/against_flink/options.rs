//! The table of options against Flink's own option classes.

use flink::config::{Configuration, Source};
use flink::options::{Bounds, Declaration, Kind, Section, all};

use super::oracle::{Oracle, flink};
use super::values::VERSIONS;

/// Options that Flink's scripts or other parts of it read, which are in no option class, at least
/// in that of 1.18.
const IN_NO_CLASS: [&str; 7] = [
    "env.java.home",
    "fs.hdfs.hadoopconf",
    "taskmanager.resource-id",
    "state.backend.rocksdb.localdir",
    "env.java.default-opts.all",
    "env.java.default-opts.jobmanager",
    "env.java.default-opts.taskmanager",
];

/// Durations that Flink 1.18 and 1.19 read out of a text.
const DURATIONS_IN_TEXT: [&str; 3] =
    ["resourcemanager.job.timeout", "pekko.startup-timeout", "pekko.tcp.timeout"];

/// Choices that Flink reads out of a text.
const CHOICES_IN_TEXT: [&str; 3] = [
    "classloader.resolve-order",
    "jobmanager.execution.failover-strategy",
    "security.ssl.provider",
];

/// The JVM says where temporary files go and what key stores are; the last four depend on the
/// release.
const DEPENDS: [&str; 11] = [
    "io.tmp.dirs",
    "rest.profiling.dir",
    "web.tmpdir",
    "security.ssl.internal.keystore-type",
    "security.ssl.internal.truststore-type",
    "security.ssl.rest.keystore-type",
    "security.ssl.rest.truststore-type",
    "resourcemanager.job.timeout",
    "resourcemanager.standalone.start-up-time",
    "security.ssl.algorithms",
    "security.ssl.verify-hostname",
];

#[test]
fn types_choices_defaults_and_old_names_are_those_of_each_flink() {
    let mut problems = Vec::new();
    for line in VERSIONS {
        let mut flink = flink(line);
        for option in Section::ALL
            .into_iter()
            .filter(|section| section.is_flinks())
            .flat_map(Section::options)
        {
            let known = known(&mut flink, option);
            let [kind, default, deprecated @ ..] = known.as_slice() else {
                let excused =
                    IN_NO_CLASS.contains(&option.key) || !option.exists_in(&flink.version);
                assert!(excused, "{line} does not know {}", option.key);
                continue;
            };
            let read = option.as_read_by(Some(flink.version));
            let wrong = [
                (option.exists_in(&flink.version), format!("it exists in {}", flink.version)),
                (has_kind(&read, kind), format!("its type is {kind}")),
                (
                    DEPENDS.contains(&option.key) || default_text(option, kind) == *default,
                    format!("its default is {default}"),
                ),
                // A newer line may have forgotten an old name.
                (
                    deprecated.iter().all(|name| {
                        name == option.key || option.deprecated.contains(&name.as_str())
                    }),
                    format!("it was {deprecated:?}"),
                ),
            ];
            let wrong = wrong.into_iter().filter(|(right, _)| !right);
            problems.extend(wrong.map(|(_, problem)| format!("{line}: {}: {problem}", option.key)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Type, default and old names, if Flink has such an option.
fn known(flink: &mut Oracle, option: &Declaration) -> Vec<String> {
    flink.ask("option", &[option.key.replace("<name>", "<resource_name>")]).unwrap()
}

fn has_kind(option: &Declaration, class: &str) -> bool {
    match option.kind {
        // Flink names the type of a list's parts.
        Kind::Text | Kind::List | Kind::Ports | Kind::MessageSize => class == "String",
        Kind::Integer => match option.bounds() {
            Some(Bounds::Integer(least, most)) if class == "Integer" => {
                i32::try_from(least).and(i32::try_from(most)).is_ok()
            }
            // What is a long for Flink may be one here, or has bounds of its own.
            _ => class == "Long" && option.bounds.is_some(),
        },
        Kind::Number => matches!(class, "Double" | "Float"),
        Kind::Boolean => class == "Boolean",
        // Flink 1.18 and 1.19 read these texts as durations.
        Kind::Duration if DURATIONS_IN_TEXT.contains(&option.key) => {
            matches!(class, "Duration" | "String")
        }
        Kind::Duration => class == "Duration",
        Kind::Memory => class == "MemorySize",
        Kind::Map => class == "Map",
        Kind::Enum(_) if CHOICES_IN_TEXT.contains(&option.key) => class == "String",
        Kind::Choice(choices) | Kind::Enum(choices) => class == choices.join("|"),
    }
}

/// The default as the oracle prints it.
fn default_text(option: &Declaration, class: &str) -> String {
    let Some(default) = option.default else { return "none".to_owned() };
    let mut config = Configuration::new();
    config.set("k", default, Source::Default);
    match option.kind {
        Kind::Duration => {
            let duration = config.get_duration("k").unwrap().unwrap();
            match class {
                "Duration" => duration.as_nanos().to_string(),
                "Long" | "Integer" => duration.as_millis().to_string(),
                _ => default.to_owned(),
            }
        }
        Kind::Memory => config.get_memory("k").unwrap().unwrap().0.to_string(),
        Kind::Number if class == "Double" => {
            config.get_f64("k").unwrap().unwrap().to_bits().to_string()
        }
        Kind::List => config.get_list("k").unwrap().unwrap().join("\n"),
        Kind::Map => {
            let mut entries = config.get_map("k").unwrap().unwrap();
            entries.sort();
            entries
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join("\n")
        }
        _ => default.to_owned(),
    }
}

#[test]
fn an_option_is_declared_a_secret_if_flink_hides_it_and_its_value_is_text() {
    for line in VERSIONS {
        let mut flink = flink(line);
        for option in all() {
            let theirs = flink.ask("sensitive", &[option.key.to_owned()]).unwrap();
            let is_text =
                option.kind == Kind::Text && option.key != "mesos.secret-artifacts.<name>";
            let is_hidden = theirs[0] == "true" && is_text;
            assert!(option.secret || !is_hidden, "{line}: {}", option.key);
        }
    }
}
