//! Conditions that must hold after every step, and at the end.

use super::*;

/// Longest time, in milliseconds, that an offer waits for the store before it is declined.
const LONGEST_HOLD: u64 = 30_000;
/// A kill takes effect within this time: a write, the way to the agent, its grace period, or a
/// repeated kill.
const ONE_KILL: Duration = Duration::from_secs(30);
/// At most one in this many agents is avoided.
const AVOIDED: usize = 4;

impl World {
    pub(crate) fn check(&mut self) {
        self.check_masters();
        self.check_surplus();
    }

    fn check_masters(&self) {
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
            if core.is_subscribed() {
                let moves = core.workers().values().any(|worker| core.leaves(worker).is_some());
                let idle = counting >= self.target && !moves;
                assert!(
                    !(idle && am.offers_wanted),
                    "S12: master {i} wants offers although no worker is missing"
                );
            }
            let avoided = core.suspicions().iter().filter(|suspicion| suspicion.avoided).count();
            let agents = self.agents.len() + self.gone_agents.len();
            assert!(
                avoided * AVOIDED <= agents,
                "S13: master {i} avoids {avoided} of {agents} agents"
            );
        }
    }

    /// S10: without other faults, extra workers live at most as long as one kill takes.
    fn check_surplus(&mut self) {
        let most = if self.stop_asked { 0 } else { self.target + if self.moved { 2 } else { 0 } };
        let stays = |task: &&Task| task.is_alive() && task.state != TaskState::TaskKilling;
        let staying =
            self.agents.iter().flat_map(|agent| agent.tasks.values()).filter(stays).count();
        if self.profile == Profile::Wild
            || staying <= most
            || !self.masters.iter().any(|am| self.can_act(am))
        {
            self.too_many = None;
            return;
        }
        let since = *self.too_many.get_or_insert(self.now);
        assert!(
            self.now.since(since) < ONE_KILL,
            "S10: {staying} live and {most} are wanted, since {since:?}"
        );
    }

    /// Whether this application master leads and reaches store and Mesos.
    fn can_act(&self, am: &ApplicationMaster) -> bool {
        let linked = am
            .link
            .is_some_and(|link| self.master.link == Some(link) && !self.silent.contains(&link));
        let stores =
            self.keeper.up && self.cut_from_keeper.is_none() && self.keeper.leads(am.session);
        let core = am.core.as_ref().is_some_and(Core::is_subscribed);
        linked && stores && core && am.stalled_until <= self.now && self.master.up
    }

    fn alive(&self) -> Vec<(&String, &Task)> {
        self.agents
            .iter()
            .flat_map(|agent| &agent.tasks)
            .filter(|(_, task)| task.is_alive())
            .collect()
    }

    /// S10 and the rest: all faults are repaired and time has passed.
    pub(crate) fn check_end(&self) {
        let alive = self.alive();
        let ids: BTreeSet<_> = alive.iter().map(|(id, _)| WorkerId::from(id.as_str())).collect();
        assert_eq!(ids.len(), alive.len(), "a worker lives twice");
        let wanted = if self.stop_asked { 0 } else { self.target };
        assert_eq!(
            alive.len(),
            wanted,
            "so many TaskManagers live: {ids:?}, in the store: {:?}",
            self.keeper.state
        );
        let state = &self.keeper.state;
        if self.stop_asked {
            assert!(self.stopped, "it does not stop");
            assert!(
                state.framework.is_none() && state.workers.is_empty(),
                "stopped, and the store has {state:?}"
            );
            return;
        }
        for (id, record) in &state.workers {
            let gone = self.gone_agents.contains(&record.place.agent) && record.released;
            assert!(ids.contains(id) || gone, "{id} is in the store and does not live");
        }
        for id in &ids {
            assert!(state.workers.contains_key(id), "{id} lives and is not in the store");
        }
        let leaders: Vec<_> =
            self.masters.iter().filter_map(|am| Some((am, am.core.as_ref()?))).collect();
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
            assert!(
                ran.is_empty(),
                "TaskManagers were lost, and nothing was wrong with them: {ran:?}"
            );
        }
    }
}
