//! How long each step towards a registered TaskManager took. The labels of status updates report it to the scheduler,
//! so that a slow start explains itself.

use std::time::Duration;

use mesos::v1::{Label, Labels};
use overlays::blame::{self, Blame};

/// A step of the start. `label` is the label's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Subscribed,
    Launched,
    Fetched,
    Spawned,
    Listening,
    Registered,
}

impl Step {
    fn label(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed-ms",
            Self::Launched => "launched-ms",
            Self::Fetched => "fetched-ms",
            Self::Spawned => "spawned-ms",
            Self::Listening => "listening-ms",
            Self::Registered => "registered-ms",
        }
    }
}

/// When the executor started, in seconds since 1970: the only label that is not a duration.
const START_LABEL: &str = "executor-started";

/// The steps reached so far, each once, with the time since the executor's start.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<(Step, Duration)>);

impl Timeline {
    pub(super) fn reached(&mut self, step: Step, now: Duration) {
        if !self.0.iter().any(|(reached, _)| *reached == step) {
            self.0.push((step, now));
        }
    }

    /// The labels. `started` is the executor's start in seconds since 1970; `blame` says who is to blame for an end.
    pub(super) fn labels(&self, started: f64, blame: Option<Blame>) -> Labels {
        let label = |key: &str, value: String| Label { key: key.to_owned(), value: Some(value) };
        let steps = self.0.iter().map(|(step, at)| label(step.label(), at.as_millis().to_string()));
        let start = label(START_LABEL, format!("{started:.3}"));
        let blame = blame.map(|blame| label(blame::LABEL, blame.word().to_owned()));
        Labels { labels: [start].into_iter().chain(steps).chain(blame).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_counts_once_and_in_milliseconds() {
        let mut timeline = Timeline::default();
        timeline.reached(Step::Subscribed, Duration::from_millis(12));
        timeline.reached(Step::Subscribed, Duration::from_secs(99));
        timeline.reached(Step::Spawned, Duration::from_micros(1_234_567));
        let labels = timeline.labels(1_700_000_000.5, Some(Blame::Agent)).labels;
        let pairs: Vec<_> = labels.iter().map(|label| (label.key.as_str(), label.value())).collect();
        assert_eq!(
            pairs,
            [
                ("executor-started", "1700000000.500"),
                ("subscribed-ms", "12"),
                ("spawned-ms", "1234"),
                ("blame", "agent")
            ]
        );
    }
}
