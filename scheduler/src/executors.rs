//! What executors tell of themselves, for people to look at: how long each step to a working TaskManager took, in the
//! labels of status updates, and what it uses, in framework messages. Nothing depends on either; messages may get lost.

use std::collections::BTreeMap;

use mesos::v1::{TaskState, TaskStatus, scheduler::event};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::message::{Moment, WorkerId};

/// When the executor started, in seconds since 1970 by the clock of its host.
const STARTED: &str = "executor-started";

/// Of a label that says how long after the executor's start a step was reached, in milliseconds.
const STEP: &str = "-ms";

/// The last step.
const UP: &str = "registered";

/// As many as steps of workers are remembered.
const MOST: usize = 1000;

/// One step on the way of a worker, in milliseconds since its launch was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    at: u64,
}

#[derive(Debug, Default)]
struct Told {
    timeline: Vec<Step>,
    usage: Option<Value>,
}

/// The last word of each executor.
#[derive(Debug, Default)]
pub(crate) struct Executors(BTreeMap<WorkerId, Told>);

#[derive(Deserialize)]
struct Message {
    usage: Value,
    /// Of its memory limit, in percent, once for each rise above the mark.
    memory_warning: Option<u64>,
}

impl Executors {
    /// Takes in a status of a worker whose launch was decided at this moment. Returns how the worker came up when that is news:
    /// it runs, and we, who are there since `since`, have launched it and did not know. With its end it would be no news.
    pub(crate) fn status(&mut self, status: &TaskStatus, launched: Moment, since: Moment) -> Option<String> {
        let timeline = timeline(status, launched)?;
        let worker = WorkerId::from(status.task_id.value.as_str());
        let told = self.0.entry(worker).or_default();
        let was_up = is_up(&told.timeline);
        told.timeline = timeline;
        let news = (!was_up && is_up(&told.timeline)).then(|| words(&told.timeline));
        if self.0.len() > MOST {
            self.0.pop_first();
        }
        news.filter(|_| status.state() == TaskState::TaskRunning && launched >= since)
    }

    /// Takes in what an executor uses; returns of how much of its memory limit, in percent, it warns.
    pub(crate) fn message(&mut self, message: &event::Message) -> Option<(WorkerId, u64)> {
        let Message { usage, memory_warning } = serde_json::from_slice(&message.data).ok()?;
        let worker = WorkerId::from(message.executor_id.value.as_str());
        let told = self.0.get_mut(&worker)?;
        told.usage = Some(usage);
        memory_warning.map(|percent| (worker, percent))
    }

    /// It uses nothing any more.
    pub(crate) fn gone(&mut self, worker: &WorkerId) {
        if let Some(told) = self.0.get_mut(worker) {
            told.usage = None;
        }
    }

    /// Its steps, in their order.
    pub(crate) fn timeline(&self, worker: &WorkerId) -> Value {
        let steps = self.0.get(worker).into_iter().flat_map(|told| &told.timeline);
        steps.map(|step| json!({ "step": step.name, "ms": step.at })).collect()
    }

    /// What it uses, as it told last.
    pub(crate) fn usage(&self, worker: &WorkerId) -> Value {
        self.0.get(worker).and_then(|told| told.usage.clone()).unwrap_or_default()
    }
}

/// In the order in which the steps were reached; none when the executor told no time.
fn timeline(status: &TaskStatus, launched: Moment) -> Option<Vec<Step>> {
    let labels = &status.labels.as_ref()?.labels;
    let started = labels.iter().find(|label| label.key == STARTED)?.value().parse::<f64>().ok()?;
    // Two hosts' clocks: a difference below zero is none.
    let begun = ((started * 1000.0) as u64).saturating_sub(launched.0);
    let mut steps = vec![Step { name: "executor".to_owned(), at: begun }];
    steps.extend(labels.iter().filter_map(|label| {
        let (name, at) = (label.key.strip_suffix(STEP)?, label.value().parse::<u64>().ok()?);
        Some(Step { name: name.to_owned(), at: begun.saturating_add(at) })
    }));
    steps.sort_by_key(|step| step.at);
    Some(steps)
}

fn is_up(timeline: &[Step]) -> bool {
    timeline.iter().any(|step| step.name == UP)
}

fn words(timeline: &[Step]) -> String {
    let steps: Vec<_> = timeline.iter().map(|step| format!("{} {} ms", step.name, step.at)).collect();
    steps.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mesos::v1::{Label, Labels};

    use super::*;

    fn status(labels: &[(&str, &str)]) -> TaskStatus {
        let label = |(key, value): &(&str, &str)| Label { key: (*key).into(), value: Some((*value).into()) };
        let labels = Some(Labels { labels: labels.iter().map(label).collect() });
        TaskStatus { task_id: "w".into(), state: TaskState::TaskRunning.into(), labels, ..TaskStatus::default() }
    }

    fn message(executor: &str, text: &str) -> event::Message {
        let executor_id = mesos::v1::ExecutorId { value: executor.into() };
        event::Message { agent_id: "S0".into(), executor_id, data: text.as_bytes().to_vec().into() }
    }

    const STARTED_AT: (&str, &str) = ("executor-started", "1700000000.040");

    #[test]
    fn steps_count_from_the_launch_and_the_way_up_is_told_once() {
        let mut executors = Executors::default();
        let launched = Moment(1_700_000_000_000);
        let running = status(&[STARTED_AT, ("subscribed-ms", "2"), ("spawned-ms", "30"), ("blame", "agent")]);
        assert_eq!(executors.status(&running, launched, launched), None);
        let up = status(&[STARTED_AT, ("subscribed-ms", "2"), ("spawned-ms", "30"), ("registered-ms", "1300")]);
        let words = "executor 40 ms, subscribed 42 ms, spawned 70 ms, registered 1340 ms";
        assert_eq!(executors.status(&up, launched, launched).as_deref(), Some(words));
        assert_eq!(executors.status(&up, launched, launched), None);
        assert_eq!(executors.timeline(&"w".into())[3], json!({ "step": "registered", "ms": 1340 }));
    }

    #[test]
    fn how_a_worker_came_up_is_no_news_when_it_ends_or_came_up_under_another_application_master() {
        let up = status(&[STARTED_AT, ("registered-ms", "1300")]);
        let ended = TaskStatus { state: TaskState::TaskKilled.into(), ..up.clone() };
        let (launched, later) = (Moment(1_700_000_000_000), Moment(1_700_000_060_000));
        assert_eq!(Executors::default().status(&up, launched, later), None, "it was there before us");
        assert_eq!(Executors::default().status(&ended, launched, launched), None, "nobody asks any more");
        let mut executors = Executors::default();
        executors.status(&ended, launched, later);
        assert_eq!(executors.timeline(&"w".into())[1], json!({ "step": "registered", "ms": 1340 }), "history has it");
        assert!(Executors::default().status(&up, launched, launched).is_some());
    }

    #[test]
    fn a_clock_that_is_behind_makes_no_negative_time_and_a_status_without_a_time_changes_nothing() {
        let mut executors = Executors::default();
        executors.status(&status(&[STARTED_AT, ("subscribed-ms", "2")]), Moment(1_700_000_001_000), Moment(0));
        executors.status(&status(&[("subscribed-ms", "9")]), Moment(0), Moment(0));
        let expected = json!([{ "step": "executor", "ms": 0 }, { "step": "subscribed", "ms": 2 }]);
        assert_eq!(executors.timeline(&"w".into()), expected);
    }

    #[test]
    fn usage_is_that_of_the_executor_that_sent_it_until_it_is_gone() {
        let mut executors = Executors::default();
        executors.status(&status(&[STARTED_AT]), Moment(0), Moment(0));
        assert_eq!(executors.message(&message("w", r#"{"usage":{"worker":"other","processes":2}}"#)), None);
        assert_eq!(executors.usage(&"w".into())["processes"], 2);
        assert_eq!(executors.usage(&"other".into()), Value::Null);
        let warning = executors.message(&message("w", r#"{"usage":{},"memory_warning":92}"#));
        assert_eq!(warning, Some(("w".into(), 92)));
        assert_eq!(executors.message(&message("w", "nonsense")), None);
        assert_eq!(executors.message(&message("stranger", r#"{"usage":{}}"#)), None);
        executors.gone(&"w".into());
        assert_eq!(executors.usage(&"w".into()), Value::Null);
    }
}
