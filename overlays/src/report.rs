//! What an executor reports about its worker beside the state of its task, for display only: how
//! long each step of the start took ([`Start`], in labels of the status updates), and what the
//! TaskManager uses ([`UsageMessage`], a framework message in JSON every ten seconds). Nothing
//! depends on either, and messages may get lost.

use serde::{Deserialize, Serialize};

/// A step of the start, in the usual order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The agent knows the executor.
    Subscribed,
    /// The executor has received its task.
    Launched,
    /// All files are in the sandbox.
    Fetched,
    /// The JVM has been started.
    Spawned,
    /// The TaskManager listens.
    Listening,
    /// The JobManager knows the TaskManager.
    Registered,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Subscribed,
        Self::Launched,
        Self::Fetched,
        Self::Spawned,
        Self::Listening,
        Self::Registered,
    ];

    /// The word for it, for people and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Launched => "launched",
            Self::Fetched => "fetched",
            Self::Spawned => "spawned",
            Self::Listening => "listening",
            Self::Registered => "registered",
        }
    }
}

/// Label with the executor's start.
const STARTED: &str = "executor-started";
/// Suffix of a label with the time of a step.
const STEP: &str = "-ms";

/// How a worker's start has gone so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// When the executor started, in seconds since 1970 by its host's clock.
    pub executor_started: f64,
    /// The steps reached, each with the milliseconds since the executor's start.
    pub steps: Vec<(Step, u64)>,
}

impl Start {
    /// Keys and values of the labels.
    pub fn labels(&self) -> impl Iterator<Item = (String, String)> {
        let steps =
            self.steps.iter().map(|(step, at)| (format!("{}{STEP}", step.word()), at.to_string()));
        [(STARTED.to_owned(), format!("{:.3}", self.executor_started))].into_iter().chain(steps)
    }

    /// Reads the labels of a status. Labels of other meaning are ignored; `None` without the
    /// executor's start.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let (mut executor_started, mut steps) = (None, Vec::new());
        for (key, value) in labels {
            let step = key
                .strip_suffix(STEP)
                .and_then(|word| Step::ALL.into_iter().find(|step| step.word() == word));
            if key == STARTED {
                executor_started = value.parse().ok();
            } else if let (Some(step), Ok(at)) = (step, value.parse()) {
                steps.push((step, at));
            }
        }
        Some(Self { executor_started: executor_started?, steps })
    }
}

/// What a TaskManager and all its descendants use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// The worker's id.
    pub worker: String,
    /// CPU time of the living processes, in seconds.
    pub cpu_seconds: f64,
    /// CPU time divided by the time since the previous sample: 1.5 is one and a half cores. None in
    /// the first sample.
    pub cpu_cores: Option<f64>,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// The whole container's memory that counts against the limit, in bytes. None without a memory
    /// limit.
    pub memory_working_set_bytes: Option<u64>,
    /// The container's memory limit in bytes. None without a limit.
    pub memory_limit_bytes: Option<u64>,
    /// Number of processes.
    pub processes: usize,
    /// Number of threads.
    pub threads: usize,
    /// Number of open files, of the processes that the executor may inspect.
    pub open_files: usize,
    /// Disk space of the files in the sandbox, in bytes.
    pub sandbox_bytes: u64,
}

/// The framework message: `{"usage": {…}, "memory_warning": 92}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageMessage {
    /// The TaskManager's use.
    pub usage: Usage,
    /// Memory in percent of its limit; set once for each rise above a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_warning: Option<u64>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_from_its_labels_and_other_labels_are_ignored() {
        let steps = Step::ALL.into_iter().zip([2, 3, 900, 930, 1800, 2100]).collect();
        let start = Start { executor_started: 1_700_000_000.5, steps };
        let mut labels: Vec<_> = start.labels().collect();
        assert_eq!(
            labels[..2].to_vec(),
            [
                ("executor-started".to_owned(), "1700000000.500".to_owned()),
                ("subscribed-ms".to_owned(), "2".to_owned())
            ]
        );
        let other =
            [("team", "blue"), ("later-ms", "5"), ("fetched-ms", "soon"), ("blame", "agent")];
        labels.extend(other.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let read = |labels: &[(String, String)]| {
            Start::from_labels(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        };
        assert_eq!(read(&labels), Some(start));
        assert_eq!(read(&labels[1..]), None, "without the executor's start");
    }

    #[test]
    fn a_message_of_an_executor_that_says_less_or_more_is_read() {
        let read = |text: &str| serde_json::from_str::<UsageMessage>(text);
        let message = read(r#"{"usage":{"worker":"w","processes":2,"sockets":9}}"#).unwrap();
        assert_eq!(
            (message.usage.processes, message.usage.cpu_cores, message.memory_warning),
            (2, None, None)
        );
        let text = serde_json::to_string(&message).unwrap();
        assert!(!text.contains("memory_warning"), "{text}");
        assert_eq!(read(&text).unwrap(), message);
        read(r#"{"usage":{"processes":"two"}}"#).unwrap_err();
    }
}
