//! The output to people (or to a program, with `--output json`) on standard output.
//!
//! Much of it comes from others: host names, status messages with log lines of TaskManagers, errors
//! of the master. It is shown so that it cannot control a terminal or imitate one of our lines.

mod recent;

use std::{
    io::{IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use clap::ValueEnum;
use common::text::is_harmful;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::recent::Recent;
use crate::control::events::Events;

/// The format of standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line: `seconds` since the start, `event`, `text`, and the event's own
    /// fields.
    Json,
}

/// Standard output: one line per event. On a terminal, a progress line is shown at the bottom while
/// something is awaited.
#[derive(Debug)]
pub struct Console {
    form: OutputForm,
    started: Instant,
    progress: Option<ProgressBar>,
    recent: Recent,
    /// Whether the progress line is shown.
    moves: AtomicBool,
    /// Whether standard error is the log of a process in the background, for people.
    has_log: bool,
}

/// The longest text of the progress line, in characters. A terminal echoes `^C` after it: if that
/// wrapped, the old line would stay.
const MOVING: usize = 70;

impl Console {
    /// A console with this format. Only people at a terminal get the progress line.
    pub fn new(form: OutputForm) -> Self {
        let moving = form == OutputForm::Text
            && std::io::stdout().is_terminal()
            && std::io::stderr().is_terminal();
        let progress = moving.then(|| {
            let style = ProgressStyle::with_template("{spinner:.cyan} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        let (moves, recent) = (AtomicBool::new(false), Recent::new());
        Self { form, started: Instant::now(), progress, recent, moves, has_log: false }
    }

    /// A console in the background: JSON for the process that has started this one, and lines for
    /// people in the log, which is standard error.
    pub fn in_background() -> Self {
        let mut console = Self::new(OutputForm::Json);
        console.has_log = true;
        console
    }

    /// Reports an event: `text` for people, `event` and `fields` for programs.
    pub fn report(&self, event: &'static str, text: &str, fields: Value) {
        self.recent.add(event, text, &fields);
        self.show(event, text, fields);
    }

    /// The last events with higher numbers than `after`.
    pub fn recent(&self, after: u64) -> Events {
        self.recent.after(after)
    }

    fn show(&self, event: &'static str, text: &str, fields: Value) {
        let line = match self.form {
            OutputForm::Text => several_lines(text),
            OutputForm::Json => json_line(self.started.elapsed(), event, text, fields),
        };
        match &self.progress {
            // `suspend` would draw a hidden line.
            Some(bar) if self.moves.load(Ordering::Relaxed) => bar.suspend(|| print_line(&line)),
            _ => print_line(&line),
        }
        if self.has_log {
            log_line(text);
        }
    }

    /// Reports a detail: for programs an event, for people a log line.
    pub fn detail(&self, event: &'static str, text: &str, fields: Value) {
        self.recent.add(event, text, &fields);
        match self.form {
            OutputForm::Text => tracing::info!("{}", one_line(text)),
            OutputForm::Json => self.show(event, text, fields),
        }
    }

    /// Shows what is awaited on the progress line.
    pub fn waiting(&self, what: &str) {
        if let Some(bar) = &self.progress {
            bar.set_message(one_line(what).chars().take(MOVING).collect::<String>());
            bar.enable_steady_tick(Duration::from_millis(120));
            self.moves.store(true, Ordering::Relaxed);
        }
    }

    /// Removes the progress line: nothing is awaited.
    pub fn settled(&self) {
        if let Some(bar) = &self.progress
            && self.moves.swap(false, Ordering::Relaxed)
        {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.settled();
    }
}

/// Foreign text on one line, with everything escaped that a terminal would interpret.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut line, c);
    }
    line
}

/// The same with several lines. All but the first are indented, so that none looks like an event.
pub fn several_lines(text: &str) -> String {
    let lines: Vec<_> =
        text.trim_end().split('\n').map(|line| one_line(line.trim_end_matches('\r'))).collect();
    lines.join("\n    ")
}

fn push(line: &mut String, c: char) {
    match c {
        '\t' => line.push(' '),
        c if is_harmful(c) => line.extend(c.escape_default()),
        c => line.push(c),
    }
}

fn json_line(passed: Duration, event: &str, text: &str, fields: Value) -> String {
    let mut line = json!({ "seconds": (passed.as_secs_f64() * 1000.0).round() / 1000.0, "event": event, "text": text });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    line.to_string()
}

/// Writes a line with its time to standard error.
fn log_line(text: &str) {
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    _ = writeln!(std::io::stderr().lock(), "{now}  {}", several_lines(text));
}

fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    // The reader may be gone; that must not end the cluster.
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_holds_the_event_its_text_and_its_fields() {
        let line = json_line(
            Duration::from_millis(1500),
            "launched",
            "w launched",
            json!({ "worker": "w" }),
        );
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value,
            json!({ "seconds": 1.5, "event": "launched", "text": "w launched", "worker": "w" })
        );
    }

    #[test]
    fn foreign_text_neither_controls_the_terminal_nor_imitates_our_lines() {
        let host = "evil\u{1b}]0;title\u{7}\r\nFAKE LINE\u{9b}2J\u{202e}txt";
        assert_eq!(one_line(host), "evil\\u{1b}]0;title\\u{7}\\r\\nFAKE LINE\\u{9b}2J\\u{202e}txt");
        let message = "w is gone: java.lang.Error\u{1b}[2J\r\nFlink is ready\n\tat x\n";
        assert_eq!(
            several_lines(message),
            "w is gone: java.lang.Error\\u{1b}[2J\n    Flink is ready\n     at x"
        );
        assert_eq!(one_line("Zürich – 東京 ✓"), "Zürich – 東京 ✓");
    }
}
