//! Follows the number of TaskManagers that jobs need.

use std::{collections::BTreeSet, time::Duration};

use scheduler::core::{Core, ids::WorkerId, message::Input, scale::Scale};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{Next, Shell};
use crate::{
    demand::{
        Observation,
        policy::{Decision, Fleet, Policy},
        poller,
        reasons::{Waiting, Workers},
    },
    flink_rest::FlinkRest,
    settings::ScalingSettings,
};

/// What was found out about TaskManagers longer ago than this may no longer be true.
const FRESH: Duration = Duration::from_secs(1);

/// What jobs need, and what was found out about it.
#[derive(Debug)]
pub(super) struct Scaling {
    policy: Policy,
    /// The JobManager, once it is known where it is.
    rest: Option<FlinkRest>,
    seen: Option<Observation>,
    waiting: Waiting,
    /// Whether the JobManager is being asked about workers that may be stopped.
    is_asking: bool,
    confirmed: (mpsc::UnboundedSender<Confirmed>, mpsc::UnboundedReceiver<Confirmed>),
}

/// Workers that can be stopped.
#[derive(Debug)]
pub(super) struct Confirmed {
    needed: usize,
    unused: BTreeSet<WorkerId>,
    at: Instant,
}

impl Scaling {
    pub(super) fn new(
        settings: ScalingSettings,
        scale: Option<Scale>,
        rest: Option<FlinkRest>,
    ) -> Self {
        Self {
            policy: Policy::new(settings, scale),
            rest,
            seen: None,
            waiting: Waiting::default(),
            is_asking: false,
            confirmed: mpsc::unbounded_channel(),
        }
    }

    /// How many workers are wanted at the start: those that are there, or `first` for a job that
    /// will come.
    pub(super) fn at_start(&self, core: &Core, first: usize) -> usize {
        self.policy.at_start(fleet(core).workers.len().max(first))
    }

    /// Workers that can be stopped.
    pub(super) async fn confirmed(&mut self) -> Option<Confirmed> {
        self.confirmed.1.recv().await
    }

    /// The JobManager is here.
    pub(super) fn found(&mut self, rest: FlinkRest) {
        self.rest = Some(rest);
    }

    /// The jobs of the next JobManager are not known yet.
    pub(super) fn job_manager_down(&mut self) {
        self.policy.job_manager_down();
        (self.seen, self.waiting) = (None, Waiting::default());
    }

    /// What the JobManager has said last.
    pub(super) fn seen(&self) -> Option<&Observation> {
        self.seen.as_ref()
    }

    /// Why jobs wait for slots, if they have waited for a while.
    pub(super) fn waiting(&self) -> Option<&str> {
        self.waiting.text()
    }

    /// The slots that jobs need, as far as it is known.
    pub(super) fn wanted_slots(&self) -> u64 {
        self.seen.as_ref().map_or(0, Observation::wanted_slots)
    }

    /// What jobs need, for the operator.
    pub(super) fn shown(&self) -> Value {
        let scale = self.policy.scale();
        let jobs = self.seen.iter().flat_map(|seen| &seen.jobs);
        let jobs: Vec<_> =
            jobs.map(|job| json!({ "id": job.id, "name": job.name, "slots": job.slots })).collect();
        json!({
            "min": scale.min(),
            "max": scale.max(),
            "needed": self.seen.as_ref().map(|_| self.policy.needed()),
            "slots": self.seen.as_ref().map(Observation::wanted_slots),
            "jobs": jobs,
            "waiting": self.waiting.text(),
        })
    }

    /// Asks, in the background, whether these workers are still not used.
    fn ask(&mut self, needed: usize, unused: BTreeSet<WorkerId>, seen: &Observation) {
        let Some(rest) = self.rest.clone() else { return };
        if std::mem::replace(&mut self.is_asking, true) {
            return;
        }
        let (jobs, answer) = (seen.jobs.clone(), self.confirmed.0.clone());
        tokio::spawn(async move {
            let unused = poller::still_unused(&rest, unused, &jobs).await;
            // During shutdown, there may be no receiver.
            _ = answer.send(Confirmed { needed, unused, at: Instant::now() });
        });
    }
}

/// A line about the number that an operator has set earlier, which overrides the configured one.
pub(super) fn overridden(core: &Core) -> Option<String> {
    let scale = core.scale()?;
    Some(format!(
        "Keeping {scale} TaskManagers, as `flink-mesos workers scale` has set earlier; \
         `flink-mesos workers scale default` takes that back"
    ))
}

fn fleet(core: &Core) -> Fleet {
    let counting = core.workers().values().filter(|worker| worker.counts());
    let workers = counting.map(|worker| (worker.record.id.clone(), worker.registered));
    Fleet { target: core.target(), workers: workers.collect() }
}

impl Shell<'_> {
    /// The JobManager has said what its jobs need.
    pub(super) async fn observed(&mut self, seen: Observation) -> Next {
        if self.ending.is_some() {
            return Next::GoOn;
        }
        let fleet = fleet(self.driver.core());
        let decision = self.scaling.policy.observe(&seen, &fleet);
        let next = match decision {
            Decision::Keep => Next::GoOn,
            Decision::Raise(wanted) => {
                self.report_demand(&seen, wanted);
                self.feed(Input::Target(wanted)).await
            }
            Decision::Lower(needed, unused) if unused.is_empty() => {
                self.feed(Input::Release(needed, unused)).await
            }
            Decision::Lower(needed, unused) => {
                self.scaling.ask(needed, unused, &seen);
                Next::GoOn
            }
        };
        self.report_running(&seen);
        self.report_waiting(&seen);
        // Workers taken over that never registered may be gone now.
        if !self.view.told_ready {
            self.report_if_ready();
        }
        self.scaling.seen = Some(seen);
        next
    }

    /// Stops workers that are not used, unless the answer has waited for too long.
    pub(super) async fn confirmed(&mut self, confirmed: Confirmed) -> Next {
        self.scaling.is_asking = false;
        let Confirmed { needed, unused, at } = confirmed;
        if self.ending.is_some() || at.elapsed() >= FRESH || unused.is_empty() {
            return Next::GoOn;
        }
        self.feed(Input::Release(needed, unused)).await
    }

    /// An operator has set another number of workers.
    pub(super) async fn rescale(&mut self) -> Next {
        let (scale, target) = (self.driver.core().scale(), self.driver.core().target());
        match self.scaling.policy.set_scale(scale, target) {
            Some(wanted) => self.feed(Input::Target(wanted)).await,
            None => Next::GoOn,
        }
    }

    fn report_demand(&self, seen: &Observation, wanted: usize) {
        let slots = seen.wanted_slots();
        let jobs = seen.jobs.len();
        let what = match (jobs, slots) {
            (1, 1) => "1 job needs 1 slot".to_owned(),
            (1, slots) => format!("1 job needs {slots} slots"),
            (jobs, slots) => format!("{jobs} jobs need {slots} slots"),
        };
        let plural = if wanted == 1 { "TaskManager is" } else { "TaskManagers are" };
        let text = format!("{what}: {wanted} {plural} wanted");
        let fields = json!({ "workers": wanted, "slots": slots, "jobs": jobs });
        self.console.report("demand", &text, fields);
    }

    /// Reports the jobs that run for the first time since the JobManager was started.
    fn report_running(&mut self, seen: &Observation) {
        for job in seen.jobs.iter().filter(|job| job.runs) {
            if self.view.running_jobs.insert(job.id.clone()) {
                let text = format!("Job {} ({}) is running", job.name, job.id);
                let fields = json!({ "job": job.id, "name": job.name });
                self.console.report("job-running", &text, fields);
            }
        }
    }

    /// Reports why jobs still wait for slots.
    fn report_waiting(&mut self, seen: &Observation) {
        let core = self.driver.core();
        let delayed = self.view.trouble.delayed.as_ref().filter(|(until, _)| *until > core.now());
        let delayed = delayed.map(|(_, why)| format!("launches are delayed after failures: {why}"));
        let starved = delayed.or_else(|| core.starved());
        let fleet = fleet(core);
        let workers = Workers {
            needed: self.scaling.policy.needed(),
            scale: self.scaling.policy.scale(),
            launched: fleet.workers.len(),
            registered: seen.task_managers.len(),
            starved: starved.as_deref(),
        };
        if let Some(text) = self.scaling.waiting.observe(seen, workers) {
            self.console.report("waiting-for-slots", &text, json!({ "reason": text }));
        }
    }
}
