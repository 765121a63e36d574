//! What the TaskManagers of a host use, as their executors tell it; kept for as long as they go on telling.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Executors tell every ten seconds; after this silence a TaskManager counts as gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(35);

/// More than any host has; so that nobody fills our memory.
const MOST: usize = 1000;

const LONGEST_NAME: usize = 200;

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
pub(super) struct Usages(Mutex<BTreeMap<String, (Instant, Usage)>>);

impl Usages {
    /// Takes in what one executor tells, or says what is wrong with it.
    pub(super) fn tell(&self, usage: Usage) -> Result<(), String> {
        let name = &usage.worker;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_name) {
            return Err(format!(
                "{name:?} is no worker: allowed are up to {LONGEST_NAME} letters, digits, '.', '_', '-'"
            ));
        }
        let mut told = self.0.lock();
        forget(&mut told);
        if told.len() >= MOST && !told.contains_key(name) {
            return Err(format!("{MOST} workers of this host are known already"));
        }
        told.insert(name.clone(), (Instant::now(), usage));
        Ok(())
    }

    /// The last word of each.
    pub(super) fn now(&self) -> Vec<Usage> {
        let mut told = self.0.lock();
        forget(&mut told);
        told.values().map(|(_, usage)| usage.clone()).collect()
    }
}

fn forget(told: &mut BTreeMap<String, (Instant, Usage)>) {
    told.retain(|_, (at, _)| at.elapsed() < FORGOTTEN_AFTER);
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

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_for_long_is_forgotten() {
        let usages = Usages::default();
        usages.tell(example("one")).unwrap();
        advance(Duration::from_secs(30)).await;
        usages.tell(example("two")).unwrap();
        assert_eq!(usages.now().len(), 2);
        advance(Duration::from_secs(10)).await;
        assert_eq!(usages.now(), [example("two")]);
    }

    #[tokio::test]
    async fn names_that_would_break_a_label_and_too_many_of_them_are_refused() {
        let usages = Usages::default();
        for name in ["", "a\"b", "a\nb", "a/b", &"x".repeat(201)] {
            assert!(usages.tell(example(name)).unwrap_err().contains("is no worker"), "{name}");
        }
        for number in 0..MOST {
            usages.tell(example(&format!("w{number}"))).unwrap();
        }
        assert!(usages.tell(example("one-more")).is_err());
        usages.tell(example("w7")).unwrap();
    }
}
