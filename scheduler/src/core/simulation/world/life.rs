//! Runs a world, one event after the other.

use super::*;

impl World {
    /// Runs the world to its end; panics if a promise is broken. Returns the number of steps.
    pub(crate) fn run(&mut self) -> u64 {
        self.master.up = true;
        for agent in 0..self.agents.len() {
            self.at(1, Event::AgentRegisters { agent });
        }
        for master in 0..self.masters.len() {
            self.at(2 + master as u64, Event::Starts { master });
        }
        self.at(5000, Event::Misfortune);
        self.at(TROUBLE, Event::Healed);
        let end = self.now.after(Duration::from_millis(TROUBLE + PEACE));
        let mut steps = 0;
        while let Some(due) = self.queue.pop().filter(|due| due.at <= end) {
            self.now = self.now.max(due.at);
            steps += 1;
            assert!(steps < 400_000, "the world does not come to rest");
            self.happen(due.event);
            self.check();
        }
        self.check_end();
        steps
    }

    fn happen(&mut self, event: Event) {
        if let Some(master) = self.concerns(&event)
            && self.masters[master].stalled_until > self.now
        {
            // The process is stalled: later.
            let at = self.masters[master].stalled_until;
            return self.push(at, event);
        }
        if !matches!(event, Event::Tick { .. } | Event::FromMaster { .. }) {
            self.note(|| format!("{event:?}"));
        }
        match event {
            Event::ToMaster { link, call } => self.master_call(link, call),
            Event::FromMaster { link, what } => self.hears(link, what),
            Event::Write(write) => self.write(write),
            Event::Written { master, session, number } => self.written(master, session, number),
            Event::Starts { master } => self.starts(master),
            Event::Lead { master, session } => self.leads(master, session),
            Event::Connect { master, session } => self.connects(master, session),
            Event::Deposed { master, session } => self.is_deposed(master, session),
            Event::SessionEnds { session } => self.session_ends(session),
            Event::Tick { master, session } => self.ticks(master, session),
            Event::JobManagerUp { master, session } => self.job_manager_up(master, session),
            Event::Lists => self.all_list(),
            Event::Launch { agent, registration, task } => {
                self.agent_launch(agent, registration, task);
            }
            Event::Kill { agent, id } => self.agent_kill(agent, &id),
            Event::Shutdown { agent, id } => self.agent_shutdown(agent, &id),
            Event::Acknowledged { agent, id, uuid } => self.agent_acknowledged(agent, &id, uuid),
            Event::Task { agent, id, to } => self.task_event(agent, &id, to),
            Event::Registers { agent, id } => self.registers(agent, &id),
            Event::Update { agent, status } => self.master_update(agent, *status),
            Event::Resend { agent, id, uuid } => self.resends(agent, &id, uuid),
            Event::AgentRegisters { agent } => self.agent_registers(agent),
            Event::AgentTimeout { agent, id } => self.agent_timeout(agent, &id),
            Event::AgentReturns { agent } => {
                self.agents[agent].up = true;
                self.agents[agent].cut = false;
                self.agent_registers(agent);
            }
            Event::LinkDies { link } => {
                self.silent.remove(&link);
                self.break_link(link);
            }
            Event::AskBack { id } => self.asks_back(id),
            Event::CalledOff { id } => self.calls_off(&id),
            Event::MarkedGone { id } => self.marked_gone(&id),
            Event::Forgotten { id } => {
                self.master.unreachable.remove(&id);
            }
            Event::MasterReturns => self.master_returns(),
            Event::KeeperReturns => self.keeper_returns(),
            Event::Allocate => {
                self.allocating = false;
                self.allocate();
            }
            Event::Misfortune => self.misfortune(),
            Event::Healed => self.heal(),
            Event::Undrained => self.undrained(),
        }
    }

    fn written(&mut self, master: usize, session: u64, number: u64) {
        if self.masters[master].session == session {
            self.feed_core(master, Input::Stored(number));
        }
    }

    fn ticks(&mut self, master: usize, session: u64) {
        let am = &mut self.masters[master];
        if am.session == session && am.wake.is_some_and(|wake| wake <= self.now) {
            am.wake = None;
            self.feed_core(master, Input::Tick);
        }
    }

    fn job_manager_up(&mut self, master: usize, session: u64) {
        let am = &mut self.masters[master];
        if am.session == session && am.core.is_some() {
            am.job_manager = true;
            self.feed_core(master, Input::JobManager(true));
            self.lists(master);
        }
    }

    /// Every JobManager lists its TaskManagers, those of stalled processes later.
    fn all_list(&mut self) {
        self.listing = false;
        for master in 0..self.masters.len() {
            if self.masters[master].stalled_until <= self.now {
                self.lists(master);
            } else {
                self.push(self.masters[master].stalled_until, Event::Lists);
            }
        }
    }

    fn resends(&mut self, agent: usize, id: &str, uuid: u64) {
        let waits = self.agents[agent].tasks.get(id).and_then(|task| task.unacknowledged.front());
        if waits.is_some_and(|(first, _)| *first == uuid) {
            self.send_update(agent, id);
        }
    }

    fn undrained(&mut self) {
        for agent in self.keeper.state.draining.clone() {
            self.command(&Input::Undrain(agent));
        }
        for id in self.master.maintenance.keys().cloned().collect::<Vec<_>>() {
            self.calls_off(&id);
        }
        if self.restarts > 0 && !std::mem::replace(&mut self.last_restart, true) {
            // Without room for an extra worker, a restart can only continue if one may be
            // missing.
            self.restarts(Move { surge: 1, max_unavailable: 1 });
        }
        if !self.keeper.state.draining.is_empty() {
            self.at(30_000, Event::Undrained);
        }
    }

    /// The application master whose process handles this event.
    fn concerns(&self, event: &Event) -> Option<usize> {
        match event {
            Event::FromMaster { link, .. } => self.links.get(link).copied(),
            Event::Written { master, .. }
            | Event::Lead { master, .. }
            | Event::Connect { master, .. }
            | Event::JobManagerUp { master, .. }
            | Event::Deposed { master, .. }
            | Event::Tick { master, .. } => Some(*master),
            _ => None,
        }
    }

    fn registers(&mut self, agent: usize, id: &str) {
        let Some(task) = self.agents[agent]
            .tasks
            .get_mut(id)
            .filter(|task| task.state == TaskState::TaskRunning)
        else {
            return;
        };
        task.registered = true;
        self.ran.insert(WorkerId::from(id));
        self.changed();
    }
}
