//! A TaskManager's resource usage, reported every ten seconds. The scheduler gets a
//! [`UsageMessage`], which warns when memory nears its limit. The host's sidecar gets only the
//! [`Usage`], for its metrics.
//!
//! Messages may get lost; nothing depends on them.

mod disk;
mod sampler;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mesos::executor::ExecutorConnection;
use overlays::report::{Usage, UsageMessage};
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use sampler::Sampler;

const EVERY: Duration = Duration::from_secs(10);

/// Memory in percent of the limit from which to warn.
const WARN_ABOVE: u64 = 90;

/// Memory in percent of the limit below which the next rise causes another warning.
const CALM_BELOW: u64 = 80;

/// The current usage of the descendants of `guard`; the sandbox is not measured. Blocking.
pub fn now(worker: &str, guard: u32) -> Usage {
    Sampler::new(worker.to_owned(), guard, PathBuf::new()).sample(Instant::now().into_std())
}

/// The receivers of reports.
#[derive(Debug)]
pub struct Listeners {
    /// The scheduler, through the agent.
    pub connection: Arc<ExecutorConnection>,
    /// The socket of this host's sidecar, whether or not it is running.
    pub sidecar: Option<PathBuf>,
}

/// Reports the usage of the descendants of `guard` until the handle is dropped.
pub fn report(
    listeners: Listeners,
    worker: String,
    guard: u32,
    sandbox: PathBuf,
) -> AbortOnDropHandle<()> {
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
            warn!(
                "TaskManager uses {percent} % of its memory limit: above the limit, the kernel kills it"
            );
        }
        listeners.send(&usage, memory_warning).await;
    }
}

impl Listeners {
    async fn send(&self, usage: &Usage, memory_warning: Option<u64>) {
        let message = UsageMessage { usage: usage.clone(), memory_warning };
        if let Ok(text) = serde_json::to_vec(&message)
            && let Err(error) = self.connection.message(text.into()).await
        {
            debug!("Cannot report usage to the scheduler: {error}");
        }
        if let (Some(sidecar), Ok(text)) = (&self.sidecar, serde_json::to_vec(usage))
            && let Err(error) = fetcher_client::sidecar::send_usage(sidecar, text).await
        {
            debug!("Cannot report usage to the sidecar: {error}");
        }
    }
}

/// Fires once for each rise above [`WARN_ABOVE`].
#[derive(Debug, Default)]
struct Alarm {
    rung: bool,
}

impl Alarm {
    fn rings(&mut self, usage: &Usage) -> Option<u64> {
        let (used, limit) = usage
            .memory_working_set_bytes
            .zip(usage.memory_limit_bytes.filter(|limit| *limit > 0))?;
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
    fn the_alarm_fires_once_for_each_rise() {
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
        let rung: Vec<_> =
            [50, 89, 92, 95, 85, 91, 70, 93].map(|percent| alarm.rings(&usage(percent))).into();
        assert_eq!(rung, [None, None, Some(92), None, None, None, None, Some(93)]);
        assert_eq!(alarm.rings(&Usage { memory_limit_bytes: None, ..usage(100) }), None);
    }
}
