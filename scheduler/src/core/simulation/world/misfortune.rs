//! The faults of a world, and their repair.

use super::*;

impl World {
    pub(super) fn misfortune(&mut self) {
        if self.healed {
            return;
        }
        let next = self.between(1000, 60_000);
        self.at(next, Event::Misfortune);
        let (agent, master) = (self.any_agent(), self.any_master());
        match (self.between(0, 19), self.profile) {
            (0, _) => self.crashes(master),
            (1, _) if self.master.up => self.master_fails_over(),
            (2, _) => {
                if let Some(link) = self.masters[master].link {
                    self.break_link(link);
                }
            }
            (3, _) => self.stalls(master),
            (4 | 5, _) => self.store_fails(master),
            (6, _) if self.chance(500) => self.retarget(),
            (6, _) => self.releases(),
            (7, Profile::Wild) => self.machine_dies(agent),
            (8, Profile::Wild) if self.agents[agent].reachable() => {
                // A partition, or an agent that restarts.
                self.agents[agent].cut = true;
                self.agent_vanishes(agent);
                let long = self.between(1000, 150_000);
                self.at(long, Event::AgentReturns { agent });
                if long > 60_000 && self.chance(500) {
                    // The registry remembers a bounded number of unreachable agents.
                    let id = self.agents[agent].id.clone();
                    self.at(long - 30_000, Event::Forgotten { id });
                }
            }
            (9, Profile::Wild) => {
                let deaf = self.chance(500);
                if let Some((id, task)) = self.agents[agent].tasks.iter_mut().next() {
                    let id = id.clone();
                    task.deaf |= deaf;
                    if deaf {
                        return;
                    }
                    self.at(1, Event::Task { agent, id, to: TaskState::TaskFailed });
                }
            }
            (10, Profile::Wild) => self.rescind(agent),
            // Without a JobManager, no worker is ever ready, so none can move.
            (13..=15, _) if !self.job_manager_works => {}
            (13, _) => {
                let gently = Move {
                    surge: self.between(0, 2) as usize,
                    max_unavailable: self.between(0, 1) as usize,
                };
                if gently.is_possible() {
                    self.restarts(gently);
                }
            }
            (14, Profile::Wild) => {
                let id = self.agents[agent].id.clone();
                let which =
                    if self.chance(500) { id } else { format!("host{}", self.agents[agent].host) };
                let input =
                    if self.chance(500) { Input::Drain(which) } else { Input::Undrain(which) };
                self.command(&input);
            }
            (15, Profile::Wild) => self.goes_into_maintenance(agent),
            (16, Profile::Wild) => {
                self.masters.iter_mut().for_each(|am| am.unusable.clear());
                self.command(&Input::ClearAgent(None));
            }
            (12, Profile::Wild) => self.store_forgets(),
            (17, Profile::Wild) => self.keeper.copy = Some(self.keeper.state.clone()),
            (18, _) => self.job_manager_dies(master),
            (19, _) => self.falls_silent(master),
            (11, Profile::Wild) if self.chance(200) => self.remove_framework(),
            _ => {}
        }
    }

    pub(super) fn any_agent(&mut self) -> usize {
        let last = self.agents.len() - 1;
        self.between(0, last as u64) as usize
    }

    pub(super) fn any_master(&mut self) -> usize {
        let last = self.masters.len() - 1;
        self.between(0, last as u64) as usize
    }

    /// An application master's process stalls; when it continues, it does not know that it may be
    /// deposed.
    pub(super) fn stalls(&mut self, master: usize) {
        let long = self.between(500, 15_000);
        self.masters[master].stalled_until = self.now.after(Duration::from_millis(long));
        self.loses_session(master, long);
    }

    /// No contact to the store for this long.
    pub(super) fn loses_session(&mut self, master: usize, long: u64) {
        let session = self.masters[master].session;
        if !self.file_store && long > 4000 && session > 0 {
            self.at(4000, Event::Deposed { master, session });
            let over = self.between(4000, 6000);
            self.at(over, Event::SessionEnds { session });
        }
    }

    pub(super) fn store_fails(&mut self, master: usize) {
        if !self.keeper.up || self.cut_from_keeper.is_some() {
            return;
        }
        let long =
            if self.file_store { self.between(100, 100_000) } else { self.between(100, 8000) };
        if self.file_store || self.chance(500) {
            self.keeper.up = false;
            for master in 0..self.masters.len() {
                // Sessions do not end while the servers are away; clients that wait too long give
                // up.
                let session = self.masters[master].session;
                if !self.file_store && long > 4000 {
                    self.at(4000, Event::Deposed { master, session });
                    self.at(long + 10, Event::SessionEnds { session });
                }
            }
        } else {
            self.cut_from_keeper = Some(master);
            self.loses_session(master, long);
        }
        self.at(long, Event::KeeperReturns);
    }

    /// The durable state is lost or restored from an older copy, and no application master
    /// remembers the rest.
    fn store_forgets(&mut self) {
        for master in 0..self.masters.len() {
            self.crashes(master);
        }
        // Same framework id: only Mesos can end tasks that no record names any longer.
        let framework = self.keeper.state.framework.clone();
        let copy = self
            .keeper
            .copy
            .clone()
            .filter(|copy| copy.framework == framework && self.dice.random());
        let state =
            copy.unwrap_or_else(|| State { workers: BTreeMap::new(), ..self.keeper.state.clone() });
        self.note(|| format!("the store forgets: {state:?}"));
        self.excused.extend(self.launched.iter().cloned());
        self.drained = state.draining.iter().map(|agent| (agent.clone(), self.now)).collect();
        self.keeper.forgets(state);
    }

    /// An application master's JobManager ends; the next one knows no TaskManager until they have
    /// registered again.
    fn job_manager_dies(&mut self, master: usize) {
        if !std::mem::take(&mut self.masters[master].job_manager) {
            return;
        }
        for agent in 0..self.agents.len() {
            let mut unknown = Vec::new();
            for (id, task) in &mut self.agents[agent].tasks {
                if std::mem::take(&mut task.registered) {
                    unknown.push(id.clone());
                }
            }
            for id in unknown {
                let again = self.between(1000, 30_000);
                self.at(again, Event::Registers { agent, id });
            }
        }
        self.feed_core(master, Input::JobManager(false));
        let (up, session) = (self.between(1000, 100_000), self.masters[master].session);
        self.at(up, Event::JobManagerUp { master, session });
    }

    /// Nothing passes between an application master and the Mesos master, and neither notices.
    fn falls_silent(&mut self, master: usize) {
        if let Some(link) = self.masters[master].link {
            self.silent.insert(link);
            let noticed = self.between(1000, 75_000);
            self.at(noticed, Event::LinkDies { link });
        }
    }

    pub(super) fn retarget(&mut self) {
        let most = self.agents.len() as u64;
        let target = self.between(0, most) as usize;
        self.lowered |= target < self.target;
        self.target = target;
        for master in 0..self.masters.len() {
            self.feed_core(master, Input::Target(target));
        }
    }

    /// Fewer workers are needed, and some are not used.
    fn releases(&mut self) {
        let leads = |am: &ApplicationMaster| am.core.is_some() && self.keeper.leads(am.session);
        let Some(leader) = self.masters.iter().position(leads) else { return };
        let core = self.masters[leader].core.as_ref();
        let known: Vec<_> = core.map(|core| core.workers().keys().cloned().collect()).unwrap();
        let unused: BTreeSet<_> = known.into_iter().filter(|_| self.chance(500)).collect();
        self.unused.extend(unused.iter().cloned());
        let most = self.target as u64;
        let needed = self.between(0, most) as usize;
        self.lowered = true;
        self.feed_core(leader, Input::Release(needed, unused));
        // A leader that crashes on the way has said what the next one needs.
        let core = self.masters[leader].core.as_ref();
        self.target = core.map_or(needed, Core::target);
        for other in (0..self.masters.len()).filter(|other| *other != leader) {
            self.feed_core(other, Input::Target(self.target));
        }
    }

    pub(super) fn restarts(&mut self, gently: Move) {
        self.restarts += 1;
        self.most_unavailable = self.most_unavailable.max(gently.max_unavailable);
        self.command(&Input::Restart(gently));
    }

    /// An operator's command to the leader.
    pub(super) fn command(&mut self, input: &Input) {
        self.moved = true;
        for master in 0..self.masters.len() {
            if self.keeper.leads(self.masters[master].session) {
                self.feed_core(master, input.clone());
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.at(60_000, Event::Undrained);
        self.faults = Faults::default();
        self.agents.iter_mut().for_each(|agent| agent.foreign_ports.clear());
        self.keeper_returns();
        for agent in 0..self.agents.len() {
            let delay = self.between(1, 10_000);
            self.at(delay, Event::AgentReturns { agent });
            let Some(unlucky) = self.agents[agent]
                .tasks
                .iter()
                .find(|(_, task)| task.state == TaskState::TaskRunning && !task.registered)
            else {
                continue;
            };
            let id = unlucky.0.clone();
            self.at(delay, Event::Registers { agent, id });
        }
        if self.chance(200) {
            self.stop_asked = true;
            for master in 0..self.masters.len() {
                self.feed_core(master, Input::Stop);
            }
        }
    }

    pub(super) fn starts(&mut self, master: usize) {
        if self.masters[master].session == 0 && !self.stopped {
            self.stands_by(master);
        }
    }
}
