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
//! Machines own the fields and know nothing of each other. The core hands each input to those that
//! it concerns, and carries their effects on, in order:
//!
//! ```text
//!            ┌▶ session   our framework and its subscription ─┐
//!            ├▶ workers   their launch, statuses and end      │
//!   input ───┼▶ moves     which of them must leave an agent   ├─▶ effects ──▶ outputs
//!            ├▶ offers    used, declined, wanted; why not     │      │
//!            └▶ writes    what the store has not confirmed ───┘      └─▶ another machine
//! ```
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
pub mod message;
mod moves;
mod occupation;
pub mod offers;
pub mod origin;
pub mod resources;
pub mod scale;
mod session;
mod settings;
#[cfg(test)]
mod simulation;
pub mod state;
#[cfg(test)]
mod tests;
pub mod totals;
mod verdict;
mod view;
pub mod worker;
mod workers;
mod writes;

use std::{collections::BTreeSet, time::Duration};

use mesos::v1;

pub use self::settings::Settings;
use self::{
    cause::{Cause, Initiator},
    effects::{Effect, Effects},
    ids::{Moment, WorkerId},
    message::{Input, Notice, Output},
    moves::Moves,
    offers::Offers,
    scale::Scale,
    session::Session,
    state::{AgentProfile, Change, State},
    worker::Worker,
    workers::Workers,
    writes::{Withdrawn, Writes},
};

/// Filter for offers that have waited for the store for too long.
const LATE_STORE_FILTER: Duration = Duration::from_secs(5);

/// The state machine: it hands inputs to the machines, and carries their effects on.
#[derive(Debug)]
pub struct Core {
    now: Moment,
    /// How many workers are wanted.
    target: usize,
    /// The number of workers that an operator has set.
    scale: Option<Scale>,
    stopping: bool,
    session: Session,
    workers: Workers,
    moves: Moves,
    offers: Offers,
    writes: Writes,
    effects: Effects,
    outputs: Vec<Output>,
}

impl Core {
    /// Starts from the stored state. All randomness comes from `seed`.
    pub fn new(settings: Settings, state: State, now: Moment, seed: u64) -> Self {
        let first_number = state.first_number();
        Self {
            now,
            target: 0,
            scale: state.scale,
            stopping: false,
            offers: Offers::new(&settings, now, seed),
            workers: Workers::new(&settings, state.epoch, first_number, state.workers, now, seed),
            session: Session::new(settings.registration, state.framework, state.registration),
            moves: Moves::new(settings.moving, state.draining, state.generation, state.restart),
            writes: Writes::default(),
            effects: Effects::default(),
            outputs: Vec::new(),
        }
    }

    /// Handles one input and returns the outputs to carry out.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        self.take(input);
        self.route();
        self.settle();
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is needed next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        let paused = if self.missing() > 0 { self.offers.paused_until(self.now) } else { None };
        let connected = [
            self.workers.wake_at(),
            paused,
            self.writes.wake_at(self.now),
            self.offers.wake_at(),
            self.moves.wake_at(self.now),
        ];
        connected.into_iter().flatten().filter(|_| self.session.is_subscribed()).min()
    }

    /// Hands an input to the machines that it concerns.
    fn take(&mut self, input: Input) {
        let (now, effects) = (self.now, &mut self.effects);
        match input {
            Input::Target(target) => self.target = target,
            Input::Release(target, unused) => self.release(target, &unused),
            Input::Subscribed(framework) => {
                self.session.subscribed(framework, effects);
                self.offers.subscribed();
                self.workers.subscribed(now, effects);
            }
            Input::Disconnected => self.disconnected(),
            Input::FrameworkRemoved => self.framework_removed(),
            Input::ForgetFramework => self.forget_framework(&Cause::FrameworkForgotten, Vec::new()),
            Input::Offers(offers) => self.offers(offers),
            Input::Rescinded(offer) => {
                let withdrawn = self.writes.withdraw_rescinded(&offer);
                self.withdraw(withdrawn);
            }
            Input::InverseOffers(offers) => {
                let occupation = self.workers.fleet().occupation();
                let is_used = |agent: &str| occupation.workers_on(agent) > 0;
                self.moves.inverse_offers(now, offers, is_used, effects);
            }
            Input::InverseRescinded(offer) => self.moves.inverse_rescinded(&offer, effects),
            Input::Status(status) => self.status(*status),
            Input::Stored(number) => self.stored(number),
            Input::JobManager(up) => self.workers.job_manager(now, up),
            Input::Registered(listed) => {
                let new = self.workers.registered(now, &listed).into_iter();
                self.outputs.extend(new.map(|id| Output::Notice(Notice::Registered(id))));
            }
            Input::Drain(agent) => self.moves.drain(agent, effects),
            Input::Undrain(agent) => self.moves.undrain(agent, effects),
            Input::Restart(pace) => self.moves.restart(pace, effects),
            Input::Scale(scale) => {
                self.scale = scale;
                effects.store(Change::Scale(scale));
            }
            Input::ClearAgent(agent) => self.offers.clear(agent.as_deref()),
            Input::Stop => self.stopping = true,
            Input::TornDown => self.torn_down(),
            Input::MasterInspected(inspection) => {
                let is_missing = self.missing() > 0;
                self.offers.master_inspected(&inspection, is_missing, &mut self.effects);
            }
            Input::Tick => {}
        }
    }

    /// Carries the effects of the machines where they belong, in their order.
    fn route(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Output(output) => self.outputs.push(output),
                Effect::Store(changes, then) => {
                    self.outputs.push(self.writes.store(self.now, changes, then));
                }
                Effect::AfterStores(output) => self.outputs.extend(self.writes.after(output)),
                Effect::Unfilter => self.offers.unfilter(),
                Effect::Failed(failure) => {
                    let notice = self.offers.failed(self.now, &failure);
                    self.outputs.extend(notice.map(Output::Notice));
                }
                Effect::PortsFailed(place, ports, why) => {
                    self.offers.ports_failed(self.now, &place, &ports, &why.to_string());
                }
                Effect::Proven(place) => self.offers.proven(&place.agent),
            }
        }
    }

    /// Takes every step that is due now.
    fn settle(&mut self) {
        let now = self.now;
        let late = self.writes.withdraw_late(now);
        self.withdraw(late);
        self.route();
        self.outputs.extend(self.writes.news(now).map(Output::Notice));
        self.moves.forget_maintenance(now, &mut self.effects);
        self.route();
        if self.session.is_subscribed() {
            self.workers.act_on_overdue(now, &mut self.effects);
            self.route();
        }
        self.move_workers();
        self.drop_surplus();
        self.route();
        if self.session.is_subscribed() {
            self.workers.reconcile(now, &mut self.effects);
            let wanted = self.launchable() > 0;
            self.offers.set_wanted(now, wanted, &mut self.effects);
            self.route();
        }
        let nothing_left = self.workers.fleet().is_deserted() && self.writes.is_empty();
        if self.stopping && nothing_left && self.session.begin_end() {
            if self.session.is_registered() {
                self.outputs.push(Output::Teardown);
            } else {
                self.torn_down();
                self.route();
            }
        }
    }

    fn disconnected(&mut self) {
        self.session.disconnected();
        self.workers.disconnected();
        self.moves.disconnected();
        let all = self.writes.withdraw_all();
        self.withdraw(all);
    }

    fn framework_removed(&mut self) {
        if self.stopping {
            return self.torn_down();
        }
        self.disconnected();
        self.effects.notice(Notice::FrameworkLost);
        self.forget_framework(&Cause::FrameworkRemoved, Vec::new());
    }

    /// In this order: a framework id that only we still know is corrected by Mesos, but one that we
    /// have forgotten is lost.
    fn torn_down(&mut self) {
        self.disconnected();
        self.session.torn_down();
        self.forget_framework(&Cause::FrameworkRemoved, vec![Output::Stopped]);
    }

    /// The framework is gone with all its tasks.
    fn forget_framework(&mut self, why: &Cause, then: Vec<Output>) {
        self.session.forget();
        let mut changes = vec![Change::Framework(None)];
        changes.extend(self.workers.forget_all(self.now, why, &mut self.effects));
        self.effects.store_then(changes, then);
    }

    /// Uses or declines every offer at once.
    fn offers(&mut self, offers: Vec<v1::Offer>) {
        let (now, missing, moves) = (self.now, self.launchable(), &self.moves);
        self.workers.see_places(&offers, &mut self.effects);
        let used = self.offers.place(
            now,
            offers,
            missing,
            self.workers.occupation_mut(),
            |agent, hostname| moves.vacated(agent, hostname),
            &mut self.effects,
        );
        if !used.is_empty() {
            self.workers.launch(now, used, moves.generation(), &mut self.effects);
        }
    }

    fn status(&mut self, status: v1::TaskStatus) {
        let (is_missing, moves) = (self.missing() > 0, &self.moves);
        let has_room = |place: &AgentProfile| {
            is_missing && moves.vacated(&place.agent, &place.hostname).is_none()
        };
        self.workers.status(self.now, status, has_room, &mut self.effects);
    }

    /// Carries out what has waited for writes that are durable now.
    fn stored(&mut self, number: u64) {
        while let Some(outputs) = self.writes.stored(number) {
            for output in outputs.into_iter().filter(|output| self.session.lets_pass(output)) {
                if let Output::Accept { launches, .. } = &output {
                    let launched = launches
                        .iter()
                        .filter_map(|launch| self.workers.launched(self.now, launch));
                    self.outputs.extend(launched.map(Output::Notice));
                }
                self.outputs.push(output);
            }
        }
    }

    /// Forgets the workers of withdrawn launches, and declines their offers.
    fn withdraw(&mut self, Withdrawn { offers, workers }: Withdrawn) {
        self.workers.withdraw(self.now, workers, &mut self.effects);
        if !offers.is_empty() {
            self.effects.output(Output::Decline(offers, LATE_STORE_FILTER));
        }
    }

    /// Kills leaving workers as far as enough others are ready.
    fn move_workers(&mut self) {
        if self.stopping {
            return;
        }
        for (id, why) in self.moves.due(self.now, self.target, self.workers.fleet()) {
            let why = Cause::Leaves(why);
            self.workers.kill(self.now, &id, why, Initiator::Operator, &mut self.effects);
        }
    }

    /// Lowers the target, but not below the workers that are used and those that replace others.
    fn release(&mut self, target: usize, unused: &BTreeSet<WorkerId>) {
        if self.stopping || target >= self.target {
            return;
        }
        let surge = self.moves.surge();
        let counting = self.workers.fleet().counting();
        let surplus = counting.saturating_sub(target.saturating_add(surge));
        let ended = self.workers.end_unused(self.now, surplus, unused, &mut self.effects);
        let used = (counting - ended).saturating_sub(surge);
        self.target = self.target.min(target.max(used));
    }

    /// Kills workers beyond those that are wanted.
    fn drop_surplus(&mut self) {
        let why = if self.stopping { Cause::Stopping } else { Cause::Surplus };
        let (now, most, moves) = (self.now, self.wanted(), &self.moves);
        let idle = moves.nobody_leaves(self.workers.fleet());
        let leaves = |worker: &Worker| !idle && moves.leaves(now, worker).is_some();
        self.workers.drop_surplus(now, most, &why, leaves, &mut self.effects);
    }

    /// How many workers should count now.
    fn wanted(&self) -> usize {
        if self.stopping { 0 } else { self.target.saturating_add(self.moves.surge()) }
    }

    /// How many workers are missing.
    pub fn missing(&self) -> usize {
        self.wanted().saturating_sub(self.workers.fleet().counting())
    }

    /// Number of workers that may be launched now.
    fn launchable(&self) -> usize {
        let may = self.session.is_subscribed()
            && self.session.is_registered()
            && !self.writes.are_late(self.now)
            && self.offers.paused_until(self.now).is_none();
        if may { self.missing() } else { 0 }
    }
}
