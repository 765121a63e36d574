//! The events of an application master in the background, until its cluster works.

use anyhow::anyhow;
use common::exit_code::USAGE;
use serde_json::{Map, Value, json};

use super::log::Log;
use crate::{console::one_line, failure::Failure, plan::Request};

/// The events that a person who waits should see for good. Others only show progress.
const SHOWN: [&str; 9] = [
    "warning",
    "standby",
    "disconnected",
    "starved",
    "waiting",
    "waiting-for-slots",
    "store-away",
    "jobmanager-restarting",
    "savepoint",
];

/// What is known of the start.
#[derive(Debug)]
pub(super) struct Started {
    /// Whether the cluster has a job of its own.
    pub(super) has_job: bool,
    /// The event after which the cluster works.
    goal: &'static str,
    job: Option<(String, String)>,
    web: Option<String>,
    control: Option<String>,
    /// Why it has ended.
    pub(super) failure: Option<Failure>,
}

/// What to do after an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Report it.
    Line(&'static str, String, Value),
    /// Show it for the moment.
    Waits(String),
    /// The cluster works.
    Works,
}

impl Started {
    pub(super) fn new(request: &Request) -> Self {
        let has_job = request.job.is_some();
        let goal = match (&request.replaces, has_job) {
            (Some(_), _) => "replaced",
            (None, true) => "job-running",
            (None, false) => "ready",
        };
        Self { has_job, goal, job: None, web: None, control: None, failure: None }
    }

    /// Takes a line of the application master.
    pub(super) fn take(&mut self, line: &str) -> Progress {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else {
            return Progress::Waits(line.to_owned());
        };
        let event = taken(&mut fields, "event");
        let text = taken(&mut fields, "text");
        fields.remove("seconds");
        let field = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        match event.as_str() {
            "failed" => self.failure = Some(failure(&text, fields.get("exit_code"))),
            "control" => self.control = field("address"),
            "jobmanager-up" | "ready" => self.web = field("web"),
            "job-running" => self.job = field("job").zip(field("name")),
            _ => {}
        }
        if event == self.goal {
            return Progress::Works;
        }
        match SHOWN.into_iter().find(|shown| *shown == event) {
            Some(shown) => Progress::Line(shown, text, Value::Object(fields)),
            None => Progress::Waits(text),
        }
    }

    /// What works now, and the next commands.
    pub(super) fn summary(&self, process: u32, log: &Log) -> (String, Value) {
        let cluster = &log.cluster;
        let field = |name: &str, value: &str| format!("{name:<13}{value}");
        let named = self.job.as_ref().map(|(id, name)| format!("{} ({id})", one_line(name)));
        let named = named.iter().map(|job| field("Job", job));
        let web = self.web.iter().map(|web| field("Web page", web));
        let control = self.control.iter().map(|control| field("Control API", control));
        let mut lines = vec![format!("Cluster {} runs in the background:", one_line(cluster))];
        lines.extend(named.chain(web).chain(control));
        lines.push(field("Process", &process.to_string()));
        lines.push(field("Log", &log.path.display().to_string()));
        let word = quoted(cluster);
        for (at, command) in ["status", "jobs", "stop"].into_iter().enumerate() {
            let name = if at == 0 { "Next" } else { "" };
            lines.push(field(name, &format!("flink-mesos {command} --cluster {word}")));
        }
        let fields = json!({
            "cluster": cluster,
            "job": self.job.as_ref().map(|(id, _)| id),
            "name": self.job.as_ref().map(|(_, name)| name),
            "web": self.web,
            "control": self.control,
            "process": process,
            "log": log.path,
        });
        (lines.join("\n"), fields)
    }
}

fn taken(fields: &mut Map<String, Value>, name: &str) -> String {
    match fields.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The failure with this exit code.
fn failure(text: &str, exit_code: Option<&Value>) -> Failure {
    let error = anyhow!("{text}");
    match exit_code.and_then(Value::as_u64) {
        Some(code) if code == u64::from(USAGE) => Failure::Usage(error),
        Some(2) => Failure::Cancelled(error),
        _ => Failure::Other(error),
    }
}

/// The name as one word for a shell.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", one_line(name).replace('\'', "'\\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::Job;

    fn event(name: &str, more: &Value) -> String {
        let mut event = json!({ "seconds": 1.0, "event": name, "text": format!("{name} text") });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event.to_string()
    }

    fn log() -> Log {
        let path = std::path::PathBuf::from("/dev/null");
        let file = fs_err::File::open(&path).unwrap();
        Log { path, file, cluster: "my jobs".to_owned() }
    }

    #[test]
    fn a_session_works_when_it_is_ready_and_a_job_cluster_when_its_job_runs() {
        let mut session = Started::new(&Request::default());
        let ready = event("ready", &json!({ "web": "http://h:1" }));
        assert_eq!(session.take(&ready), Progress::Works);
        let job = Some(Job::Application(flink::command::Application::default()));
        let mut started = Started::new(&Request { job, ..Request::default() });
        let control = event("control", &json!({ "address": "http://h:2" }));
        assert_eq!(started.take(&control), Progress::Waits("control text".to_owned()));
        let warning = started.take(&event("warning", &json!({ "warning": "w" })));
        let expected = json!({ "warning": "w" });
        assert_eq!(warning, Progress::Line("warning", "warning text".to_owned(), expected));
        assert_eq!(started.take(&ready), Progress::Waits("ready text".to_owned()));
        let runs = event("job-running", &json!({ "job": "a1", "name": "count" }));
        assert_eq!(started.take(&runs), Progress::Works);
        let (text, fields) = started.summary(7, &log());
        assert!(text.contains("count (a1)") && text.contains("--cluster 'my jobs'"), "{text}");
        for (name, value) in
            [("job", "a1"), ("web", "http://h:1"), ("control", "http://h:2"), ("log", "/dev/null")]
        {
            assert_eq!(fields[name], value, "{name}");
        }
    }

    #[test]
    fn the_cause_of_a_failed_start_keeps_its_exit_code() {
        for code in [1, 2, 64] {
            let mut started = Started::new(&Request::default());
            started.take(&event("failed", &json!({ "exit_code": code })));
            let failure = started.failure.unwrap();
            assert_eq!((failure.exit_code(), failure.to_string().as_str()), (code, "failed text"));
        }
    }
}
