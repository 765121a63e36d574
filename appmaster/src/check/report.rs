//! The findings of a check, and how they are shown.

use std::fmt;

use common::addresses::without_users;
use flink::config::Configuration;

use crate::settings::SettingsError;

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, where, and what to do.
    pub text: String,
    /// An error: nothing would work.
    pub fatal: bool,
}

impl Finding {
    /// Texts name values of options: users and queries of addresses in them are hidden.
    fn new(text: impl fmt::Display, fatal: bool) -> Self {
        Self { text: without_users(&text.to_string()).into_owned(), fatal }
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Errors and warnings, in the order in which a start would meet them.
    pub findings: Vec<Finding>,
    /// What was found, so that a person can confirm it.
    pub facts: Vec<String>,
}

impl Report {
    /// Whether there is an error.
    pub fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.fatal)
    }

    /// The texts of the warnings.
    pub fn warnings(&self) -> Vec<String> {
        self.findings
            .iter()
            .filter(|finding| !finding.fatal)
            .map(|finding| finding.text.clone())
            .collect()
    }

    /// The result in one line.
    pub fn verdict(&self) -> String {
        let errors = self.findings.iter().filter(|finding| finding.fatal).count();
        let counted = |number: usize, name: &str| {
            format!("{number} {name}{}", if number == 1 { "" } else { "s" })
        };
        let warnings = counted(self.findings.len() - errors, "warning");
        let end = if errors > 0 {
            "this configuration would not start"
        } else {
            "this configuration can be started"
        };
        format!("{}, {warnings}: {end}", counted(errors, "error"))
    }

    /// All findings, if there is an error, because a warning may name its cause; otherwise `None`.
    pub fn refusal(&self) -> Option<String> {
        match self.findings.as_slice() {
            _ if !self.is_fatal() => None,
            [only] => Some(only.text.clone()),
            all => Some(
                all.iter().fold(self.verdict(), |text, finding| format!("{text}\n  {finding}")),
            ),
        }
    }

    pub(super) fn error(&mut self, text: impl fmt::Display) {
        let finding = Finding::new(text, true);
        // Two processes may report the same error.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn warning(&mut self, text: impl fmt::Display) {
        self.findings.push(Finding::new(text, false));
    }

    pub(super) fn fact(&mut self, text: impl Into<String>) {
        self.facts.push(text.into());
    }

    /// An invalid option, with the place that sets it, unless it was reported already.
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
            Some(origin) if !matches!(error, SettingsError::Form(_)) => {
                self.error(format!("{text} (from {origin})"));
            }
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
