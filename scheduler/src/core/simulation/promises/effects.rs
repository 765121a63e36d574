//! Conditions that must hold when something takes effect, whatever requested it.

use super::*;

impl World {
    /// S1, S4: a task starts. Its framework may have been removed in the meantime, but its record
    /// exists.
    pub(crate) fn check_launch(&self, task: &str) {
        let id = WorkerId::from(task);
        let known = self.keeper.state.workers.contains_key(&id) || self.excused.contains(&id);
        assert!(known, "S1: {id} begins, and the store does not know it");
    }

    /// S4, S16: a living task is about to be ended.
    pub(crate) fn check_kill(&self, task: &str) {
        let id = WorkerId::from(task);
        let wanted = self.keeper.state.workers.get(&id).is_some_and(|record| !record.released);
        assert!(!wanted || self.excused.contains(&id), "{id} is ended, and the store wants it");
    }

    /// S2: the store changes.
    pub(crate) fn check_change(&mut self, change: &Change) {
        match change {
            Change::Forget(id) if !self.excused.contains(id) => {
                let tasks = self.agents.iter().filter_map(|agent| agent.tasks.get(id.as_str()));
                let lives =
                    |task: &Task| task.is_alive() && !self.master.removed.contains(&task.framework);
                assert!(!tasks.into_iter().any(lives), "S2: {id} is forgotten, and it lives");
            }
            Change::Drain(agent) => {
                self.drained.entry(agent.clone()).or_insert(self.now);
            }
            Change::Undrain(agent) => {
                self.drained.remove(agent);
            }
            _ => {}
        }
    }

    /// S5: what follows a subscription.
    pub(crate) fn check_reconciles(&self, master: usize, outputs: &[Output]) {
        let Some(core) = &self.masters[master].core else { return };
        let launched = core.workers().values().filter(|worker| worker.phase != Phase::Storing);
        let mut missing: BTreeSet<_> = launched.map(|worker| &worker.record.id).collect();
        let mut everything = false;
        for output in outputs {
            if let Output::Reconcile(asked) = output {
                everything |= asked.is_empty();
                for (id, _) in asked {
                    missing.remove(id);
                }
            }
        }
        assert!(
            everything && missing.is_empty(),
            "S5: not asked for after the subscription: {missing:?}"
        );
    }
}
