//! The user's reference of all options, as Markdown.

use std::fmt::Write as _;

use super::{Declaration, Earlier, Kind, Section};

const INTRODUCTION: &str = "# Options

`flink-mesos config options` prints this page. Unless the meaning says otherwise, Mesos options exist since flink-mesos 0.1 and Flink's own
options since Flink 1.18. Flink has more options than these; all of them are passed to it.
";

/// The whole reference; `docs/configuration.md` is this text.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in Section::ALL {
        write!(text, "\n## {}\n", title(section)).ok();
        text.push_str("\n| option | type | default | meaning |\n| --- | --- | --- | --- |\n");
        for option in section.options() {
            text.push_str(&row(section, option));
        }
    }
    text
}

fn title(section: Section) -> &'static str {
    match section {
        Section::Upstream => "Mesos options of Flink 1.13",
        Section::Ours => "New Mesos options",
        Section::Memory => "Flink: memory",
        Section::TaskManager => "Flink: TaskManagers",
        Section::Network => "Flink: the network between TaskManagers",
        Section::JobManager => "Flink: the JobManager",
        Section::ResourceManager => "Flink: slots",
        Section::Rest => "Flink: REST",
        Section::HighAvailability => "Flink: high availability",
        Section::Security => "Flink: Kerberos and TLS",
        Section::Services => "Flink: web page, cluster, RPC, metrics",
        Section::Scripts => "Flink: Java, logs, Hadoop",
    }
}

fn row(section: Section, option: &Declaration) -> String {
    let default =
        option.default.filter(|default| !default.is_empty()).map(|default| format!("`{default}`"));
    let unit = option.unit.map(|unit| format!(", {unit}"));
    // Those of the kind go without saying.
    let range = option.bounds.and(option.allowed()).map(|range| format!(", {range}"));
    let range = range.or(unit).unwrap_or_default();
    let formerly = match option.deprecated {
        [] => String::new(),
        names => format!("; formerly `{}`", names.join("`, `")),
    };
    let whose = if section.is_flinks() { "Flink" } else { "flink-mesos" };
    let since = option
        .since
        .map(|(major, minor)| format!("; from {whose} {major}.{minor} on"))
        .unwrap_or_default();
    let effect = option
        .without_effect
        .map(|why| format!("; **no effect on Mesos**: {why}"))
        .unwrap_or_default();
    let until = option
        .until
        .map(|(major, minor)| format!("; before Flink {major}.{minor}"))
        .unwrap_or_default();
    let earlier: String = option.earlier.iter().map(earlier).collect();
    let default = default.unwrap_or_default();
    // A pipe would end the cell.
    let meaning = option.meaning.replace('|', "\\|");
    format!(
        "| `{}` | {}{range} | {default} | {meaning}{effect}{formerly}{since}{until}{earlier} |\n",
        option.key,
        kind(option.kind)
    )
}

fn earlier(earlier: &Earlier) -> String {
    let (major, minor) = earlier.before;
    let unit = earlier.unit.map(|unit| format!(" of {unit}")).unwrap_or_default();
    format!("; before Flink {major}.{minor}: {}{unit}", kind(earlier.kind))
}

fn kind(kind: Kind) -> String {
    let name = match kind {
        Kind::Text => "text",
        Kind::Integer => "whole number",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Duration => "duration",
        Kind::Memory => "memory size",
        Kind::List => "list",
        Kind::Map => "map",
        Kind::Ports => "ports",
        Kind::MessageSize => "message size",
        Kind::Choice(allowed) | Kind::Enum(allowed) => {
            return format!("`{}`", allowed.join("` or `"));
        }
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{all, removed};
    use super::*;

    #[test]
    fn the_documentation_is_in_step_with_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let written = fs_err::read_to_string(path).unwrap_or_default();
        if written != reference() {
            let printed = std::env::temp_dir().join("flink-mesos-configuration.md");
            fs_err::write(&printed, reference()).unwrap();
            panic!("docs/configuration.md is out of step; copy {} over it", printed.display());
        }
    }

    #[test]
    fn the_migration_page_has_a_word_on_every_option_that_flink_1_13_had() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/migrating-from-flink-1.13.md");
        let page = fs_err::read_to_string(path).unwrap();
        let gone = removed::GONE.iter().chain(removed::FORGOTTEN).map(|(key, _)| *key);
        let upstream = Section::Upstream.options().iter().map(|option| option.key);
        let idle = all().filter(|option| option.without_effect.is_some()).map(|option| option.key);
        let missing: Vec<_> = upstream
            .chain(gone)
            .chain(idle)
            .filter(|key| !page.contains(&format!("`{key}`")))
            .collect();
        assert!(missing.is_empty(), "no word on {missing:?}");
    }
}
