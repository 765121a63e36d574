//! The scheduler's state machine: workers, offers and reconciliation, without I/O, clock or
//! randomness of its own.
//!
//! The shell feeds it events ([`Input`]) and carries out the outputs ([`Output`]) in that order.
//! The core promises:
//!
//! - A worker is in the store before its task can exist: [`Output::Accept`] comes only after
//!   [`Input::Stored`].
//! - A status is acknowledged only after what it means is in the store.
//! - A task that the store does not know is killed on sight.
//! - Every offer is used or declined in the step that brings it. An offer that is used waits for
//!   the store for a few seconds at most.
//! - With nothing to launch, offers are suppressed.
//! - Workers that leave an agent or are restarted are replaced first, as far as `surge` and
//!   `max-unavailable` allow.
//!
//! [`worker`] draws the life of one worker. A step visits all workers only if it concerns all of
//! them (`fleet`).

pub mod cause;
pub mod constraint;
mod effects;
pub mod evidence;
mod fleet;
pub mod history;
pub mod ids;
mod jitter;
mod launching;
pub mod message;
mod misfits;
mod moves;
mod names;
mod occupation;
pub mod offers;
pub mod origin;
mod reconciliation;
mod releasing;
pub mod resources;
mod session;
pub mod state;
mod status;
#[cfg(test)]
mod tests;
mod verdict;
pub mod worker;
mod writes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use self::{
    cause::{Cause, Initiator, Leaving},
    constraint::Constraint,
    effects::{Effect, Effects},
    fleet::Fleet,
    history::{History, Step, Transition},
    ids::{Moment, WorkerId},
    message::{Input, Notice, Output},
    moves::Moves,
    names::Names,
    offers::{Offers, Suspicion},
    origin::Origin,
    reconciliation::Reconciliation,
    resources::Demand,
    session::Session,
    state::{AgentProfile, Change, Move, Registration, State},
    worker::{Patience, Phase, Worker},
    writes::{Withdrawn, Writes},
};

/// Filter for offers that have waited for the store for too long.
const LATE_STORE_FILTER: Duration = Duration::from_secs(5);

/// The core's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What each worker needs.
    pub demand: Demand,
    /// Where workers may run.
    pub constraints: Vec<Constraint>,
    /// Filter for an offer that cannot be used *now*.
    pub decline: Duration,
    /// Filter for an offer that is too small. Mesos ends such a filter itself when the agent has
    /// more to offer.
    pub decline_small: Duration,
    /// Timeouts for workers.
    pub patience: Patience,
    /// Limits for replacing workers that leave agents.
    pub moving: Move,
    /// What TaskManagers launched from now on are started for.
    pub origin: Arc<Origin>,
    /// User and principal to register with.
    pub registration: Registration,
    /// Largest share of the agents that is avoided because workers failed there; between 0 and 1.
    pub avoided_share: f64,
}

/// The state machine.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    now: Moment,
    names: Names,
    session: Session,
    fleet: Fleet,
    target: usize,
    stopping: bool,
    offers: Offers,
    /// Unknown tasks that were killed: how often, and since when.
    unknown_tasks: BTreeMap<WorkerId, (u32, Moment)>,
    reconciliation: Reconciliation,
    moves: Moves,
    history: History,
    /// Whether workers with other files were reported.
    other_files_reported: bool,
    writes: Writes,
    effects: Effects,
    outputs: Vec<Output>,
}

impl Core {
    /// Starts from the stored state. All randomness comes from `seed`.
    pub fn new(settings: Settings, state: State, now: Moment, seed: u64) -> Self {
        let mut fleet = Fleet::new(settings.patience.clone(), settings.constraints.clone());
        let next_number = state.first_number();
        let ours = settings.registration.clone();
        let session = Session::new(ours, state.framework, state.registration);
        let moves = Moves::new(settings.moving, state.draining, state.generation, state.restart);
        for record in state.workers.into_values() {
            fleet.insert(Worker::recovered(record, now));
        }
        Self {
            offers: Offers::new(&settings, now, seed),
            names: Names::new(state.epoch.clone(), next_number, seed),
            unknown_tasks: BTreeMap::new(),
            settings,
            now,
            reconciliation: Reconciliation::new(&state.epoch),
            session,
            fleet,
            target: 0,
            stopping: false,
            moves,
            history: History::default(),
            other_files_reported: false,
            writes: Writes::default(),
            effects: Effects::default(),
            outputs: Vec::new(),
        }
    }

    /// Handles one input and returns the outputs to carry out.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Target(target) => self.target = target,
            Input::Subscribed(framework) => self.subscribed(framework),
            Input::Disconnected => self.disconnected(),
            Input::FrameworkRemoved => self.framework_removed(),
            Input::ForgetFramework => self.forget_framework(&Cause::FrameworkForgotten, Vec::new()),
            Input::Offers(offers) => self.offers(offers),
            Input::Rescinded(offer) => {
                let withdrawn = self.writes.withdraw_rescinded(&offer);
                self.withdraw(withdrawn);
            }
            Input::InverseOffers(offers) => {
                let occupation = self.fleet.occupation();
                let is_used = |agent: &str| occupation.workers_on(agent) > 0;
                self.moves.inverse_offers(self.now, offers, is_used, &mut self.effects);
            }
            Input::InverseRescinded(offer) => {
                self.moves.inverse_rescinded(&offer, &mut self.effects);
            }
            Input::Status(status) => self.status(*status),
            Input::Stored(number) => self.stored(number),
            Input::JobManager(up) => self.job_manager(up),
            Input::Registered(listed) => self.registered(&listed),
            Input::Drain(agent) => self.moves.drain(agent, &mut self.effects),
            Input::Undrain(agent) => self.moves.undrain(agent, &mut self.effects),
            Input::Restart(pace) => self.moves.restart(pace, &mut self.effects),
            Input::ClearAgent(agent) => self.offers.clear(agent.as_deref()),
            Input::Stop => self.stopping = true,
            Input::TornDown => self.torn_down(),
            Input::MasterInspected(inspection) => {
                let is_missing = self.missing() > 0;
                self.offers.master_inspected(&inspection, is_missing, &mut self.effects);
            }
            Input::Tick => {}
        }
        self.route();
        self.settle();
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is needed next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        let waiting = if self.missing() > 0 { self.offers.paused_until(self.now) } else { None };
        let connected = [
            self.fleet.next_due(),
            waiting,
            self.reconciliation.wake_at(),
            self.writes.wake_at(self.now),
            self.offers.wake_at(),
            self.moves.wake_at(self.now),
        ];
        connected.into_iter().flatten().filter(|_| self.session.is_subscribed()).min()
    }

    /// The workers, by id.
    pub fn workers(&self) -> &BTreeMap<WorkerId, Box<Worker>> {
        self.fleet.workers()
    }

    /// The moment of the last input.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Whether the cluster is being ended.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether the master takes our calls now.
    pub fn is_subscribed(&self) -> bool {
        self.session.is_subscribed()
    }

    /// Number of workers whose state Mesos has not reported since it was asked.
    pub fn unanswered(&self) -> usize {
        self.fleet.unanswered().len()
    }

    /// How many workers are wanted.
    pub fn target(&self) -> usize {
        self.target
    }

    /// How often all workers were restarted; those of earlier generations are being replaced.
    pub fn generation(&self) -> u64 {
        self.moves.generation()
    }

    /// Why nothing is launched although workers are missing: the store, or the offers since the
    /// last launch.
    pub fn starved(&self) -> Option<String> {
        if self.missing() == 0 {
            None
        } else if self.writes.are_late(self.now) {
            Some("the state cannot be stored, and nothing is launched until it can".to_owned())
        } else {
            self.offers.why_nothing_fits()
        }
    }

    /// The last write that is not durable yet.
    pub fn unstored(&self) -> Option<u64> {
        self.writes.last()
    }

    /// The last transitions of current and past workers.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Agents on which workers failed.
    pub fn suspicions(&self) -> Vec<Suspicion> {
        self.offers.suspicions(self.now)
    }

    /// Drained agents, by id or host name.
    pub fn draining(&self) -> &BTreeSet<String> {
        self.moves.draining()
    }

    /// Why this worker must leave its agent, if it must.
    pub fn leaves(&self, worker: &Worker) -> Option<Leaving> {
        self.moves.leaves(self.now, worker)
    }

    /// Carries the effects of the machines where they belong, in their order.
    fn route(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain() {
            match effect {
                Effect::Output(output) => self.outputs.push(output),
                Effect::Store(changes, then) => self.store(changes, then),
                Effect::Unfilter => self.offers.unfilter(),
                Effect::Failed(failure) => {
                    let notice = self.offers.failed(self.now, &failure);
                    self.outputs.extend(notice.map(Output::Notice));
                }
                Effect::PortsFailed(place, ports, why) => {
                    let message = why.to_string();
                    self.offers.ports_failed(self.now, &place.agent, &ports, &message);
                }
                Effect::Proven(place) => self.offers.proven(&place.agent),
            }
        }
        self.effects = effects;
    }

    fn subscribed(&mut self, framework: String) {
        self.session.subscribed(framework, &mut self.effects);
        self.route();
        self.offers.subscribed();
        let now = self.now;
        self.fleet.update_all(|worker| {
            worker.answered = worker.phase == Phase::Storing;
            // The worker may have reported while we were disconnected.
            (worker.heard, worker.reminders) = (now, 0);
            if let Phase::Killing(next) = &mut worker.phase {
                *next = now;
            }
        });
        self.reconciliation.start(self.now);
        self.replace_misfits();
    }

    fn disconnected(&mut self) {
        self.session.disconnected();
        self.reconciliation.pause();
        let all = self.writes.withdraw_all();
        self.withdraw(all);
        self.moves.disconnected();
    }

    fn framework_removed(&mut self) {
        self.disconnected();
        if self.stopping {
            return self.torn_down();
        }
        self.notice(Notice::FrameworkLost);
        self.forget_framework(&Cause::FrameworkRemoved, Vec::new());
    }

    /// In this order: a framework id that only we still know is corrected by Mesos, but one that we
    /// have forgotten is lost.
    fn torn_down(&mut self) {
        self.disconnected();
        self.session.torn_down();
        self.forget_framework(&Cause::FrameworkRemoved, vec![Output::Stopped]);
    }

    /// The framework is gone with all its tasks: deletes the records, which mean nothing without
    /// its id.
    fn forget_framework(&mut self, why: &Cause, then: Vec<Output>) {
        self.session.forget();
        let mut changes = vec![Change::Framework(None)];
        for id in self.fleet.workers().keys().cloned().collect::<Vec<_>>() {
            let Some(worker) = self.fleet.remove(&id) else { continue };
            self.remember(&id, worker.phase.into(), Step::Gone, Initiator::Mesos, why.clone());
            changes.push(Change::Forget(id.clone()));
            self.notice(Notice::Gone(id, why.clone()));
        }
        self.store(changes, then);
    }

    fn reconcile(&mut self) {
        if self.fleet.unanswered().len() == 0 {
            self.reconciliation.answered();
        }
        let due = self.reconciliation.due(self.now);
        if due.explicit && self.fleet.unanswered().len() > 0 {
            let unanswered = self.fleet.unanswered();
            let tasks = unanswered
                .map(|worker| (worker.record.id.clone(), worker.record.place.agent.clone()))
                .collect();
            self.outputs.push(Output::Reconcile(tasks));
        }
        if due.implicit {
            self.outputs.push(Output::Reconcile(Vec::new()));
            // Mesos does not mention workers that it does not know (any longer), so they are asked
            // about one by one.
            if !due.explicit && !self.fleet.workers().is_empty() {
                self.fleet.update_all(|worker| worker.answered = worker.phase == Phase::Storing);
                self.reconciliation.ask_soon(self.now);
            }
        }
    }

    fn job_manager(&mut self, up: bool) {
        self.fleet.set_job_manager(up.then_some(self.now));
        if !up {
            // The next JobManager starts with no TaskManagers.
            self.registered(&BTreeSet::new());
        }
    }

    fn registered(&mut self, listed: &BTreeSet<WorkerId>) {
        let workers = self.fleet.workers().iter();
        let changed = workers.filter(|(id, worker)| listed.contains(id) != worker.registered);
        let changed: Vec<_> = changed.map(|(id, _)| id.clone()).collect();
        for id in changed {
            let there = listed.contains(&id);
            let now = self.now;
            self.fleet.update(&id, |worker| {
                worker.registered = there;
                worker.unregistered = now;
            });
            if there {
                self.remember(
                    &id,
                    Step::Running,
                    Step::Registered,
                    Initiator::JobManager,
                    Cause::Listed,
                );
                self.notice(Notice::Registered(id));
            }
        }
    }

    /// The launch of a worker is sent to Mesos.
    fn launched(&mut self, id: &WorkerId, place: &Arc<AgentProfile>) {
        let now = self.now;
        let was_storing = self.fleet.update(id, |worker| {
            let was_storing = worker.phase == Phase::Storing;
            if was_storing {
                worker.heard = now;
                worker.enter(Phase::Launching, now);
            }
            was_storing
        });
        let Some(was_storing) = was_storing else { return };
        if was_storing {
            self.remember(
                id,
                Step::Storing,
                Step::Launching,
                Initiator::Scheduler,
                Cause::Launched(place.clone()),
            );
        }
        self.notice(Notice::Launched(id.clone(), place.clone()));
    }

    /// Moves a worker to its next phase and records the transition.
    fn enter(&mut self, id: &WorkerId, phase: Phase, by: Initiator, cause: Cause) {
        let now = self.now;
        let from = self.fleet.update(id, |worker| {
            let from = Step::from(worker.phase);
            worker.enter(phase, now);
            from
        });
        let to = Step::from(phase);
        if let Some(from) = from.filter(|from| *from != to) {
            self.remember(id, from, to, by, cause);
        }
    }

    fn remember(&mut self, id: &WorkerId, from: Step, to: Step, by: Initiator, cause: Cause) {
        self.history.add(Transition { at: self.now, worker: id.clone(), from, to, cause, by });
    }

    /// Takes every step that is due now.
    fn settle(&mut self) {
        let late = self.writes.withdraw_late(self.now);
        self.withdraw(late);
        let news = self.writes.news(self.now);
        self.outputs.extend(news.map(Output::Notice));
        self.moves.forget_maintenance(self.now, &mut self.effects);
        self.route();
        if self.session.is_subscribed() {
            self.act_on_overdue();
        }
        self.move_workers();
        self.drop_surplus();
        if self.session.is_subscribed() {
            self.reconcile();
            let wanted = self.launchable() > 0;
            self.offers.set_wanted(self.now, wanted, &mut self.effects);
            self.route();
        }
        let nothing_left = self.fleet.is_deserted() && self.writes.is_empty();
        if self.stopping && nothing_left && self.session.begin_end() {
            if self.session.is_registered() {
                self.outputs.push(Output::Teardown);
            } else {
                self.torn_down();
            }
        }
    }

    /// Kills leaving workers as far as enough others are ready.
    fn move_workers(&mut self) {
        if self.stopping {
            return;
        }
        for (id, why) in self.moves.due(self.now, self.target, &self.fleet) {
            self.kill(&id, Cause::Leaves(why), Initiator::Operator);
        }
    }

    /// Stores `changes` and carries out `then` once they are durable.
    fn store(&mut self, changes: Vec<Change>, then: Vec<Output>) {
        self.outputs.push(self.writes.store(self.now, changes, then));
    }

    /// Carries out `output` once all earlier writes are durable.
    fn after_stores(&mut self, output: Output) {
        self.outputs.extend(self.writes.after(output));
    }

    fn stored(&mut self, number: u64) {
        while let Some(outputs) = self.writes.stored(number) {
            for output in outputs {
                self.release(output);
            }
        }
    }

    /// Carries out an output whose writes are durable. A worker that is no longer wanted is
    /// launched anyway: its kill follows, and the task's end deletes its record.
    fn release(&mut self, output: Output) {
        if !self.session.lets_pass(&output) {
            return;
        }
        if let Output::Accept { launches, .. } = &output {
            for launch in launches {
                self.launched(&launch.worker, &launch.place);
            }
        }
        self.outputs.push(output);
    }

    /// Forgets workers whose launches were withdrawn, and declines their offers.
    fn withdraw(&mut self, Withdrawn { offers, mut workers }: Withdrawn) {
        // A kill may wait behind the launch; then the answer to the kill deletes the worker.
        workers
            .retain(|id| self.fleet.get(id).is_some_and(|worker| worker.phase == Phase::Storing));
        if !workers.is_empty() {
            for id in &workers {
                self.fleet.remove(id);
                let (from, to) = (Step::Storing, Step::Gone);
                self.remember(id, from, to, Initiator::Scheduler, Cause::OfferDeclined);
            }
            self.store(workers.into_iter().map(Change::Forget).collect(), Vec::new());
        }
        if !offers.is_empty() {
            self.outputs.push(Output::Decline(offers, LATE_STORE_FILTER));
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.outputs.push(Output::Notice(notice));
    }

    fn missing(&self) -> usize {
        if self.stopping {
            0
        } else {
            self.target.saturating_add(self.moves.surge()).saturating_sub(self.fleet.counting())
        }
    }
}
