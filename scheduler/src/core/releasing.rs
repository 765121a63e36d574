//! Ends workers: those whose time is up, those beyond the target, and any for a given reason.

use std::cmp::Reverse;

use overlays::blame::Blame;

use super::{
    Core,
    cause::{Cause, Initiator},
    effects::Failure,
    history::Step,
    ids::WorkerId,
    message::{Notice, Output},
    state::Change,
    verdict::Verdict,
    worker::{Overdue, Phase, REMINDERS},
};

impl Core {
    pub(super) fn act_on_overdue(&mut self) {
        for (id, what) in self.fleet.overdue(self.now) {
            match what {
                Overdue::Silent => {
                    let why = Cause::Silent(self.settings.patience.staging);
                    // Avoid this agent, where the replacement would otherwise be launched again.
                    if let Some(place) =
                        self.fleet.get(&id).map(|worker| worker.record.place.clone())
                    {
                        let (verdict, why) = (Verdict::Blame(Blame::Agent), why.clone());
                        self.effects.failed(Failure { place, verdict, early: true, why });
                        self.route();
                    }
                    self.kill(&id, why, Initiator::Scheduler);
                }
                Overdue::Unregistered => {
                    let why = Cause::Unregistered(self.settings.patience.registration);
                    self.kill(&id, why, Initiator::Scheduler);
                }
                Overdue::Replace => self.give_up(&id),
                Overdue::KillAgain => self.remind_of_kill(&id),
                Overdue::AskMesos => {
                    let now = self.now;
                    self.fleet.update(&id, |worker| (worker.heard, worker.answered) = (now, false));
                    self.reconciliation.ask(self.now);
                }
                Overdue::Proven => {
                    let place = self.fleet.update(&id, |worker| {
                        worker.proven = true;
                        worker.record.place.clone()
                    });
                    if let Some(place) = place {
                        self.effects.proven(place);
                        self.route();
                    }
                }
            }
        }
    }

    pub(super) fn drop_surplus(&mut self) {
        let most = if self.stopping { 0 } else { self.target.saturating_add(self.moves.surge()) };
        let counting = self.fleet.counting();
        if counting <= most {
            return;
        }
        let why = if self.stopping { Cause::Stopping } else { Cause::Surplus };
        // First those that must leave anyway, then those that do not run yet, then the youngest,
        // which have done the least.
        let idle = self.moves.nobody_leaves(&self.fleet);
        let mut live: Vec<_> =
            self.fleet.workers().values().filter(|worker| worker.counts()).collect();
        live.sort_by_key(|worker| {
            let (record, stays) = (&worker.record, idle || self.leaves(worker).is_none());
            (stays, record.running, Reverse((record.launched, record.id.clone())))
        });
        let surplus: Vec<_> =
            live.into_iter().take(counting - most).map(|worker| worker.record.id.clone()).collect();
        for id in surplus {
            self.kill(&id, why.clone(), Initiator::Operator);
        }
    }

    /// Stops counting on an unreachable worker. Mesos cannot end it now, and is asked about it once
    /// more.
    fn give_up(&mut self, id: &WorkerId) {
        let record = self.fleet.update(id, |worker| {
            (worker.given_up, worker.record.released, worker.answered) = (true, true, false);
            worker.record.clone()
        });
        let (from, to) = (Step::Unreachable, Step::WrittenOff);
        self.remember(id, from, to, Initiator::Scheduler, Cause::Unreachable);
        self.notice(Notice::Killing(id.clone(), Cause::Unreachable));
        self.store(record.into_iter().map(Change::Worker).collect(), Vec::new());
        self.reconciliation.ask(self.now);
    }

    /// Ends a worker: its record is stored as released before Mesos gets the kill.
    pub(super) fn kill(&mut self, id: &WorkerId, why: Cause, by: Initiator) {
        let Some(released) = self.fleet.update(id, |worker| {
            (worker.record.released, worker.given_up) = (true, false);
            (worker.record.clone(), worker.kill(), worker.phase)
        }) else {
            return;
        };
        let (record, kill, phase) = released;
        if phase == Phase::Unreachable {
            self.remember(id, Step::Unreachable, Step::WrittenOff, by, why.clone());
        } else {
            self.enter(
                id,
                Phase::Killing(self.now.after(self.settings.patience.kill)),
                by,
                why.clone(),
            );
        }
        self.notice(Notice::Killing(id.clone(), why));
        self.store(vec![Change::Worker(record)], vec![kill]);
    }

    /// Repeats the kill. An executor that misses one kill, because it is stopped or lost its
    /// stream, misses the next ones too. In the end, Mesos kills the executor, which ends only this
    /// worker.
    pub(super) fn remind_of_kill(&mut self, id: &WorkerId) {
        let patience = self.settings.patience.clone();
        let next = Phase::Killing(self.now.after(patience.kill));
        let reminded = self.fleet.update(id, |worker| {
            let before = worker.disobeys(&patience);
            worker.phase = next;
            worker.reminders = worker.reminders.saturating_add(1);
            (worker.kill(), before, worker.disobeys(&patience), worker.record.place.agent.clone())
        });
        let Some((kill, before, disobeys, agent)) = reminded else { return };
        self.after_stores(kill);
        if !disobeys {
            return;
        }
        if !before {
            let why = Cause::Disobeys(patience.kill.saturating_mul(REMINDERS).max(patience.obey));
            let (from, to) = (Step::Killing, Step::ShuttingDown);
            self.remember(id, from, to, Initiator::Scheduler, why.clone());
            self.notice(Notice::Killing(id.clone(), why));
        }
        self.after_stores(Output::Shutdown { worker: id.clone(), agent });
    }
}
