//! The result of a check, and all results as a table or as JSON.

use serde::Serialize;
use serde_json::json;

use crate::{
    console::{OutputForm, one_line},
    table::{Mood, Paint, table},
};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok,
    /// It works, but something may fail later.
    Warning,
    /// A cluster would not work.
    Failed,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// What was checked.
    pub(super) check: &'static str,
    #[serde(rename = "result")]
    pub(super) outcome: Outcome,
    /// What was found.
    pub(super) finding: String,
    /// What to do next; empty if nothing is.
    pub(super) next: String,
}

impl Row {
    pub(super) fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, finding: finding.into(), next: String::new() }
    }

    pub(super) fn warning(
        check: &'static str,
        finding: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let (finding, next) = (finding.into(), next.into());
        Self { check, outcome: Outcome::Warning, finding, next }
    }

    pub(super) fn failed(
        check: &'static str,
        finding: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let (finding, next) = (finding.into(), next.into());
        Self { check, outcome: Outcome::Failed, finding, next }
    }
}

/// How many of the checks ended like this.
pub(super) fn count(rows: &[Row], outcome: Outcome) -> usize {
    rows.iter().filter(|row| row.outcome == outcome).count()
}

/// All results.
pub(super) fn shown(rows: &[Row], form: OutputForm, paint: Paint) -> String {
    if form == OutputForm::Json {
        let (failed, warnings) = (count(rows, Outcome::Failed), count(rows, Outcome::Warning));
        return json!({ "checks": rows, "failed": failed, "warnings": warnings }).to_string();
    }
    let cells = rows.iter().map(|row| {
        let result = match row.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
        };
        [result.to_owned(), row.check.to_owned(), one_line(&row.finding), one_line(&row.next)]
    });
    let lines = table(["RESULT", "CHECK", "FINDING", "NEXT STEP"], cells.collect());
    let painted = lines.into_iter().enumerate().map(|(at, line)| {
        // The first line has the headings.
        let outcome = at.checked_sub(1).and_then(|at| rows.get(at)).map(|row| row.outcome);
        match outcome {
            Some(Outcome::Failed) => paint.text(Mood::Bad, &line),
            _ => line,
        }
    });
    painted.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_check_with_the_next_step_and_json_has_the_same() {
        let rows = [
            Row::ok("java", "Java 17"),
            Row::failed("clock", "5 min\nbehind", "start an NTP client"),
        ];
        let text = shown(&rows, OutputForm::Text, Paint::default());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("ok") && lines[1].ends_with("Java 17"), "{text}");
        assert!(lines[2].starts_with("failed") && lines[2].ends_with("NTP client"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&shown(&rows, OutputForm::Json, Paint::default())).unwrap();
        assert_eq!((&json["failed"], &json["warnings"]), (&json!(1), &json!(0)));
        let expected = json!({ "check": "java", "result": "ok", "finding": "Java 17", "next": "" });
        assert_eq!(json["checks"][0], expected);
    }
}
