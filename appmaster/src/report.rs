//! The list of what is found before anything is started. Every reader of configuration and every
//! check takes a [`Report`], notes its problems there, and yields a value where it met none.

mod settings_error;

use std::{collections::HashSet, fmt};

use anyhow::anyhow;
use common::addresses::without_users;
use flink::{check::check, config::Configuration};

pub use self::settings_error::SettingsError;
use crate::failure::Failure;

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

/// Errors, warnings and facts.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Errors and warnings, in the order in which they were found.
    pub findings: Vec<Finding>,
    /// What was found, so that a person can confirm it.
    pub facts: Vec<String>,
    /// Options with a value of the wrong form. What their readers find follows from that.
    malformed: HashSet<String>,
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

    /// Why nothing can be started: all findings, because a warning may name the cause of an error.
    pub fn failure(&self) -> Failure {
        let text = match self.findings.as_slice() {
            [only] => only.text.clone(),
            all => all.iter().fold(self.verdict(), |text, finding| format!("{text}\n  {finding}")),
        };
        Failure::usage(anyhow!(text))
    }

    /// The value; or notes the error.
    pub fn value<T>(&mut self, result: Result<T, impl fmt::Display>) -> Option<T> {
        result.map_err(|error| self.error(error)).ok()
    }

    /// The value of an option; or notes that the option is invalid, with the place that sets it.
    pub fn setting<T>(
        &mut self,
        config: &Configuration,
        read: Result<T, impl Into<SettingsError>>,
    ) -> Option<T> {
        read.map_err(|error| self.invalid(config, &error.into())).ok()
    }

    /// Notes an invalid option, with the place that sets it, unless its form was reported already.
    pub fn invalid(&mut self, config: &Configuration, error: &SettingsError) {
        if error.key().is_some_and(|key| self.malformed.contains(key)) {
            return;
        }
        match error.key().and_then(|key| config.source(key)) {
            Some(origin) if !error.names_origin() => self.error(format!("{error} (from {origin})")),
            _ => self.error(error),
        }
    }

    /// Checks the form of every option.
    pub fn forms(&mut self, config: &Configuration) {
        for problem in check(config) {
            if problem.fatal {
                self.error(&problem);
                self.malformed.insert(problem.key);
            } else {
                self.warning(problem);
            }
        }
    }

    /// Notes an error.
    pub fn error(&mut self, text: impl fmt::Display) {
        let finding = Finding::new(text, true);
        // Two processes, or two servers with one certificate, may have the same error.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Notes a warning.
    pub fn warning(&mut self, text: impl fmt::Display) {
        self.findings.push(Finding::new(text, false));
    }

    /// Notes a fact.
    pub fn fact(&mut self, text: impl Into<String>) {
        self.facts.push(text.into());
    }
}

#[cfg(test)]
impl Report {
    /// What `read` yields, or its errors as a start shows them.
    pub(crate) fn of<T>(read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, String> {
        let mut report = Self::default();
        let value = read(&mut report);
        value.filter(|_| !report.is_fatal()).ok_or_else(|| report.failure().to_string())
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
