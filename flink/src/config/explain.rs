//! Why a key has the value that it has.

use std::fmt::Write;

use super::{Configuration, deprecated, secret};
use crate::options;

impl Configuration {
    /// The value of `key`, everything that set it in the order in which it did, and what the table
    /// of options says about it. Secrets are starred.
    pub fn explain(&self, key: &str) -> String {
        let known = options::find(key);
        let shown = |value: &str| secret::shown(key, value).into_owned();
        let mut text = match (self.get(key), known.and_then(|option| option.default)) {
            (Some(value), _) => format!("{key} = {}\n", shown(value)),
            (None, Some(default)) => format!("{key} = {default} (default)\n"),
            (None, None) => format!("{key} is not set\n"),
        };
        for name in [key].iter().chain(deprecated::names(key)) {
            self.explain_name(key, name, &mut text);
        }
        if let Some(option) = known {
            // Writing to a text cannot fail.
            writeln!(text, "  {}", option.meaning).ok();
        }
        for problem in
            options::check(self).iter().filter(|problem| problem.key == key && known.is_some())
        {
            let kind = if problem.fatal { "error" } else { "warning" };
            writeln!(text, "  {kind}: {}", problem.message).ok();
        }
        if known.is_none() && self.get(key).is_none() {
            text.push_str(&guess(key));
        }
        text
    }

    fn explain_name(&self, key: &str, name: &str, text: &mut String) {
        let Some(entry) = self.named(name) else { return };
        let wins = self.entry(key).is_some_and(|winner| winner.key == name);
        for (number, setting) in entry.settings.iter().enumerate() {
            let value = secret::shown(key, &setting.value);
            let under = if name == key { String::new() } else { format!(" as {name}") };
            let won = if wins && number + 1 == entry.settings.len() { "  <- wins" } else { "" };
            writeln!(text, "  {value}  from {}{under}{won}", setting.source).ok();
        }
    }
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
    use super::super::Source;
    use super::*;

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
        assert_eq!(config.explain("rest.port"), expected);
    }

    #[test]
    fn a_key_that_is_not_set_has_its_default() {
        let config = Configuration::new();
        assert!(config.explain("rest.port").starts_with("rest.port = 8081 (default)\n"));
        assert_eq!(config.explain("my.own.key"), "my.own.key is not set\n");
    }

    #[test]
    fn a_key_that_is_no_option_is_told_with_what_may_be_meant() {
        let config = Configuration::new();
        let near = config.explain("mesos.mster");
        assert!(near.ends_with("unknown option; did you mean mesos.master?\n"), "{near}");
        let below = config.explain("mesos.worker");
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
        let told = config.explain("taskmanager.heap.mb");
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
            let text = config.explain(key);
            assert!(!text.contains("hush") && text.contains("config.yaml:1"), "{text}");
        }
    }
}
