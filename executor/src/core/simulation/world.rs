//! The simulated agent, connection and shell, with all their faults.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use fetcher_client::Progress;
use mesos::v1::{DurationInfo, KillPolicy, TaskInfo, TaskState, TaskStatus};

use super::promises::{self, Process, Promises, key, rank};
use crate::core::{
    Blame, Core, Exit, ExitStatus, Failure, Input, Now, Output,
    behaviour::{new_core, patient_task, task},
};

pub(super) const TASKS: [&str; 2] = ["w", "second"];

/// The grace in the kill policy of tasks that have one.
const OWN_GRACE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Pass(u64),
    AnswerSubscribe,
    Disconnect,
    Launch(usize),
    LaunchGroup(usize),
    Kill(usize, Option<u64>),
    Shutdown,
    Deliver,
    LoseSend,
    Acknowledge(usize),
    AcknowledgeAgain(usize),
    Progress,
    Listening,
    Registered,
    Unregistered,
    WorkDone,
    WorkFailed,
    Exit(i32),
}

/// What stays the same throughout a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    /// The agent has checkpointing on.
    pub(super) checkpoint: bool,
    /// Tasks are reported as running only once they listen.
    pub(super) patient: bool,
    /// Class data exists to start with.
    pub(super) warm: bool,
    /// Tasks have a kill policy of their own.
    pub(super) own_grace: bool,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Link {
    Down,
    Attempting,
    Up,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Work {
    Fetch,
    Start,
}

pub(super) struct World {
    core: Core,
    nature: Nature,
    pub(super) quarantined: bool,
    elapsed: Duration,
    link: Link,
    on_the_wire: VecDeque<TaskStatus>,
    /// Updates that the agent has received and not yet acknowledged.
    at_agent: Vec<(String, Vec<u8>)>,
    /// The fetch or start under way, and whether it was cancelled.
    work: Option<(Work, bool)>,
    process: Option<Process>,
    launched: BTreeSet<String>,
    pub(super) promises: Promises,
    pub(super) ended: Option<&'static str>,
    clean: bool,
}

impl World {
    pub(super) fn new(nature: Nature) -> Self {
        let policy = nature.own_grace.then_some(OWN_GRACE);
        let mut world = Self {
            nature,
            quarantined: false,
            core: new_core(nature.checkpoint),
            elapsed: Duration::ZERO,
            link: Link::Down,
            on_the_wire: VecDeque::new(),
            at_agent: Vec::new(),
            work: None,
            process: None,
            launched: BTreeSet::new(),
            promises: Promises::new(nature.checkpoint, nature.patient, policy),
            ended: None,
            clean: false,
        };
        world.handle(Input::Begin);
        world
    }

    fn handle(&mut self, input: Input) {
        self.promises.reach(self.elapsed);
        let outputs = self.core.handle(Now { elapsed: self.elapsed, unix: 0.0 }, input);
        assert!(
            self.ended.is_none() || outputs.is_empty(),
            "the core acts after its end: {outputs:?}"
        );
        for output in outputs {
            self.carry_out(output);
        }
        if let Some(deadline) = self.core.deadline() {
            assert!(deadline > self.elapsed, "a deadline that has passed is a busy loop");
        }
        self.promises.check(self.now());
    }

    fn now(&self) -> promises::Now {
        promises::Now {
            elapsed: self.elapsed,
            up: self.link == Link::Up,
            down: self.link == Link::Down,
            fetching: self.work == Some((Work::Fetch, false)),
            busy: self.work.is_some() || self.process.is_some(),
            process: self.process,
            ended: self.ended.is_some(),
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Subscribe { tasks, updates } => {
                assert_eq!(self.link, Link::Down, "one attempt at a time");
                self.link = Link::Attempting;
                self.promises.subscribe(self.elapsed, &updates);
                let heard =
                    |id: &str| self.promises.acknowledged().iter().any(|(task, _)| task == id);
                let expected: BTreeSet<_> =
                    self.launched.iter().filter(|id| !heard(id)).cloned().collect();
                assert_eq!(
                    tasks.into_iter().map(|task| task.task_id.value).collect::<BTreeSet<_>>(),
                    expected
                );
                self.on_the_wire.clear();
                self.at_agent.extend(updates.iter().map(key));
            }
            Output::Note(update) => self.promises.make(self.now(), *update),
            Output::Send(update) => {
                assert_eq!(self.link, Link::Up, "nobody listens");
                self.promises.send(&update);
                self.on_the_wire.push_back(*update);
            }
            Output::Fetch(worker) => self.begin(Work::Fetch, &worker.spec.worker_id),
            Output::Start { worker, quarantine } => {
                assert!(
                    !quarantine || (self.nature.warm && !self.quarantined),
                    "quarantined twice, or without a reason"
                );
                self.quarantined |= quarantine;
                self.begin(Work::Start, &worker.spec.worker_id);
            }
            Output::Cancel => {
                self.promises.asked_to_end();
                self.work.as_mut().expect("something to cancel").1 = true;
            }
            Output::Terminate => {
                self.promises.asked_to_end();
                let process = self.process.as_mut().expect("a process to terminate");
                assert_eq!(
                    process.terminated.replace(self.elapsed),
                    None,
                    "SIGTERM was sent twice"
                );
            }
            Output::Destroy => {
                let process = self.process.as_mut().expect("a process to destroy");
                self.promises.destroyed(self.elapsed, *process);
                process.destroyed = true;
            }
            Output::End { clean, reason } => {
                assert!(
                    self.process.is_none() && self.work.is_none(),
                    "the executor left a process or a fetch behind"
                );
                (self.ended, self.clean) = (Some(reason), clean);
            }
        }
    }

    fn begin(&mut self, work: Work, id: &str) {
        assert!(self.work.is_none() && self.process.is_none(), "two pieces of work at once");
        self.promises.begun(id);
        self.work = Some((work, false));
    }

    fn pass(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(deadline) = self.core.deadline().filter(|deadline| *deadline <= until) {
            self.elapsed = deadline;
            self.handle(Input::Tick);
        }
        self.elapsed = until;
        self.promises.reach(until);
        self.promises.check(self.now());
    }

    pub(super) fn act(&mut self, action: &Action) {
        if self.ended.is_some() {
            return;
        }
        let connected = self.link == Link::Up;
        match action {
            Action::Pass(millis) => self.pass(Duration::from_millis(*millis)),
            Action::AnswerSubscribe if self.link == Link::Attempting => {
                self.link = Link::Up;
                self.promises.subscribed();
                self.handle(Input::Subscribed { killing_state: true });
            }
            Action::Disconnect if self.link != Link::Down => {
                self.link = Link::Down;
                self.promises.disconnected(self.elapsed);
                self.handle(Input::Disconnected);
            }
            Action::Launch(id) if connected => {
                let task = self.task(TASKS[*id]);
                self.launch(*id, Input::Launch(Box::new(task)));
            }
            Action::LaunchGroup(id) if connected => {
                self.launch(*id, Input::LaunchGroup(vec![task(TASKS[*id])]));
            }
            Action::Kill(id, grace) if connected => {
                let (task_id, grace) = (TASKS[*id].to_owned(), grace.map(Duration::from_millis));
                self.promises.kill(self.elapsed, &task_id, grace);
                self.handle(Input::Kill { task_id, grace });
            }
            Action::Shutdown if connected => {
                self.promises.shut_down(self.elapsed, &TASKS);
                self.handle(Input::Shutdown("shut down by the agent"));
            }
            Action::Deliver if connected => {
                let delivered = self.on_the_wire.pop_front();
                self.at_agent.extend(delivered.as_ref().map(key));
            }
            Action::LoseSend if connected && self.on_the_wire.pop_front().is_some() => {
                self.handle(Input::SendFailed);
            }
            Action::Acknowledge(index) if connected && !self.at_agent.is_empty() => {
                let key = self.at_agent.remove(index % self.at_agent.len());
                self.acknowledge(key);
            }
            Action::AcknowledgeAgain(index)
                if connected && !self.promises.acknowledged().is_empty() =>
            {
                let acknowledged = self.promises.acknowledged();
                let key = acknowledged[index % acknowledged.len()].clone();
                self.acknowledge(key);
            }
            work => self.work_on(work),
        }
    }

    /// Plays what happens on the host.
    fn work_on(&mut self, action: &Action) {
        match action {
            Action::Progress if matches!(self.work, Some((Work::Fetch, _))) => {
                self.handle(Input::Progress(Progress {
                    files_done: 1,
                    files: 2,
                    bytes_done: 3,
                    bytes: 4,
                }));
            }
            Action::Listening => {
                if let Some(process) = &mut self.process {
                    process.listens = true;
                    self.handle(Input::Listening);
                }
            }
            Action::Registered if self.process.is_some() => self.handle(Input::Registered),
            Action::Unregistered if self.process.is_some() => {
                self.handle(Input::Unregistered("so".into()));
            }
            Action::WorkDone => self.work_done(),
            Action::WorkFailed if self.work.take().is_some() => {
                let failure = Failure {
                    state: TaskState::TaskFailed,
                    reason: None,
                    blame: Blame::Worker,
                    message: "so".into(),
                };
                self.handle(Input::Failed(failure));
            }
            Action::Exit(code) if self.process.take().is_some() => {
                let (status, explanation) = (ExitStatus::Code(*code), String::new());
                self.handle(Input::Exited(Exit {
                    status,
                    survivors: crate::core::Survivors::default(),
                    reason: None,
                    blame: Blame::Worker,
                    explanation,
                }));
            }
            _ => {}
        }
    }

    fn task(&self, id: &str) -> TaskInfo {
        let grace_period =
            Some(DurationInfo { nanoseconds: OWN_GRACE.as_nanos().try_into().unwrap() });
        let kill_policy = self.nature.own_grace.then_some(KillPolicy { grace_period });
        TaskInfo { kill_policy, ..if self.nature.patient { patient_task(id) } else { task(id) } }
    }

    fn launch(&mut self, id: usize, input: Input) {
        self.launched.insert(TASKS[id].to_owned());
        self.promises.launched(self.elapsed);
        self.handle(input);
    }

    fn acknowledge(&mut self, key: (String, Vec<u8>)) {
        let (task_id, uuid) = key.clone();
        self.promises.acknowledge(key);
        self.handle(Input::Acknowledged { task_id, uuid });
    }

    fn work_done(&mut self) {
        match self.work.take() {
            Some((_, true)) => self.handle(Input::Cancelled),
            Some((Work::Fetch, false)) => self.handle(Input::Fetched),
            Some((Work::Start, false)) => {
                self.process = Some(Process::default());
                self.handle(Input::Started {
                    pid: 7,
                    class_data: self.nature.warm && !self.quarantined,
                });
            }
            None => {}
        }
    }

    /// From here on the agent stays connected, everything is answered, and the task must end.
    pub(super) fn settle(&mut self) {
        for round in 0..400 {
            if self.ended.is_some() {
                break;
            }
            self.act(&Action::AnswerSubscribe);
            self.act(&Action::Shutdown);
            self.work_done();
            let obeys = |process: &Process| {
                process.destroyed || (process.terminated.is_some() && round % 2 == 0)
            };
            if self.process.as_ref().is_some_and(obeys) {
                self.act(&Action::Exit(1));
            }
            for _ in 0..self.on_the_wire.len() {
                self.act(&Action::Deliver);
            }
            for _ in 0..self.at_agent.len() {
                self.act(&Action::Acknowledge(0));
            }
            self.pass(Duration::from_millis(300));
        }
        assert!(self.ended.is_some(), "the executor did not end");
        for id in self.launched.iter().filter(|_| self.clean) {
            assert_eq!(self.ends(id), 1, "{id} got no terminal update, or several");
        }
    }

    /// How many terminal updates a task got.
    fn ends(&self, id: &str) -> usize {
        self.promises
            .made()
            .filter(|made| made.task_id.value == id && rank(made.state()) == 4)
            .count()
    }
}
