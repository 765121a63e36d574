//! What executors report about themselves, for display only: how long each step to a working
//! TaskManager took (labels of status updates), and what it uses (framework messages). Nothing
//! depends on either, and messages may be lost.

use std::collections::BTreeMap;

use mesos::v1::{TaskState, TaskStatus, scheduler::event};
use overlays::report::{Start, Step as StartStep, Usage, UsageMessage};
use serde_json::{Value, json};

use crate::core::ids::{Moment, WorkerId};

/// Number of remembered workers; as many as transitions in the history.
const MOST: usize = 1000;

/// One step of a worker's start, in milliseconds since its launch was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: &'static str,
    at: u64,
}

#[derive(Debug, Default)]
struct ExecutorReport {
    timeline: Vec<Step>,
    usage: Option<Usage>,
}

/// The last report of each executor.
#[derive(Debug, Default)]
pub struct Executors(BTreeMap<WorkerId, ExecutorReport>);

impl Executors {
    /// Handles a status of a worker launched at `launched`. Returns the timeline of its start once,
    /// when it is news: the worker runs, and it was launched after this application master started
    /// at `since`.
    pub fn status(
        &mut self,
        status: &TaskStatus,
        launched: Moment,
        since: Moment,
    ) -> Option<String> {
        let timeline = timeline(status, launched)?;
        let worker = WorkerId::from(status.task_id.value.as_str());
        let report = self.0.entry(worker).or_default();
        let was_up = is_up(&report.timeline);
        report.timeline = timeline;
        let news = (!was_up && is_up(&report.timeline)).then(|| to_text(&report.timeline));
        if self.0.len() > MOST {
            self.0.pop_first();
        }
        news.filter(|_| status.state() == TaskState::TaskRunning && launched >= since)
    }

    /// Handles a report of an executor's use. Returns the used percentage of its memory limit, if
    /// it warns.
    pub fn message(&mut self, message: &event::Message) -> Option<(WorkerId, u64)> {
        let UsageMessage { usage, memory_warning } = serde_json::from_slice(&message.data).ok()?;
        let worker = WorkerId::from(message.executor_id.value.as_str());
        let report = self.0.get_mut(&worker)?;
        report.usage = Some(usage);
        memory_warning.map(|percent| (worker, percent))
    }

    /// The worker has ended and uses nothing.
    pub fn gone(&mut self, worker: &WorkerId) {
        if let Some(report) = self.0.get_mut(worker) {
            report.usage = None;
        }
    }

    /// Its steps in the order of time.
    pub fn timeline(&self, worker: &WorkerId) -> Value {
        let steps = self.0.get(worker).into_iter().flat_map(|report| &report.timeline);
        steps.map(|step| json!({ "step": step.name, "ms": step.at })).collect()
    }

    /// Its last reported use.
    pub fn usage(&self, worker: &WorkerId) -> Option<&Usage> {
        self.0.get(worker).and_then(|report| report.usage.as_ref())
    }
}

/// The steps in the order of time; `None` if the executor reported no time.
fn timeline(status: &TaskStatus, launched: Moment) -> Option<Vec<Step>> {
    let labels = &status.labels.as_ref()?.labels;
    let start = Start::from_labels(labels.iter().map(|label| (label.key.as_str(), label.value())))?;
    // The clocks of two hosts may differ: negative times become zero.
    let begun = ((start.executor_started * 1000.0) as u64).saturating_sub(launched.0);
    let mut steps = vec![Step { name: "executor", at: begun }];
    steps.extend(
        start
            .steps
            .iter()
            .map(|(step, at)| Step { name: step.word(), at: begun.saturating_add(*at) }),
    );
    steps.sort_by_key(|step| step.at);
    Some(steps)
}

fn is_up(timeline: &[Step]) -> bool {
    timeline.iter().any(|step| step.name == StartStep::Registered.word())
}

fn to_text(timeline: &[Step]) -> String {
    let steps: Vec<_> =
        timeline.iter().map(|step| format!("{} {} ms", step.name, step.at)).collect();
    steps.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mesos::v1::{Label, Labels};

    use super::*;

    fn status(labels: &[(&str, &str)]) -> TaskStatus {
        let label = |(key, value): &(&str, &str)| Label {
            key: (*key).into(),
            value: Some((*value).into()),
        };
        let labels = Some(Labels { labels: labels.iter().map(label).collect() });
        TaskStatus {
            task_id: "w".into(),
            state: TaskState::TaskRunning.into(),
            labels,
            ..TaskStatus::default()
        }
    }

    fn message(executor: &str, text: &str) -> event::Message {
        let executor_id = mesos::v1::ExecutorId { value: executor.into() };
        event::Message { agent_id: "S0".into(), executor_id, data: text.as_bytes().to_vec().into() }
    }

    const STARTED_AT: (&str, &str) = ("executor-started", "1700000000.040");

    #[test]
    fn steps_count_from_the_launch_and_the_timeline_is_reported_once() {
        let mut executors = Executors::default();
        let launched = Moment(1_700_000_000_000);
        let running =
            status(&[STARTED_AT, ("subscribed-ms", "2"), ("spawned-ms", "30"), ("blame", "agent")]);
        assert_eq!(executors.status(&running, launched, launched), None);
        let up = status(&[
            STARTED_AT,
            ("subscribed-ms", "2"),
            ("spawned-ms", "30"),
            ("registered-ms", "1300"),
        ]);
        let text = "executor 40 ms, subscribed 42 ms, spawned 70 ms, registered 1340 ms";
        assert_eq!(executors.status(&up, launched, launched).as_deref(), Some(text));
        assert_eq!(executors.status(&up, launched, launched), None);
        assert_eq!(executors.timeline(&"w".into())[3], json!({ "step": "registered", "ms": 1340 }));
    }

    #[test]
    fn a_workers_timeline_is_not_reported_when_it_ends_or_was_started_by_an_earlier_application_master()
     {
        let up = status(&[STARTED_AT, ("registered-ms", "1300")]);
        let ended = TaskStatus { state: TaskState::TaskKilled.into(), ..up.clone() };
        let (launched, later) = (Moment(1_700_000_000_000), Moment(1_700_000_060_000));
        assert_eq!(
            Executors::default().status(&up, launched, later),
            None,
            "it was there before us"
        );
        assert_eq!(
            Executors::default().status(&ended, launched, launched),
            None,
            "its start no longer matters"
        );
        let mut executors = Executors::default();
        executors.status(&ended, launched, later);
        assert_eq!(
            executors.timeline(&"w".into())[1],
            json!({ "step": "registered", "ms": 1340 }),
            "history has it"
        );
        assert!(Executors::default().status(&up, launched, launched).is_some());
    }

    #[test]
    fn a_clock_that_is_behind_gives_no_negative_time_and_a_status_without_a_time_changes_nothing() {
        let mut executors = Executors::default();
        executors.status(
            &status(&[STARTED_AT, ("subscribed-ms", "2")]),
            Moment(1_700_000_001_000),
            Moment(0),
        );
        executors.status(&status(&[("subscribed-ms", "9")]), Moment(0), Moment(0));
        let expected = json!([{ "step": "executor", "ms": 0 }, { "step": "subscribed", "ms": 2 }]);
        assert_eq!(executors.timeline(&"w".into()), expected);
    }

    #[test]
    fn usage_is_that_of_the_executor_that_sent_it_until_it_is_gone() {
        let mut executors = Executors::default();
        executors.status(&status(&[STARTED_AT]), Moment(0), Moment(0));
        assert_eq!(
            executors.message(&message("w", r#"{"usage":{"worker":"other","processes":2}}"#)),
            None
        );
        assert_eq!(executors.usage(&"w".into()).unwrap().processes, 2);
        assert_eq!(executors.usage(&"other".into()), None);
        let warning = executors.message(&message("w", r#"{"usage":{},"memory_warning":92}"#));
        assert_eq!(warning, Some(("w".into(), 92)));
        assert_eq!(executors.message(&message("w", "nonsense")), None);
        assert_eq!(executors.message(&message("stranger", r#"{"usage":{}}"#)), None);
        executors.gone(&"w".into());
        assert_eq!(executors.usage(&"w".into()), None);
    }
}
