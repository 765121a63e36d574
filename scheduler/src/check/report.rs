//! What a check has found, and how it is told.

use std::fmt;

use overlays::config::Configuration;

use crate::{
    core::message::{Registration, State},
    settings::SettingsError,
    takeover::{self, Difference},
};

/// Something that is wrong, or only odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, where, and what to do.
    pub text: String,
    /// Nothing would work with it.
    pub fatal: bool,
}

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order in which it would be met.
    pub findings: Vec<Finding>,
    /// What is there, for a person to see that it is the right thing.
    pub facts: Vec<String>,
}

impl Report {
    /// Is there anything with which nothing would work?
    pub fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.fatal)
    }

    /// What is only odd.
    pub fn warnings(&self) -> Vec<String> {
        self.findings.iter().filter(|finding| !finding.fatal).map(|finding| finding.text.clone()).collect()
    }

    /// How much was found, in one line.
    pub fn verdict(&self) -> String {
        let errors = self.findings.iter().filter(|finding| finding.fatal).count();
        let counted = |number: usize, name: &str| format!("{number} {name}{}", if number == 1 { "" } else { "s" });
        let warnings = counted(self.findings.len() - errors, "warning");
        let end = if errors > 0 { "this configuration would not start" } else { "this configuration can be started" };
        format!("{}, {warnings}: {end}", counted(errors, "error"))
    }

    /// All findings, for a start that would not succeed; nothing if there is no error. A warning may name the cause of an error.
    pub fn refusal(&self) -> Option<String> {
        match self.findings.as_slice() {
            _ if !self.is_fatal() => None,
            [only] => Some(only.text.clone()),
            all => Some(all.iter().fold(self.verdict(), |text, finding| format!("{text}\n  {finding}"))),
        }
    }

    pub(super) fn error(&mut self, text: impl fmt::Display) {
        let finding = Finding { text: text.to_string(), fatal: true };
        // Two processes may stumble over the same thing.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn warning(&mut self, text: impl fmt::Display) {
        self.findings.push(Finding { text: text.to_string(), fatal: false });
    }

    /// What the options mean for a cluster that is there already.
    pub(super) fn takeover(&mut self, state: &State, wanted: &Registration, forgotten: Option<&str>) {
        for difference in takeover::differences(state, wanted, forgotten) {
            match difference {
                Difference::Refused(text) => self.error(text),
                Difference::Ignored(text) => self.warning(text),
            }
        }
    }

    pub(super) fn fact(&mut self, text: impl Into<String>) {
        self.facts.push(text.into());
    }

    /// An option that is wrong, with where it was set, unless something was said about it already.
    pub(super) fn setting(&mut self, error: &SettingsError, config: &Configuration) {
        let text = error.to_string();
        let is_known = |known: &Finding| {
            let key = known.text.split_once(": ").map_or(known.text.as_str(), |(key, _)| key);
            known.fatal && text.contains(&format!("{key}:"))
        };
        if self.findings.iter().any(is_known) {
            return;
        }
        match error.key().and_then(|key| config.source(key)) {
            Some(origin) if !matches!(error, SettingsError::Form(_)) => self.error(format!("{text} (from {origin})")),
            _ => self.error(text),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.fatal { "error" } else { "warning" }, self.text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for fact in &self.facts {
            writeln!(f, "ok: {fact}")?;
        }
        writeln!(f, "{}", self.verdict())
    }
}
