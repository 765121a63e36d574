//! What the TaskManagers of a host use, as their executors tell it; kept for as long as they go on telling.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::daemon::Caller;

/// Executors tell every ten seconds; after this silence a TaskManager counts as gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(35);

/// More than any host has; so that nobody fills our memory.
const MOST: usize = 1000;

/// How many of them one user may tell of.
const MOST_OF_EACH: usize = 250;

const LONGEST_NAME: usize = 200;

/// More CPU time than any process comes by: a thousand years of a thousand cores.
const MOST_SECONDS: f64 = 4e13;
/// More bytes than any host has; also more processes, threads and files.
const MOST_OF_ANYTHING: u64 = 1 << 60;

/// One TaskManager with everything that came of it. What else an executor says is not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) worker: String,
    pub(super) cpu_seconds: f64,
    pub(super) memory_bytes: u64,
    pub(super) memory_working_set_bytes: Option<u64>,
    pub(super) memory_limit_bytes: Option<u64>,
    pub(super) processes: u64,
    pub(super) threads: u64,
    pub(super) open_files: u64,
    pub(super) sandbox_bytes: u64,
}

/// All of a host.
#[derive(Debug, Default)]
pub(super) struct Usages(Mutex<BTreeMap<String, Told>>);

/// The last word about one TaskManager.
#[derive(Debug)]
struct Told {
    at: Instant,
    /// The first one who told of it; others are not believed.
    by: Caller,
    usage: Usage,
}

/// Why it is not taken in what somebody tells.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// A worker's name with anything else in it than such names have.
    #[error("{0:?} is not a worker: allowed are up to {LONGEST_NAME} letters, digits, '.', '_', '-'")]
    Name(String),
    /// A number that nothing has.
    #[error("{0} is out of range")]
    Value(&'static str),
    /// Another user's worker.
    #[error("worker {0} belongs to another user")]
    Owner(String),
    /// More than there can be.
    #[error("{0} workers are known already (allowed: {MOST_OF_EACH} of one user, {MOST} in all)")]
    TooMany(usize),
}

impl Refused {
    /// What HTTP says to that.
    pub(super) fn status(&self) -> StatusCode {
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
        match numbers.into_iter().find(|(_, number)| number.is_some_and(|number| number > MOST_OF_ANYTHING)) {
            // A limit that is none is a very large number.
            Some((name, _)) if name != "memory_limit_bytes" => Err(Refused::Value(name)),
            _ => Ok(()),
        }
    }
}

impl Usages {
    /// Takes in what one executor tells, or says what is wrong with it. A worker belongs to the user who was the first to tell
    /// of it; root may tell of all.
    pub(super) fn tell(&self, by: Caller, usage: Usage) -> Result<(), Refused> {
        usage.check()?;
        let name = usage.worker.clone();
        let mut told = self.0.lock();
        told.retain(|_, told| told.at.elapsed() < FORGOTTEN_AFTER);
        match told.get(&name) {
            Some(known) if known.by != by && !by.is_root() => return Err(Refused::Owner(name)),
            Some(_) => {}
            None => {
                let own = told.values().filter(|told| told.by == by).count();
                if own >= MOST_OF_EACH {
                    return Err(Refused::TooMany(own));
                }
                if told.len() >= MOST {
                    return Err(Refused::TooMany(told.len()));
                }
            }
        }
        told.insert(name, Told { at: Instant::now(), by, usage });
        Ok(())
    }

    /// The last word of each.
    pub(super) fn now(&self) -> Vec<Usage> {
        let mut told = self.0.lock();
        told.retain(|_, told| told.at.elapsed() < FORGOTTEN_AFTER);
        told.values().map(|told| told.usage.clone()).collect()
    }
}

#[cfg(test)]
pub(super) fn example(worker: &str) -> Usage {
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

    fn tell(usages: &Usages, uid: u32, worker: &str) -> Result<(), Refused> {
        usages.tell(Caller::user(uid), example(worker))
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_for_long_is_forgotten() {
        let usages = Usages::default();
        tell(&usages, USER, "one").unwrap();
        advance(Duration::from_secs(30)).await;
        tell(&usages, USER, "two").unwrap();
        assert_eq!(usages.now().len(), 2);
        advance(Duration::from_secs(10)).await;
        assert_eq!(usages.now(), [example("two")]);
    }

    #[tokio::test]
    async fn names_that_would_break_a_label_and_too_many_of_them_are_refused() {
        let usages = Usages::default();
        for name in ["", "a\"b", "a\nb", "a/b", &"x".repeat(201)] {
            assert!(matches!(tell(&usages, USER, name), Err(Refused::Name(_))), "{name}");
        }
        for (user, number) in (0..4).flat_map(|user| (0..MOST_OF_EACH).map(move |number| (user, number))) {
            tell(&usages, USER + user, &format!("w{user}-{number}")).unwrap();
        }
        assert_eq!(tell(&usages, USER, "one-more"), Err(Refused::TooMany(MOST_OF_EACH)));
        assert_eq!(tell(&usages, USER + 4, "one-more"), Err(Refused::TooMany(MOST)));
        tell(&usages, USER, "w0-7").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_belongs_to_the_user_who_was_the_first_to_tell_of_it() {
        let usages = Usages::default();
        tell(&usages, USER, "one").unwrap();
        assert_eq!(tell(&usages, USER + 1, "one"), Err(Refused::Owner("one".to_owned())));
        tell(&usages, 0, "one").unwrap();
        assert_eq!(tell(&usages, USER, "one"), Err(Refused::Owner("one".to_owned())), "root has taken it");
        advance(FORGOTTEN_AFTER).await;
        tell(&usages, USER + 1, "one").unwrap();
    }

    #[test]
    fn numbers_that_nothing_has_are_refused() {
        let usages = Usages::default();
        for seconds in [f64::INFINITY, f64::NAN, -1.0, 1e308] {
            let usage = Usage { cpu_seconds: seconds, ..example("one") };
            assert_eq!(usages.tell(Caller::user(USER), usage), Err(Refused::Value("cpu_seconds")));
        }
        let usage = Usage { threads: u64::MAX, ..example("one") };
        assert_eq!(usages.tell(Caller::user(USER), usage), Err(Refused::Value("threads")));
    }
}
