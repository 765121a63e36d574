//! How long each step towards a registered TaskManager took. The labels of status updates report it
//! to the scheduler, so that a slow start explains itself.

use std::time::Duration;

use mesos::v1::{Label, Labels};
use overlays::blame::{self, Blame};
use overlays::report::Start;
pub(super) use overlays::report::Step;

/// The steps reached so far, each once, with the time since the executor's start.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<(Step, Duration)>);

impl Timeline {
    pub(super) fn reached(&mut self, step: Step, now: Duration) {
        if !self.0.iter().any(|(reached, _)| *reached == step) {
            self.0.push((step, now));
        }
    }

    /// The labels. `started` is the executor's start in seconds since 1970; `blame` says who is to
    /// blame for an end.
    pub(super) fn labels(&self, started: f64, blame: Option<Blame>) -> Labels {
        let milliseconds = |at: Duration| u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let steps = self.0.iter().map(|(step, at)| (*step, milliseconds(*at))).collect();
        let start = Start { executor_started: started, steps };
        let blame = blame.map(|blame| (blame::LABEL.to_owned(), blame.word().to_owned()));
        let labels = start
            .labels()
            .chain(blame)
            .map(|(key, value)| Label { key, value: Some(value) })
            .collect();
        Labels { labels }
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
        let pairs: Vec<_> =
            labels.iter().map(|label| (label.key.as_str(), label.value())).collect();
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
