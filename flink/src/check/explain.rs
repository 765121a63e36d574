//! Why a key has the value that it has.

use std::fmt::Write;

use super::check;
use crate::config::Configuration;
use crate::options;

/// The value of `key`, everything that set it in the order in which it did, and what the table of
/// options and the check say about it. Secrets are starred.
pub fn explain(config: &Configuration, key: &str) -> String {
    let known = options::find(key);
    let mut text = match (config.get(key), known.and_then(|option| option.default)) {
        (Some(value), _) => format!("{key} = {}\n", Configuration::shown(key, value)),
        (None, Some(default)) => format!("{key} = {default} (default)\n"),
        (None, None) => format!("{key} is not set\n"),
    };
    text.push_str(&history(config, key));
    if let Some(option) = known {
        // Writing to a text cannot fail.
        writeln!(text, "  {}", option.meaning).ok();
        for problem in check(config).iter().filter(|problem| problem.key == key) {
            let kind = if problem.fatal { "error" } else { "warning" };
            writeln!(text, "  {kind}: {}", problem.message).ok();
        }
    } else if config.get(key).is_none() {
        text.push_str(&guess(key));
    }
    text
}

/// A line for everything that set the key, under its own name and then under its old ones.
fn history(config: &Configuration, key: &str) -> String {
    let mut text = String::new();
    let mut is_decided = false;
    for name in [key].iter().chain(options::deprecated_names(key)) {
        let under = if *name == key { String::new() } else { format!(" as {name}") };
        let mut settings = config.settings_named(name).peekable();
        let wins = !is_decided && settings.peek().is_some();
        is_decided |= wins;
        while let Some((value, source)) = settings.next() {
            let value = Configuration::shown(key, value);
            let won = if wins && settings.peek().is_none() { "  <- wins" } else { "" };
            writeln!(text, "  {value}  from {source}{under}{won}").ok();
        }
    }
    text
}

/// The options that may be meant by a key that there is not.
fn guess(key: &str) -> String {
    let below = format!("{key}.");
    let below: Vec<_> =
        options::all().map(|option| option.key).filter(|known| known.starts_with(&below)).collect();
    if !below.is_empty() {
        return format!("  options with this prefix: {}\n", below.join(", "));
    }
    match options::nearest(key) {
        Some(near) => format!("  unknown option; did you mean {near}?\n"),
        None if key.starts_with("mesos.") => {
            "  unknown option; `flink-mesos config options` lists all\n".to_owned()
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[test]
    fn every_source_is_told_and_which_won() {
        let mut config = Configuration::new();
        config.set(
            "rest.port",
            "8081",
            Source::File { path: "/etc/flink/config.yaml".into(), line: Some(12) },
        );
        config.set("rest.port", "9090", Source::DynamicProperty);
        config.set("web.port", "1", Source::Environment("FLINK_PROPERTIES".to_owned()));
        let expected = "rest.port = 9090\n  8081  from /etc/flink/config.yaml:12\n  9090  from -D  <- wins\n  \
                        1  from environment variable FLINK_PROPERTIES as web.port\n  port of the REST API and the web page\n";
        assert_eq!(explain(&config, "rest.port"), expected);
    }

    #[test]
    fn a_key_that_is_not_set_has_its_default() {
        let config = Configuration::new();
        assert!(explain(&config, "rest.port").starts_with("rest.port = 8081 (default)\n"));
        assert_eq!(explain(&config, "my.own.key"), "my.own.key is not set\n");
    }

    #[test]
    fn a_key_that_is_no_option_is_told_with_what_may_be_meant() {
        let config = Configuration::new();
        let near = explain(&config, "mesos.mster");
        assert!(near.ends_with("unknown option; did you mean mesos.master?\n"), "{near}");
        let below = explain(&config, "mesos.worker");
        assert!(
            below.contains("options with this prefix: ")
                && below.contains("mesos.worker.kill-grace"),
            "{below}"
        );
    }

    #[test]
    fn a_wrong_value_is_told() {
        let mut config = Configuration::new();
        config.set("taskmanager.heap.mb", "1024m", Source::DynamicProperty);
        let told = explain(&config, "taskmanager.heap.mb");
        assert!(told.contains("error: '1024m' is not a whole number"), "{told}");
    }

    #[test]
    fn a_secret_is_explained_without_being_shown() {
        for (key, value) in [
            ("security.ssl.key-password", "hush"),
            ("mesos.resourcemanager.tasks.bootstrap-cmd", "export X=hush"),
            ("containerized.taskmanager.env.DB", "hush"),
            ("containerized.master.env.DB", "hush"),
            ("mesos.resourcemanager.tasks.uris", "https://u:hush@h/a.tgz,https://h/b.tgz?sig=hush"),
            ("env.java.opts.all", "-Dkey.password=hush -Dproxy=http://u:hush@h"),
        ] {
            let mut config = Configuration::new();
            config.set(key, value, Source::DynamicProperty);
            config.set(
                key,
                value,
                Source::File { path: "/etc/flink/config.yaml".into(), line: Some(1) },
            );
            let text = explain(&config, key);
            assert!(!text.contains("hush") && text.contains("config.yaml:1"), "{text}");
        }
    }
}
