//! Events of the application master: the answer to `GET /events?after=NUMBER`, shared by the API
//! and its clients.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::console::{one_line, several_lines};

/// The last events, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// When this application master was started. Another one counts its events from 1 again.
    pub since: String,
    /// The events.
    pub events: Vec<Event>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, counted from 1.
    pub number: u64,
    /// When it happened, in RFC 3339.
    pub at: String,
    /// Its kind.
    pub event: String,
    /// Its line for people.
    pub text: String,
    /// Its own fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    fn ends_cluster(&self) -> bool {
        match self.event.as_str() {
            "command" => self.fields.get("command").is_some_and(|command| command == "stop"),
            event => matches!(event, "stopping" | "jobmanager-ended"),
        }
    }

    /// The event for people. Nothing in it can control the terminal.
    pub(crate) fn line(&self) -> String {
        format!("{}  {}", one_line(&self.at), several_lines(&self.text))
    }
}

/// Which events were shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    since: String,
    /// The number of the last one.
    pub(crate) last: u64,
    /// Whether one of them says that the cluster ends.
    pub(crate) ends: bool,
}

impl Shown {
    /// The events that were not shown yet. An answer of another application master lacks its first
    /// ones: `None`, and the events after `last` must be requested again.
    pub(crate) fn news(&mut self, Events { since, events }: Events) -> Option<Vec<Event>> {
        if self.since != since && self.last > 0 {
            *self = Self { since, ..Self::default() };
            return None;
        }
        self.since = since;
        self.ends |= events.iter().any(Event::ends_cluster);
        self.last = events.last().map_or(self.last, |event| event.number);
        Some(events)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(since: &str, numbers: std::ops::RangeInclusive<u64>) -> Events {
        let event = |number| json!({ "number": number, "at": "t", "event": "e", "text": "x", "worker": "w" });
        let events: Vec<_> = numbers.map(event).collect();
        serde_json::from_value(json!({ "since": since, "events": events })).unwrap()
    }

    #[test]
    fn events_are_shown_once_and_those_of_another_application_master_from_the_first_one() {
        let mut shown = Shown::default();
        assert_eq!(shown.news(answer("a", 1..=3)).unwrap().len(), 3);
        assert_eq!(shown.last, 3);
        assert_eq!(shown.news(answer("a", 4..=4)).unwrap()[0].number, 4);
        assert_eq!(shown.news(answer("b", 5..=5)), None);
        assert_eq!(shown.last, 0);
        assert_eq!(shown.news(answer("b", 1..=5)).unwrap().len(), 5);
    }

    #[test]
    fn a_stop_and_the_end_of_the_job_manager_end_the_cluster() {
        let ends = |event: &str, command: &str| {
            let mut answer = answer("a", 1..=1);
            answer.events[0].event = event.to_owned();
            answer.events[0].fields.insert("command".to_owned(), json!(command));
            let mut shown = Shown::default();
            shown.news(answer).unwrap();
            shown.ends
        };
        assert!(ends("command", "stop") && ends("jobmanager-ended", ""));
        assert!(ends("stopping", ""), "on Ctrl-C, or because its job has ended");
        assert!(!ends("command", "drain") && !ends("leaving", ""));
    }

    #[test]
    fn an_event_has_its_own_fields_beside_the_common_ones_and_its_line_is_harmless() {
        let [mut event] = answer("a", 1..=1).events.try_into().unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap()["worker"], "w");
        event.text = "x\u{1b}[2J\nready".to_owned();
        assert_eq!(event.line(), "t  x\\u{1b}[2J\n    ready");
    }
}
