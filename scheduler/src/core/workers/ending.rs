//! Ends workers: those whose time is up, those beyond the target, and any for a given reason.

use std::{cmp::Reverse, collections::BTreeSet};

use overlays::blame::Blame;

use super::Workers;
use crate::core::{
    cause::{Cause, Initiator},
    effects::{Effects, Failure},
    history::Step,
    ids::{Moment, WorkerId},
    message::{Notice, Output},
    state::Change,
    verdict::Verdict,
    worker::{Overdue, Phase, REMINDERS, Worker},
};

impl Workers {
    /// Acts on workers whose deadlines have passed.
    pub(in crate::core) fn act_on_overdue(&mut self, now: Moment, effects: &mut Effects) {
        for (id, what) in self.fleet.overdue(now) {
            match what {
                Overdue::Silent => self.replace_silent(now, &id, effects),
                Overdue::Unregistered => {
                    let why = Cause::Unregistered(self.fleet.patience().registration);
                    self.kill(now, &id, why, Initiator::Scheduler, effects);
                }
                Overdue::Replace => self.give_up(now, &id, effects),
                Overdue::KillAgain => self.remind_of_kill(now, &id, effects),
                Overdue::AskMesos => {
                    self.fleet.update(&id, |worker| (worker.heard, worker.answered) = (now, false));
                    self.reconciliation.ask(now);
                }
                Overdue::Proven => {
                    let place = self.fleet.update(&id, |worker| {
                        worker.proven = true;
                        worker.record.place.clone()
                    });
                    if let Some(place) = place {
                        effects.proven(place);
                    }
                }
            }
        }
    }

    /// Kills workers beyond `most`: first those that must leave anyway, then those that do not run
    /// yet, then the youngest, which have done the least.
    pub(in crate::core) fn drop_surplus(
        &mut self,
        now: Moment,
        most: usize,
        why: &Cause,
        leaves: impl Fn(&Worker) -> bool,
        effects: &mut Effects,
    ) {
        let counting = self.fleet.counting();
        if counting <= most {
            return;
        }
        let mut live: Vec<_> =
            self.fleet.workers().values().filter(|worker| worker.counts()).collect();
        live.sort_by_key(|worker| {
            let (record, stays) = (&worker.record, !leaves(worker));
            (stays, record.running, Reverse((record.launched, record.id.clone())))
        });
        let surplus: Vec<_> =
            live.into_iter().take(counting - most).map(|worker| worker.record.id.clone()).collect();
        for id in surplus {
            self.kill(now, &id, why.clone(), Initiator::Operator, effects);
        }
    }

    /// Kills `most` of the workers that are not used: first those that have not registered yet, then
    /// the youngest. Returns how many are killed.
    pub(in crate::core) fn end_unused(
        &mut self,
        now: Moment,
        most: usize,
        unused: &BTreeSet<WorkerId>,
        effects: &mut Effects,
    ) -> usize {
        let known = unused.iter().filter_map(|id| self.fleet.get(id));
        let mut live: Vec<_> = known.filter(|worker| worker.counts()).collect();
        live.sort_by_key(|worker| {
            let record = &worker.record;
            (worker.registered, Reverse((record.launched, record.id.clone())))
        });
        let ended: Vec<_> =
            live.into_iter().take(most).map(|worker| worker.record.id.clone()).collect();
        for id in &ended {
            self.kill(now, id, Cause::Unused, Initiator::Scheduler, effects);
        }
        ended.len()
    }

    /// Replaces a worker whose executor does not report. Its agent is avoided, where the
    /// replacement would otherwise be launched again.
    fn replace_silent(&mut self, now: Moment, id: &WorkerId, effects: &mut Effects) {
        let why = Cause::Silent(self.fleet.patience().staging);
        if let Some(worker) = self.fleet.get(id) {
            let (place, verdict) = (worker.record.place.clone(), Verdict::Blame(Blame::Agent));
            effects.failed(Failure { place, verdict, early: true, why: why.clone() });
        }
        self.kill(now, id, why, Initiator::Scheduler, effects);
    }

    /// Stops counting on an unreachable worker. Mesos cannot end it now, and is asked about it once
    /// more.
    fn give_up(&mut self, now: Moment, id: &WorkerId, effects: &mut Effects) {
        let record = self.fleet.update(id, |worker| {
            (worker.given_up, worker.record.released, worker.answered) = (true, true, false);
            worker.record.clone()
        });
        let (from, to, why) = (Step::Unreachable, Step::WrittenOff, Cause::Unreachable);
        self.remember(now, id, from, to, Initiator::Scheduler, why.clone());
        effects.notice(Notice::Killing(id.clone(), why));
        effects.store_then(record.into_iter().map(Change::Worker).collect(), Vec::new());
        self.reconciliation.ask(now);
    }

    /// Ends a worker: its record is stored as released before Mesos gets the kill.
    pub(in crate::core) fn kill(
        &mut self,
        now: Moment,
        id: &WorkerId,
        why: Cause,
        by: Initiator,
        effects: &mut Effects,
    ) {
        let Some(released) = self.fleet.update(id, |worker| {
            (worker.record.released, worker.given_up) = (true, false);
            (worker.record.clone(), worker.kill(), worker.phase)
        }) else {
            return;
        };
        let (record, kill, phase) = released;
        if phase == Phase::Unreachable {
            self.remember(now, id, Step::Unreachable, Step::WrittenOff, by, why.clone());
        } else {
            let next = now.after(self.fleet.patience().kill);
            self.enter(now, id, Phase::Killing(next), by, why.clone());
        }
        effects.notice(Notice::Killing(id.clone(), why));
        effects.store_then(vec![Change::Worker(record)], vec![kill]);
    }

    /// Repeats the kill. An executor that misses one kill, because it is stopped or lost its
    /// stream, misses the next ones too. In the end, Mesos kills the executor, which ends only this
    /// worker.
    fn remind_of_kill(&mut self, now: Moment, id: &WorkerId, effects: &mut Effects) {
        let patience = self.fleet.patience().clone();
        let next = Phase::Killing(now.after(patience.kill));
        let reminded = self.fleet.update(id, |worker| {
            let before = worker.disobeys(&patience);
            worker.phase = next;
            worker.reminders = worker.reminders.saturating_add(1);
            (worker.kill(), before, worker.disobeys(&patience), worker.record.place.agent.clone())
        });
        let Some((kill, before, disobeys, agent)) = reminded else { return };
        effects.after_stores(kill);
        if !disobeys {
            return;
        }
        if !before {
            let why = Cause::Disobeys(patience.kill.saturating_mul(REMINDERS).max(patience.obey));
            let (from, to) = (Step::Killing, Step::ShuttingDown);
            self.remember(now, id, from, to, Initiator::Scheduler, why.clone());
            effects.notice(Notice::Killing(id.clone(), why));
        }
        effects.after_stores(Output::Shutdown { worker: id.clone(), agent });
    }
}
