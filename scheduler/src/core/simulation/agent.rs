//! What simulated agents do with their tasks.

use std::collections::VecDeque;

use mesos::v1::{TaskState, TaskStatus};

use super::{
    events::Event,
    parts::{Agent, Task, is_alive},
    resources::Amounts,
    world::World,
};

pub(crate) fn status(id: &str, agent: &str, state: TaskState) -> TaskStatus {
    TaskStatus {
        task_id: mesos::v1::TaskId { value: id.to_owned() },
        agent_id: Some(mesos::v1::AgentId { value: agent.to_owned() }),
        state: state.into(),
        ..Default::default()
    }
}

impl World {
    pub(crate) fn agent_launch(
        &mut self,
        agent: usize,
        registration: u64,
        task: (String, String, Amounts),
    ) {
        let (id, framework, taken) = task;
        let gone = self.master.removed.contains(&framework);
        if gone
            || !self.agents[agent].reachable()
            || self.agents[agent].registration != registration
        {
            return;
        }
        let task = Task {
            framework,
            state: TaskState::TaskStaging,
            taken,
            registered: false,
            deaf: false,
            clash: None,
            misfortune: false,
            unacknowledged: VecDeque::new(),
        };
        self.check_launch(&id);
        assert!(
            self.agents[agent].tasks.insert(id.clone(), task).is_none(),
            "{id} is launched twice"
        );
        let delay = self.between(50, 4000);
        self.at(delay, Event::Task { agent, id, to: TaskState::TaskStarting });
    }

    pub(crate) fn agent_kill(&mut self, agent: usize, id: &str) {
        if !self.agents[agent].reachable() {
            return;
        }
        let delay = self.between(20, 6000);
        if self.agents[agent].tasks.get(id).is_some_and(|task| task.is_alive() && !task.deaf) {
            self.check_kill(id);
            self.task_changes(agent, id, TaskState::TaskKilling);
            self.at(delay, Event::Task { agent, id: id.to_owned(), to: TaskState::TaskKilled });
        }
    }

    /// The agent ends the executor, even one that receives nothing.
    pub(crate) fn agent_shutdown(&mut self, agent: usize, id: &str) {
        if self.agents[agent].reachable()
            && self.agents[agent].tasks.get(id).is_some_and(Task::is_alive)
        {
            self.check_kill(id);
            let delay = self.between(20, 6000);
            self.at(delay, Event::Task { agent, id: id.to_owned(), to: TaskState::TaskFailed });
        }
    }

    /// Whether its port is used by another process.
    fn clashes(&mut self, agent: usize, id: &str) -> bool {
        let says_which = self.chance(700);
        let Agent { tasks, foreign_ports, .. } = &mut self.agents[agent];
        let Some(task) = tasks.get_mut(id) else { return false };
        let clash = task.taken.ports().find(|port| foreign_ports.contains(port));
        task.clash = clash.filter(|_| says_which);
        clash.is_some()
    }

    /// The next step of a task's own life.
    pub(crate) fn task_event(&mut self, agent: usize, id: &str, to: TaskState) {
        let Some(task) = self.agents[agent].tasks.get(id) else { return };
        let (was, misfortune) = (task.state, to == TaskState::TaskFailed);
        if !is_alive(was) || (was == TaskState::TaskKilling && is_alive(to)) {
            return;
        }
        if misfortune && let Some(task) = self.agents[agent].tasks.get_mut(id) {
            task.misfortune = true;
        }
        self.task_changes(agent, id, to);
        match to {
            TaskState::TaskStarting if self.chance(self.faults.falls_silent) => {}
            TaskState::TaskStarting => {
                let fails = self.clashes(agent, id) || self.chance(self.faults.launch_fails);
                let to = if fails { TaskState::TaskFailed } else { TaskState::TaskRunning };
                let at_once = fails && self.chance(self.faults.at_once);
                let delay = if at_once { self.between(1, 50) } else { self.between(50, 20_000) };
                self.at(delay, Event::Task { agent, id: id.to_owned(), to });
            }
            TaskState::TaskRunning => {
                if !self.chance(self.faults.never_registers) {
                    let delay = self.between(100, 8000);
                    self.at(delay, Event::Registers { agent, id: id.to_owned() });
                }
                if self.chance(self.faults.task_fails) {
                    let delay = self.between(100, 200_000);
                    self.at(
                        delay,
                        Event::Task { agent, id: id.to_owned(), to: TaskState::TaskFailed },
                    );
                }
            }
            _ => {}
        }
    }

    fn task_changes(&mut self, agent: usize, id: &str, to: TaskState) {
        self.next_uuid += 1;
        let uuid = self.next_uuid;
        let Some(task) = self.agents[agent].tasks.get_mut(id) else { return };
        task.state = to;
        task.registered &= to == TaskState::TaskRunning;
        task.unacknowledged.push_back((uuid, to));
        let first = task.unacknowledged.len() == 1;
        self.changed();
        if first {
            self.send_update(agent, id);
        }
    }

    /// Sends the oldest unacknowledged update (again); the next one follows its acknowledgement.
    pub(crate) fn send_update(&mut self, agent: usize, id: &str) {
        let again = self.between(5000, 12_000);
        let times = if self.chance(self.faults.duplicates) { 2 } else { 1 };
        let Agent { id: agent_id, tasks, up, cut, .. } = &self.agents[agent];
        let Some(task) = tasks.get(id) else { return };
        let Some((uuid, state)) = task.unacknowledged.front().copied() else { return };
        let mut status = status(id, agent_id, state);
        let clash = task.clash.filter(|_| state == TaskState::TaskFailed);
        status.message = clash.map(|port| format!("could not listen on port {port}"));
        status.uuid = Some(u128::from(uuid).to_be_bytes().to_vec().into());
        if *up && !*cut {
            for _ in 0..times {
                let delay = self.latency();
                self.at(delay, Event::Update { agent, status: Box::new(status.clone()) });
            }
        }
        self.at(again, Event::Resend { agent, id: id.to_owned(), uuid });
    }

    pub(crate) fn agent_acknowledged(&mut self, agent: usize, id: &str, uuid: u64) {
        let Some(task) = self.agents[agent].tasks.get_mut(id) else { return };
        if task.unacknowledged.front().is_none_or(|(first, _)| *first != uuid) {
            return;
        }
        task.unacknowledged.pop_front();
        if !task.unacknowledged.is_empty() {
            self.send_update(agent, id);
        } else if !task.is_alive() {
            self.agents[agent].tasks.remove(id);
        }
    }

    /// The machine is lost with everything on it and returns as a new agent.
    pub(crate) fn machine_dies(&mut self, agent: usize) {
        self.agent_vanishes(agent);
        self.next_agent += 1;
        let fresh = format!("S{}", self.next_agent);
        let lost = std::mem::replace(&mut self.agents[agent].id, fresh);
        self.agents[agent].tasks.clear();
        self.agents[agent].up = false;
        self.gone_agents.insert(lost.clone());
        let soon = self.between(2000, 60_000);
        self.at(soon, Event::AgentReturns { agent });
        if self.chance(500) {
            let later = self.between(60_000, 300_000);
            self.at(later, Event::MarkedGone { id: lost });
        }
    }
}
