//! The last events, for operators who ask later.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde_json::Value;

use crate::control::events::{Event, Events};

/// Number of events to remember.
const MOST: usize = 1000;

/// The last events.
#[derive(Debug)]
pub(super) struct Recent {
    since: String,
    events: Mutex<VecDeque<Event>>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { since: now(), events: Mutex::default() }
    }

    pub(super) fn add(&self, event: &str, text: &str, fields: &Value) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let number = events.back().map_or(1, |last| last.number + 1);
        if events.len() == MOST {
            events.pop_front();
        }
        let fields = fields.as_object().cloned().unwrap_or_default();
        let (at, event, text) = (now(), event.to_owned(), text.to_owned());
        events.push_back(Event { number, at, event, text, fields });
    }

    /// Those with higher numbers than `after`.
    pub(super) fn after(&self, after: u64) -> Events {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = events.iter().filter(|event| event.number > after).cloned();
        Events { since: self.since.clone(), events: newer.collect() }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_last_thousand_events_are_kept_and_their_numbers_count_on() {
        let recent = Recent::new();
        for worker in 1..=1500 {
            recent.add("launched", "w launched", &json!({ "worker": worker }));
        }
        let numbers = |after: u64| {
            recent.after(after).events.iter().map(|event| event.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), (501..=1500).collect::<Vec<_>>());
        assert_eq!(numbers(1498), [1499, 1500]);
        assert_eq!(numbers(9999), [0; 0]);
        let last = recent.after(1499).events;
        assert_eq!(last[0].fields["worker"], 1500);
    }
}
