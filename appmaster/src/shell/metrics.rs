//! The values of metrics, and the answer to health checks.

use scheduler::core::{
    ids::WorkerId,
    worker::{Phase, Worker},
};

use super::Shell;
use crate::{
    control::status::JobManagerState,
    metrics::{Snapshot, WorkerStates},
};

impl Shell<'_> {
    /// Whether the cluster is ready.
    pub(super) fn is_ready(&self) -> bool {
        self.facts().conditions().ready.status
    }

    /// All metrics as text.
    pub(super) fn metrics_text(&self) -> String {
        self.metrics.set(&self.snapshot());
        self.metrics.text()
    }

    /// A worker has registered. Its start is measured once.
    pub(super) fn worker_registered(&mut self, worker: &WorkerId) {
        if !self.view.registered.insert(worker.clone()) {
            return;
        }
        let core = self.driver.core();
        let Some(worker) = core.workers().get(worker) else { return };
        // Those taken over were launched by an earlier application master.
        if worker.record.launched >= self.since {
            let took = core.now().since(worker.record.launched);
            self.metrics.start.observe(took.as_secs_f64());
        }
    }

    fn snapshot(&self) -> Snapshot {
        let (core, facts) = (self.driver.core(), self.facts());
        let conditions = facts.conditions();
        let suspicions = core.suspicions();
        Snapshot {
            ready: conditions.ready.status,
            progressing: conditions.progressing.status,
            degraded: conditions.degraded.status,
            wanted: core.target(),
            workers: states(core.workers().values().map(AsRef::as_ref)),
            slots: self.scaling.wanted_slots(),
            totals: core.totals().clone(),
            drained: core.draining().len(),
            suspect: suspicions.len(),
            avoided: suspicions.iter().filter(|agent| agent.avoided).count(),
            connected: core.is_subscribed(),
            persistent: !facts.store_away,
            job_manager_up: facts.job_manager == JobManagerState::Running,
        }
    }
}

/// Counts each worker once.
fn states<'a>(workers: impl Iterator<Item = &'a Worker>) -> WorkerStates {
    let mut states = WorkerStates::default();
    for worker in workers {
        let state = match worker.phase {
            Phase::Storing | Phase::Launching => &mut states.launching,
            Phase::Staging => &mut states.staging,
            Phase::Running if worker.registered => &mut states.registered,
            Phase::Running => &mut states.running,
            Phase::Killing(_) => &mut states.stopping,
            Phase::Unreachable => &mut states.unreachable,
        };
        *state += 1;
    }
    states
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scheduler::core::{
        ids::Moment,
        state::{AgentProfile, WorkerRecord},
    };

    use super::*;

    #[test]
    fn each_worker_is_counted_in_one_state() {
        let worker = |phase, registered| {
            let record = WorkerRecord {
                id: WorkerId::new("1", 1),
                place: Arc::new(AgentProfile::default()),
                launched: Moment(0),
                running: false,
                released: false,
                generation: 0,
                origin: None,
            };
            Worker { registered, ..Worker::new(record, phase, Moment(0)) }
        };
        let workers = [
            worker(Phase::Storing, false),
            worker(Phase::Launching, false),
            worker(Phase::Running, false),
            worker(Phase::Running, true),
            worker(Phase::Killing(Moment(1)), true),
            worker(Phase::Unreachable, true),
        ];
        let expected = WorkerStates {
            launching: 2,
            staging: 0,
            running: 1,
            registered: 1,
            unreachable: 1,
            stopping: 1,
        };
        assert_eq!(states(workers.iter()), expected);
    }
}
