//! The usage of a host's TaskManagers, as their executors report it; forgotten when the reports
//! stop.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::caller::Caller;

/// Executors report every ten seconds; after this silence a TaskManager counts as gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(35);

/// The most TaskManagers, to bound our memory; no host has as many.
const MOST: usize = 1000;

/// The most TaskManagers of one user.
const MOST_OF_EACH: usize = 250;

const LONGEST_NAME: usize = 200;

/// CPU seconds that no process reaches: a thousand years of a thousand cores.
const MOST_SECONDS: f64 = 4e13;
/// Limit for bytes, processes, threads and files; no host has as many.
const MOST_OF_ANYTHING: u64 = 1 << 60;

/// Usage of one TaskManager and its descendants. Other fields of a report are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) worker: String,
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_working_set_bytes: Option<u64>,
    pub(crate) memory_limit_bytes: Option<u64>,
    pub(crate) processes: u64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
    pub(crate) sandbox_bytes: u64,
}

/// Usage of all TaskManagers of a host.
#[derive(Debug, Default)]
pub(crate) struct Usages(Mutex<BTreeMap<String, Report>>);

/// The last report about one TaskManager.
#[derive(Debug)]
struct Report {
    at: Instant,
    /// The user that reported first; reports of others are rejected.
    by: Caller,
    usage: Usage,
}

/// Why a report is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// A name with characters that no worker's name has.
    #[error(
        "{0:?} is not a worker: allowed are up to {LONGEST_NAME} letters, digits, '.', '_', '-'"
    )]
    Name(String),
    /// A number out of range.
    #[error("{0} is out of range")]
    Value(&'static str),
    /// The worker belongs to another user.
    #[error("worker {0} belongs to another user")]
    Owner(String),
    /// Too many workers.
    #[error("{0} workers are known already (allowed: {MOST_OF_EACH} of one user, {MOST} in all)")]
    TooMany(usize),
}

impl Refused {
    /// The HTTP status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Name(_) | Self::Value(_) => StatusCode::BAD_REQUEST,
            Self::Owner(_) => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl Usage {
    fn check(&self) -> Result<(), Refused> {
        let name = &self.worker;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_name) {
            return Err(Refused::Name(name.chars().take(LONGEST_NAME).collect()));
        }
        if !(0.0..MOST_SECONDS).contains(&self.cpu_seconds) {
            return Err(Refused::Value("cpu_seconds"));
        }
        let numbers = [
            ("memory_bytes", Some(self.memory_bytes)),
            ("memory_working_set_bytes", self.memory_working_set_bytes),
            ("memory_limit_bytes", self.memory_limit_bytes),
            ("processes", Some(self.processes)),
            ("threads", Some(self.threads)),
            ("open_files", Some(self.open_files)),
            ("sandbox_bytes", Some(self.sandbox_bytes)),
        ];
        match numbers
            .into_iter()
            .find(|(_, number)| number.is_some_and(|number| number > MOST_OF_ANYTHING))
        {
            // A missing limit is reported as a very large number.
            Some((name, _)) if name != "memory_limit_bytes" => Err(Refused::Value(name)),
            _ => Ok(()),
        }
    }
}

impl Usages {
    /// Records an executor's report, or rejects it. A worker belongs to the first user that reports
    /// it; root may report all.
    pub(crate) fn record(&self, by: Caller, usage: Usage) -> Result<(), Refused> {
        usage.check()?;
        let name = usage.worker.clone();
        let mut reports = self.0.lock();
        reports.retain(|_, report| report.at.elapsed() < FORGOTTEN_AFTER);
        match reports.get(&name) {
            Some(known) if known.by != by && !by.is_root() => return Err(Refused::Owner(name)),
            Some(_) => {}
            None => {
                let own = reports.values().filter(|report| report.by == by).count();
                if own >= MOST_OF_EACH {
                    return Err(Refused::TooMany(own));
                }
                if reports.len() >= MOST {
                    return Err(Refused::TooMany(reports.len()));
                }
            }
        }
        reports.insert(name, Report { at: Instant::now(), by, usage });
        Ok(())
    }

    /// The last report of each worker.
    pub(crate) fn now(&self) -> Vec<Usage> {
        let mut reports = self.0.lock();
        reports.retain(|_, report| report.at.elapsed() < FORGOTTEN_AFTER);
        reports.values().map(|report| report.usage.clone()).collect()
    }
}

#[cfg(test)]
pub(crate) fn example(worker: &str) -> Usage {
    Usage {
        worker: worker.to_owned(),
        cpu_seconds: 1.5,
        memory_bytes: 7 << 20,
        memory_working_set_bytes: None,
        memory_limit_bytes: None,
        processes: 2,
        threads: 30,
        open_files: 40,
        sandbox_bytes: 5,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::time::advance;

    use super::*;

    const USER: u32 = 1000;

    fn record(usages: &Usages, uid: u32, worker: &str) -> Result<(), Refused> {
        usages.record(Caller::user(uid), example(worker))
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_manager_without_reports_is_forgotten() {
        let usages = Usages::default();
        record(&usages, USER, "one").unwrap();
        advance(Duration::from_secs(30)).await;
        record(&usages, USER, "two").unwrap();
        assert_eq!(usages.now().len(), 2);
        advance(Duration::from_secs(10)).await;
        assert_eq!(usages.now(), [example("two")]);
    }

    #[tokio::test]
    async fn invalid_names_and_too_many_names_are_rejected() {
        let usages = Usages::default();
        for name in ["", "a\"b", "a\nb", "a/b", &"x".repeat(201)] {
            assert!(matches!(record(&usages, USER, name), Err(Refused::Name(_))), "{name}");
        }
        for (user, number) in
            (0..4).flat_map(|user| (0..MOST_OF_EACH).map(move |number| (user, number)))
        {
            record(&usages, USER + user, &format!("w{user}-{number}")).unwrap();
        }
        assert_eq!(record(&usages, USER, "one-more"), Err(Refused::TooMany(MOST_OF_EACH)));
        assert_eq!(record(&usages, USER + 4, "one-more"), Err(Refused::TooMany(MOST)));
        record(&usages, USER, "w0-7").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_belongs_to_the_first_user_that_reports_it() {
        let usages = Usages::default();
        record(&usages, USER, "one").unwrap();
        assert_eq!(record(&usages, USER + 1, "one"), Err(Refused::Owner("one".to_owned())));
        record(&usages, 0, "one").unwrap();
        assert_eq!(
            record(&usages, USER, "one"),
            Err(Refused::Owner("one".to_owned())),
            "it belongs to root now"
        );
        advance(FORGOTTEN_AFTER).await;
        record(&usages, USER + 1, "one").unwrap();
    }

    #[test]
    fn numbers_out_of_range_are_rejected() {
        let usages = Usages::default();
        for seconds in [f64::INFINITY, f64::NAN, -1.0, 1e308] {
            let usage = Usage { cpu_seconds: seconds, ..example("one") };
            assert_eq!(
                usages.record(Caller::user(USER), usage),
                Err(Refused::Value("cpu_seconds"))
            );
        }
        let usage = Usage { threads: u64::MAX, ..example("one") };
        assert_eq!(usages.record(Caller::user(USER), usage), Err(Refused::Value("threads")));
    }
}
