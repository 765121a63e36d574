//! What must be true of every step, by the numbers of the list of promises that the scheduler is built to.

use std::collections::BTreeSet;

use mesos::v1::TaskState;
use scheduler::core::{
    message::{Change, Output, WorkerId},
    worker::Phase,
};

use crate::{
    agent::Task,
    world::{Profile, World},
};

/// An offer that waits for the store is given back after a while.
const LONGEST_HOLD: u64 = 30_000;

impl World {
    pub(crate) fn check_output(&mut self, master: usize, output: &Output) {
        // What a stalled one still says after it was deposed is for a connection that the master no longer listens to.
        if !self.keeper.leads(self.masters[master].session) {
            return;
        }
        let durable = |id: &WorkerId| self.keeper.state.workers.get(id);
        match output {
            Output::Store(_, changes) => {
                for change in changes {
                    if let Change::Worker(record) = change
                        && record.released
                    {
                        self.check_release(&record.id);
                    }
                }
            }
            Output::Accept { offers, launches } => {
                for launch in launches {
                    // S1, S16
                    assert!(durable(&launch.worker).is_some(), "{} is launched and not in the store", launch.worker);
                    // S3
                    assert!(self.launched.insert(launch.worker.clone()), "{} is launched twice", launch.worker);
                }
                // S11
                let am = &self.masters[master];
                for offer in offers {
                    assert!(!am.rescinded.contains(&offer.value), "the rescinded offer {} is used", offer.value);
                    assert!(am.unanswered.contains_key(&offer.value), "offer {} is not ours any more", offer.value);
                }
                let agents: BTreeSet<_> = launches.iter().map(|launch| &launch.place.agent).collect();
                assert_eq!(agents.len(), 1, "one accept is for one agent");
            }
            Output::Decline(offers, refuse) => {
                assert!(!refuse.is_zero(), "S12: an offer is declined for no time");
                for offer in offers {
                    let known = self.masters[master].unanswered.contains_key(&offer.value);
                    assert!(known, "offer {} is declined, and was answered before or is gone", offer.value);
                }
            }
            Output::Kill { worker, .. } => {
                let released = durable(worker).is_none_or(|record| record.released);
                assert!(released, "{worker} is killed, and the store does not know that");
            }
            Output::Acknowledge { task, uuid, .. } => {
                // S2
                assert!(!uuid.is_empty(), "a status without uuid is acknowledged");
                let uuid = u128::from_be_bytes(uuid.as_ref().try_into().unwrap()) as u64;
                let Some(record) = durable(&WorkerId::from(task.value.as_str())) else { return };
                let said = self.agents.iter().filter_map(|agent| agent.tasks.get(&task.value));
                let said = said.flat_map(|task| &task.unacknowledged).find(|(other, _)| *other == uuid);
                match said {
                    Some((_, TaskState::TaskRunning)) => {
                        assert!(record.running || record.released, "{} runs, and that is not stored", task.value);
                    }
                    Some((_, TaskState::TaskFailed | TaskState::TaskKilled)) => {
                        panic!("the end of {} is acknowledged, and it is in the store", task.value);
                    }
                    _ => {}
                }
            }
            Output::Teardown => assert!(self.stop_asked, "S15: torn down, and nobody has asked for it"),
            _ => {}
        }
    }

    /// A worker is given up: that is decided when its record says so. More may be wanted by the time the store has it.
    fn check_release(&self, worker: &WorkerId) {
        if self.profile != Profile::Gentle || self.lowered || self.stop_asked {
            return;
        }
        let alive = self.agents.iter().flat_map(|agent| &agent.tasks);
        let of_use: BTreeSet<_> = alive.filter(|(_, task)| task.registered).map(|(id, _)| id.as_str()).collect();
        if of_use.contains(worker.as_str()) {
            assert!(self.moved, "{worker} is killed, and nothing is wrong with it");
            let least = self.target.saturating_sub(self.most_unavailable);
            assert!(of_use.len() > least, "{worker} is killed before another is ready in its place");
        }
    }

    pub(crate) fn check(&self) {
        for (i, am) in self.masters.iter().enumerate() {
            let Some(core) = &am.core else { continue };
            let counting = core.workers().values().filter(|worker| worker.counts()).count();
            // S10
            let surge = if self.moved { 2 } else { 0 };
            let most = if self.stop_asked { 0 } else { self.target + surge };
            assert!(counting <= most, "master {i} counts on {counting} workers, {most} are wanted");
            if am.link.is_some() && am.stalled_until <= self.now {
                let oldest = am.unanswered.values().min().map_or(0, |at| self.now.0 - at.0);
                assert!(oldest <= LONGEST_HOLD, "master {i} has kept an offer for {oldest} ms");
            }
        }
    }

    fn alive(&self) -> Vec<(&String, &Task)> {
        self.agents.iter().flat_map(|agent| &agent.tasks).filter(|(_, task)| task.is_alive()).collect()
    }

    /// S10 and the rest: all is healed and time has passed.
    pub(crate) fn check_end(&self) {
        let alive = self.alive();
        let ids: BTreeSet<_> = alive.iter().map(|(id, _)| WorkerId::from(id.as_str())).collect();
        assert_eq!(ids.len(), alive.len(), "a worker lives twice");
        let wanted = if self.stop_asked { 0 } else { self.target };
        assert_eq!(alive.len(), wanted, "so many TaskManagers live: {ids:?}, in the store: {:?}", self.keeper.state);
        let state = &self.keeper.state;
        if self.stop_asked {
            assert!(self.stopped, "it does not stop");
            assert!(state.framework.is_none() && state.workers.is_empty(), "stopped, and the store has {state:?}");
            return;
        }
        for (id, record) in &state.workers {
            let gone = self.gone_agents.contains(&record.place.agent) && record.released;
            assert!(ids.contains(id) || gone, "{id} is in the store and does not live");
        }
        for id in &ids {
            assert!(state.workers.contains_key(id), "{id} lives and is not in the store");
        }
        let leaders: Vec<_> = self.masters.iter().filter_map(|am| Some((am, am.core.as_ref()?))).collect();
        assert_eq!(leaders.len(), 1, "so many lead");
        let (am, core) = leaders[0];
        assert!(!am.offers_wanted, "S12: everything is there, and offers are wanted");
        assert!(self.master.offers.is_empty(), "S12: offers are kept: {:?}", self.master.offers);
        for id in &ids {
            assert_eq!(core.workers()[id].phase, Phase::Running, "{id}");
        }
        assert!(state.draining.is_empty());
        for record in ids.iter().map(|id| &state.workers[id]) {
            assert_eq!(record.generation, state.generation, "{} was not restarted", record.id);
        }
        if self.profile == Profile::Gentle && !self.lowered && !self.moved {
            let ran: BTreeSet<_> = self.ran.iter().filter(|id| !ids.contains(id)).collect();
            assert!(ran.is_empty(), "TaskManagers were lost, and nothing was wrong with them: {ran:?}");
        }
    }
}
