//! What a TaskManager uses of its host, told every ten seconds: to the scheduler as a framework message in JSON,
//! `{"usage": {…}}` with the fields of [`Usage`], and before the memory limit kills with a warning, in percent of the limit,
//! `{"usage": {…}, "memory_warning": 92}`; to this host's sidecar, for its metrics, the [`Usage`] alone.
//!
//! Messages may get lost, and nothing depends on them.

mod disk;
mod sampler;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mesos::executor::ExecutorConnection;
use serde::Serialize;
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use sampler::Sampler;

const EVERY: Duration = Duration::from_secs(10);

/// Of the memory limit, in percent: from here on the next burst may be the last.
const WARN_ABOVE: u64 = 90;

/// Below this, in percent, a next rise is worth another warning.
const CALM_BELOW: u64 = 80;

/// What a TaskManager and everything that came of it use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// Whose TaskManager.
    pub worker: String,
    /// CPU time of the living processes, in seconds.
    pub cpu_seconds: f64,
    /// CPU time per time since the sample before: 1.5 is one and a half cores. None in the first sample.
    pub cpu_cores: Option<f64>,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// What counts against the limit, of the whole container, in bytes. None where memory is not limited.
    pub memory_working_set_bytes: Option<u64>,
    /// The container's limit in bytes. None where memory is not limited.
    pub memory_limit_bytes: Option<u64>,
    /// Processes.
    pub processes: usize,
    /// Their threads.
    pub threads: usize,
    /// Their open files; of those that we may look into.
    pub open_files: usize,
    /// Files in the sandbox, in bytes on disk.
    pub sandbox_bytes: u64,
}

#[derive(Serialize)]
struct Message<'a> {
    usage: &'a Usage,
    /// Of the memory limit, in percent: once for each rise above the mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_warning: Option<u64>,
}

/// What lives below `guard` uses now; its sandbox is not looked at. Blocking.
pub fn now(worker: &str, guard: u32) -> Usage {
    Sampler::new(worker.to_owned(), guard, PathBuf::new()).sample(Instant::now().into_std())
}

/// Whom to tell.
#[derive(Debug)]
pub struct Listeners {
    /// The scheduler, through the agent.
    pub connection: Arc<ExecutorConnection>,
    /// Where this host's sidecar would listen.
    pub sidecar: Option<PathBuf>,
}

/// Tells what lives below `guard` until it is dropped.
pub fn tell(listeners: Listeners, worker: String, guard: u32, sandbox: PathBuf) -> AbortOnDropHandle<()> {
    let sampler = Sampler::new(worker, guard, sandbox);
    AbortOnDropHandle::new(tokio::spawn(async move { follow(&listeners, sampler).await }))
}

async fn follow(listeners: &Listeners, mut sampler: Sampler) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut alarm = Alarm::default();
    loop {
        ticks.tick().await;
        let now = Instant::now().into_std();
        let sampled = spawn_blocking(move || {
            let usage = sampler.sample(now);
            (sampler, usage)
        });
        let Ok((back, usage)) = sampled.await else { return };
        sampler = back;
        let memory_warning = alarm.rings(&usage);
        if let Some(percent) = memory_warning {
            warn!("TaskManager uses {percent} % of its memory limit: above the limit, the kernel kills it");
        }
        listeners.tell(&usage, memory_warning).await;
    }
}

impl Listeners {
    async fn tell(&self, usage: &Usage, memory_warning: Option<u64>) {
        if let Ok(text) = serde_json::to_vec(&Message { usage, memory_warning })
            && let Err(error) = self.connection.message(text.into()).await
        {
            debug!("Cannot report usage to the scheduler: {error}");
        }
        if let (Some(sidecar), Ok(text)) = (&self.sidecar, serde_json::to_vec(usage))
            && let Err(error) = fetcher::sidecar::tell_usage(sidecar, text).await
        {
            debug!("Cannot report usage to the sidecar: {error}");
        }
    }
}

/// Rings once for each rise above the mark.
#[derive(Debug, Default)]
struct Alarm {
    rung: bool,
}

impl Alarm {
    fn rings(&mut self, usage: &Usage) -> Option<u64> {
        let (used, limit) = usage.memory_working_set_bytes.zip(usage.memory_limit_bytes.filter(|limit| *limit > 0))?;
        let percent = used.saturating_mul(100) / limit;
        let rings = percent >= WARN_ABOVE && !self.rung;
        self.rung = percent >= WARN_ABOVE || (self.rung && percent >= CALM_BELOW);
        rings.then_some(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_rings_once_for_each_rise() {
        let mut alarm = Alarm::default();
        let usage = |percent| Usage {
            worker: "w".into(),
            cpu_seconds: 0.0,
            cpu_cores: None,
            memory_bytes: 0,
            memory_working_set_bytes: Some(percent),
            memory_limit_bytes: Some(100),
            processes: 1,
            threads: 1,
            open_files: 1,
            sandbox_bytes: 0,
        };
        let rung: Vec<_> = [50, 89, 92, 95, 85, 91, 70, 93].map(|percent| alarm.rings(&usage(percent))).into();
        assert_eq!(rung, [None, None, Some(92), None, None, None, None, Some(93)]);
        assert_eq!(alarm.rings(&Usage { memory_limit_bytes: None, ..usage(100) }), None);
    }
}
