//! The scheduler's state machine: workers, offers and reconciliation, without I/O, clock or randomness of its own.
//!
//! The shell tells it what happened ([`Input`]) and carries out what it asks for ([`Output`]), in order. What it promises:
//!
//! - A worker is in the store before its task can exist: [`Output::Accept`] comes only after [`Input::Stored`].
//! - A status is acknowledged only after what it means is in the store.
//! - A task that the store does not know is killed on sight.
//! - Every offer is answered in the same step that brings it: used or declined, never kept.
//! - With nothing to launch, offers are suppressed.
//!
//! The life of one worker is drawn in [`worker`].

pub mod constraint;
mod launching;
pub mod message;
pub mod offers;
mod pace;
mod reconciliation;
pub mod resources;
mod status;
#[cfg(test)]
mod tests;
pub mod worker;
mod writing;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use self::{
    constraint::Constraint,
    message::{Change, Input, Moment, Notice, Output, State, WorkerId},
    offers::Refusals,
    pace::{Pace, STABLE},
    reconciliation::Reconciliation,
    resources::Demand,
    worker::{Overdue, Patience, Phase, Worker},
    writing::Write,
};

/// What the core goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What each worker needs.
    pub demand: Demand,
    /// Where workers may run.
    pub constraints: Vec<Constraint>,
    /// How long an offer that is of no use *now* stays away.
    pub decline: Duration,
    /// How long an offer that is too small stays away. Mesos ends such a filter itself when the agent has more to offer.
    pub hopeless: Duration,
    /// How long workers are waited for.
    pub patience: Patience,
}

/// The state machine.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    now: Moment,
    epoch: String,
    next_number: u64,
    framework: Option<String>,
    workers: BTreeMap<WorkerId, Worker>,
    target: usize,
    stopping: bool,
    /// Whether the framework's end was asked for on this connection.
    tearing_down: bool,
    subscribed: bool,
    /// Since when the JobManager is up, so that TaskManagers can register.
    job_manager: Option<Moment>,
    /// Whether Mesos was last told that we want offers; `None` if it must be told anew.
    offers_wanted: Option<bool>,
    /// When it was told, or showed that it knows.
    offers_told: Moment,
    pace: Pace,
    reconciliation: Reconciliation,
    refusals: Refusals,
    /// The reasons that people were last told, and after how many offers.
    explained: (Vec<String>, usize),
    writes: VecDeque<Write>,
    next_write: u64,
    outputs: Vec<Output>,
}

impl Core {
    /// Begins with what the store had.
    pub fn new(settings: Settings, state: State, now: Moment) -> Self {
        let workers = state.workers.into_iter().map(|(id, record)| (id, Worker::recovered(record, now))).collect();
        Self {
            settings,
            now,
            epoch: state.epoch,
            next_number: state.next_number,
            framework: state.framework,
            workers,
            target: 0,
            stopping: false,
            tearing_down: false,
            subscribed: false,
            job_manager: None,
            offers_wanted: None,
            offers_told: now,
            pace: Pace::default(),
            reconciliation: Reconciliation::default(),
            refusals: Refusals::default(),
            explained: (Vec::new(), 0),
            writes: VecDeque::new(),
            next_write: 0,
            outputs: Vec::new(),
        }
    }

    /// Takes in what happened and gives what is to be done.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Target(target) => self.target = target,
            Input::Subscribed(framework) => self.subscribed(framework),
            Input::Disconnected => self.disconnected(),
            Input::FrameworkRemoved => self.framework_removed(),
            Input::Offers(offers) => self.offers(offers),
            Input::Rescinded(offer) => self.rescinded(&offer),
            Input::Status(status) => self.status(*status),
            Input::Stored(number) => self.stored(number),
            Input::JobManager(up) => self.job_manager = up.then_some(self.now),
            Input::Registered(listed) => self.registered(&listed),
            Input::Stop => self.stopping = true,
            Input::TornDown => self.torn_down(),
            Input::Tick => {}
        }
        self.settle();
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is needed next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        let workers = self
            .workers
            .values()
            .filter_map(|w| w.deadline(&self.settings.patience, self.job_manager))
            .map(|(at, _)| at);
        let waiting = if self.missing() > 0 { self.pace.wait(self.now) } else { None };
        let late = self.store_is_late_at();
        let connected = self
            .reconciliation
            .wake_at()
            .into_iter()
            .chain(waiting)
            .chain(workers)
            .chain(late)
            .chain(self.unheard_at())
            .filter(|_| self.subscribed);
        connected.min()
    }

    /// The workers, by id.
    pub fn workers(&self) -> &BTreeMap<WorkerId, Worker> {
        &self.workers
    }

    fn subscribed(&mut self, framework: String) {
        if self.framework.as_ref() != Some(&framework) {
            self.framework = Some(framework.clone());
            self.store(vec![Change::Framework(Some(framework))], Vec::new());
        }
        self.subscribed = true;
        self.tearing_down = false;
        self.offers_wanted = None;
        for worker in self.workers.values_mut() {
            worker.answered = matches!(worker.phase, Phase::Storing);
            // Silence while the connection was down says nothing about the worker.
            worker.heard = self.now;
            if let Phase::Killing(next) = &mut worker.phase {
                *next = self.now;
            }
        }
        self.reconciliation.start(self.now);
    }

    fn disconnected(&mut self) {
        self.subscribed = false;
        self.reconciliation.pause();
        self.withdraw_launches();
    }

    fn framework_removed(&mut self) {
        self.disconnected();
        if self.stopping {
            return self.torn_down();
        }
        self.notice(Notice::FrameworkLost);
        self.forget_framework(Vec::new());
    }

    /// The framework is gone, and every task with it: a record without the framework id would say nothing.
    fn forget_framework(&mut self, then: Vec<Output>) {
        self.framework = None;
        let mut changes = vec![Change::Framework(None)];
        for id in std::mem::take(&mut self.workers).into_keys() {
            changes.push(Change::Forget(id.clone()));
            self.notice(Notice::Gone(id, "Mesos removed the framework".to_owned()));
        }
        self.store(changes, then);
    }

    fn registered(&mut self, listed: &BTreeSet<WorkerId>) {
        for (id, worker) in &mut self.workers {
            let there = listed.contains(id);
            if there && !worker.registered {
                self.outputs.push(Output::Notice(Notice::Registered(id.clone())));
            } else if !there && worker.registered {
                worker.unregistered = self.now;
            }
            worker.registered = there;
        }
    }

    /// The launch of a worker leaves for Mesos.
    fn launched(&mut self, id: &WorkerId, hostname: &str) {
        if let Some(worker) = self.workers.get_mut(id) {
            if worker.phase == Phase::Storing {
                worker.enter(Phase::Launching, self.now);
                worker.heard = self.now;
            }
            self.outputs.push(Output::Notice(Notice::Launched(id.clone(), hostname.to_owned())));
        }
    }

    /// Brings everything to where it should be now.
    fn settle(&mut self) {
        self.reward_stability();
        self.give_back_late_offers();
        if self.subscribed {
            self.act_on_overdue();
        }
        self.drop_surplus();
        if self.subscribed {
            self.reconcile();
            self.want_offers();
        }
        let ended = self.workers.values().all(|w| w.phase == Phase::Unreachable) && self.writes.is_empty();
        let reachable = self.subscribed || self.framework.is_none();
        if self.stopping && ended && reachable && !std::mem::replace(&mut self.tearing_down, true) {
            if self.framework.is_some() {
                self.outputs.push(Output::Teardown);
            } else {
                self.torn_down();
            }
        }
    }

    /// In this order: a framework id that Mesos has forgotten heals itself, one that we have forgotten does not.
    fn torn_down(&mut self) {
        self.disconnected();
        self.tearing_down = true;
        self.forget_framework(vec![Output::Stopped]);
    }

    fn reward_stability(&mut self) {
        let stable = |w: &Worker| w.phase == Phase::Running && self.now.since(w.since) >= STABLE;
        if self.workers.values().any(stable) {
            self.pace.stable();
        }
    }

    fn act_on_overdue(&mut self) {
        let due = |w: &Worker| w.deadline(&self.settings.patience, self.job_manager).filter(|(at, _)| *at <= self.now);
        let overdue: Vec<_> = self.workers.iter().filter_map(|(id, w)| Some((id.clone(), due(w)?.1))).collect();
        for (id, what) in overdue {
            match what {
                Overdue::Kill(why) => self.kill(&id, &why),
                Overdue::Replace => self.kill(&id, "it is unreachable and is replaced"),
                Overdue::KillAgain => self.remind_of_kill(&id),
                Overdue::Ask => {
                    if let Some(worker) = self.workers.get_mut(&id) {
                        worker.heard = self.now;
                        worker.answered = false;
                    }
                    self.reconciliation.ask(self.now);
                }
            }
        }
    }

    fn drop_surplus(&mut self) {
        let target = if self.stopping { 0 } else { self.target };
        let counting = self.counting();
        if counting <= target {
            return;
        }
        let why = if self.stopping { "the cluster is stopping" } else { "fewer workers are wanted" };
        // Those that do not run yet go first, then the youngest: they have done the least.
        let mut live: Vec<_> = self.workers.values().filter(|w| w.counts()).map(|w| &w.record).collect();
        live.sort_by_key(|record| (record.running, Reverse((record.launched, record.id.clone()))));
        let surplus: Vec<_> = live.into_iter().take(counting - target).map(|record| record.id.clone()).collect();
        for id in surplus {
            self.kill(&id, why);
        }
    }

    /// Lets a worker go: its record says so before Mesos is told.
    fn kill(&mut self, id: &WorkerId, why: &str) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        worker.record.released = true;
        if worker.phase != Phase::Unreachable {
            worker.enter(Phase::Killing(self.now.after(self.settings.patience.kill)), self.now);
        }
        let (change, kill) = (Change::Worker(worker.record.clone()), worker.kill());
        self.notice(Notice::Killing(id.clone(), why.to_owned()));
        self.store(vec![change], vec![kill]);
    }

    fn remind_of_kill(&mut self, id: &WorkerId) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        worker.phase = Phase::Killing(self.now.after(self.settings.patience.kill));
        let kill = worker.kill();
        self.after_stores(kill);
    }

    fn reconcile(&mut self) {
        let unanswered: Vec<_> = self.workers.values().filter(|w| !w.answered && w.phase != Phase::Storing).collect();
        if unanswered.is_empty() {
            self.reconciliation.answered();
        }
        let due = self.reconciliation.due(self.now);
        if due.explicit && !unanswered.is_empty() {
            let tasks = unanswered.iter().map(|w| (w.record.id.clone(), w.record.agent.clone())).collect();
            self.outputs.push(Output::Reconcile(tasks));
        }
        if due.implicit {
            self.outputs.push(Output::Reconcile(Vec::new()));
            // Mesos says nothing of workers that it does not know (any more): those are asked for one by one then.
            if !due.explicit && !self.workers.is_empty() {
                for worker in self.workers.values_mut() {
                    worker.answered = worker.phase == Phase::Storing;
                }
                self.reconciliation.ask_soon(self.now);
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.outputs.push(Output::Notice(notice));
    }

    fn counting(&self) -> usize {
        self.workers.values().filter(|w| w.counts()).count()
    }

    fn missing(&self) -> usize {
        if self.stopping { 0 } else { self.target.saturating_sub(self.counting()) }
    }
}
