//! The user's reference of all options, as Markdown.

use super::{ConfigOption, Kind, Section};

/// The whole reference; `docs/configuration.md` is this text.
pub fn reference() -> String {
    let mut text = "# Options\n\nThis page is printed by `flink-mesos config options`.\n".to_owned();
    for section in Section::ALL {
        text.push_str(match section {
            Section::Upstream => "\n## Mesos, as Flink 1.13 had them\n",
            Section::Ours => "\n## Mesos, new\n",
            Section::Flink => "\n## Flink's own, as far as they have to do with how its processes are started\n",
        });
        text.push_str("\n| option | type | default | meaning |\n| --- | --- | --- | --- |\n");
        for option in section.options() {
            text.push_str(&row(option));
        }
    }
    text
}

fn row(option: &ConfigOption) -> String {
    let default = option.default.filter(|default| !default.is_empty()).map(|default| format!("`{default}`"));
    let unit = option.unit.map(|unit| format!(", {unit}")).unwrap_or_default();
    let formerly = match option.deprecated {
        [] => String::new(),
        names => format!("; formerly `{}`", names.join("`, `")),
    };
    let since = option.since.map(|(major, minor)| format!("; from Flink {major}.{minor} on")).unwrap_or_default();
    let until = option.until.map(|(major, minor)| format!("; before Flink {major}.{minor}")).unwrap_or_default();
    let default = default.unwrap_or_default();
    // A pipe would end the cell.
    let meaning = option.meaning.replace('|', "\\|");
    format!("| `{}` | {}{unit} | {default} | {meaning}{formerly}{since}{until} |\n", option.key, kind(option.kind))
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
        Kind::Choice(allowed) => return format!("`{}`", allowed.join("` or `")),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
        let gone = super::super::check::GONE.iter().map(|(key, _)| *key);
        let upstream = Section::Upstream.options().iter().map(|option| option.key);
        let missing: Vec<_> = upstream.chain(gone).filter(|key| !page.contains(&format!("`{key}`"))).collect();
        assert!(missing.is_empty(), "no word on {missing:?}");
    }
}
