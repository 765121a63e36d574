//! What a person (or a program, with `--output json`) sees on standard output.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The form of what goes to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line: `seconds` since the start, `event`, `text`, and the event's own fields.
    Json,
}

/// Standard output: one line per event, and on a terminal a last line that moves while something is awaited.
#[derive(Debug)]
pub struct Console {
    form: OutputForm,
    started: Instant,
    progress: Option<ProgressBar>,
}

impl Console {
    /// A console in this form. The moving line is there only for people at a terminal.
    pub fn new(form: OutputForm) -> Self {
        let moving = form == OutputForm::Text && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let progress = moving.then(|| {
            let style = ProgressStyle::with_template("{spinner:.cyan} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        Self { form, started: Instant::now(), progress }
    }

    /// Tells an event: `text` for people, `event` and `fields` for programs.
    pub fn tell(&self, event: &'static str, text: &str, fields: Value) {
        let line = match self.form {
            OutputForm::Text => text.to_owned(),
            OutputForm::Json => json_line(self.started.elapsed(), event, text, fields),
        };
        match &self.progress {
            Some(bar) => bar.suspend(|| print_line(&line)),
            None => print_line(&line),
        }
    }

    /// What is being waited for, on the moving line.
    pub fn waiting(&self, what: &str) {
        if let Some(bar) = &self.progress {
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Nothing is being waited for any more.
    pub fn settled(&self) {
        if let Some(bar) = &self.progress {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }
}

fn json_line(passed: Duration, event: &str, text: &str, fields: Value) -> String {
    let mut line = json!({ "seconds": (passed.as_secs_f64() * 1000.0).round() / 1000.0, "event": event, "text": text });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    line.to_string()
}

fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be listening any more; a cluster must not end for that.
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_holds_the_event_its_text_and_its_fields() {
        let line = json_line(Duration::from_millis(1500), "launched", "w launched", json!({ "worker": "w" }));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value, json!({ "seconds": 1.5, "event": "launched", "text": "w launched", "worker": "w" }));
    }
}
