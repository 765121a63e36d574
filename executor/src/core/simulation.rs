//! A world around the core in which everything happens in any order: agents come and go, requests get lost, answers
//! come late, twice or never, processes do not obey. The promises are checked after every step; afterwards the world
//! behaves, and everything must come to its end.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use fetcher::Progress;
use mesos::v1::{TaskState, TaskStatus};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::{
    Blame, Core, Exit, ExitStatus, Failure, Input, Now, Output,
    behaviour::{new_core, patient_task, task},
};

const TASKS: [&str; 2] = ["w", "second"];

#[derive(Debug, Clone)]
enum Action {
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

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..20_000_u64).prop_map(Action::Pass),
        1 => (0..1_000_000_u64).prop_map(Action::Pass),
        6 => Just(Action::AnswerSubscribe),
        2 => Just(Action::Disconnect),
        4 => (0..TASKS.len()).prop_map(Action::Launch),
        1 => (0..TASKS.len()).prop_map(Action::LaunchGroup),
        2 => ((0..TASKS.len()), prop::option::of(0..10_000_u64)).prop_map(|(id, grace)| Action::Kill(id, grace)),
        1 => Just(Action::Shutdown),
        6 => Just(Action::Deliver),
        1 => Just(Action::LoseSend),
        6 => any::<usize>().prop_map(Action::Acknowledge),
        1 => any::<usize>().prop_map(Action::AcknowledgeAgain),
        2 => Just(Action::Progress),
        2 => Just(Action::Listening),
        1 => Just(Action::Registered),
        1 => Just(Action::Unregistered),
        4 => Just(Action::WorkDone),
        1 => Just(Action::WorkFailed),
        2 => (0..3_i32).prop_map(Action::Exit),
    ]
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

#[derive(Debug, Default)]
struct Process {
    terminated: bool,
    destroyed: bool,
}

struct World {
    core: Core,
    /// Tasks are running once they listen.
    patient: bool,
    /// There are class data to start with.
    warm: bool,
    distrusted: bool,
    elapsed: Duration,
    link: Link,
    on_the_wire: VecDeque<TaskStatus>,
    /// Updates the agent has, not yet acknowledged; and all it ever acknowledged.
    at_agent: Vec<(String, Vec<u8>)>,
    acknowledged: Vec<(String, Vec<u8>)>,
    work: Option<(Work, bool)>,
    process: Option<Process>,
    launched: BTreeSet<String>,
    killed: BTreeSet<String>,
    /// Every update in the order in which it first appeared.
    made: Vec<TaskStatus>,
    destroy_by: Option<Duration>,
    ended: Option<&'static str>,
    clean: bool,
}

impl World {
    fn new(checkpoint: bool, patient: bool, warm: bool) -> Self {
        let mut world = Self {
            patient,
            warm,
            distrusted: false,
            core: new_core(checkpoint),
            elapsed: Duration::ZERO,
            link: Link::Down,
            on_the_wire: VecDeque::new(),
            at_agent: Vec::new(),
            acknowledged: Vec::new(),
            work: None,
            process: None,
            launched: BTreeSet::new(),
            killed: BTreeSet::new(),
            made: Vec::new(),
            destroy_by: None,
            ended: None,
            clean: false,
        };
        world.handle(Input::Begin);
        world
    }

    fn handle(&mut self, input: Input) {
        let outputs = self.core.handle(Now { elapsed: self.elapsed, unix: 0.0 }, input);
        assert!(self.ended.is_none() || outputs.is_empty(), "it does something after its end: {outputs:?}");
        for output in outputs {
            self.carry_out(output);
        }
        if let Some(deadline) = self.core.deadline() {
            assert!(deadline > self.elapsed, "a deadline that has passed is a busy loop");
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Subscribe { tasks, updates } => {
                assert_eq!(self.link, Link::Down, "one attempt at a time");
                self.link = Link::Attempting;
                for update in &updates {
                    self.see(update);
                }
                let unacknowledged: Vec<_> = self.made.iter().filter(|made| !self.is_acknowledged(made)).collect();
                assert_eq!(updates.iter().collect::<Vec<_>>(), unacknowledged, "all of them, in order, and no others");
                let heard = |id: &str| self.acknowledged.iter().any(|(task, _)| task == id);
                let expected: BTreeSet<_> = self.launched.iter().filter(|id| !heard(id)).cloned().collect();
                assert_eq!(tasks.into_iter().map(|task| task.task_id.value).collect::<BTreeSet<_>>(), expected);
                self.on_the_wire.clear();
                self.at_agent.extend(updates.iter().map(key));
            }
            Output::Send(status) => {
                assert_eq!(self.link, Link::Up, "nobody listens");
                self.see(&status);
                self.on_the_wire.push_back(*status);
            }
            Output::Fetch(worker) => self.begin(Work::Fetch, &worker.spec.worker_id),
            Output::Start { worker, distrust } => {
                assert!(!distrust || (self.warm && !self.distrusted), "distrust without a reason, or twice");
                self.distrusted |= distrust;
                self.begin(Work::Start, &worker.spec.worker_id);
            }
            Output::Cancel => self.work.as_mut().expect("something to cancel").1 = true,
            Output::Terminate => self.process.as_mut().expect("a process to terminate").terminated = true,
            Output::Destroy => {
                self.process.as_mut().expect("a process to destroy").destroyed = true;
                self.destroy_by = None;
            }
            Output::End { clean, reason } => {
                assert!(self.process.is_none() && self.work.is_none(), "it leaves something behind");
                (self.ended, self.clean) = (Some(reason), clean);
            }
        }
    }

    fn begin(&mut self, work: Work, id: &str) {
        assert!(!self.killed.contains(id), "work is begun after a KILL");
        assert!(self.work.is_none() && self.process.is_none(), "two things at once");
        self.work = Some((work, false));
    }

    /// One uuid, one content; one terminal update, and nothing after it; states only go forward.
    fn see(&mut self, status: &TaskStatus) {
        if let Some(made) = self.made.iter().find(|made| made.uuid == status.uuid) {
            assert_eq!(made, status, "an update changed");
            return;
        }
        let earlier = self.made.iter().filter(|made| made.task_id == status.task_id);
        let rank = earlier.map(|made| rank(made.state)).max().unwrap_or(0);
        assert!(rank <= self::rank(status.state) && rank < 4, "{status:?} after something later");
        self.made.push(status.clone());
    }

    fn is_acknowledged(&self, status: &TaskStatus) -> bool {
        self.acknowledged.contains(&key(status))
    }

    fn pass(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(deadline) = self.core.deadline().filter(|deadline| *deadline <= until) {
            self.elapsed = deadline;
            self.handle(Input::Tick);
        }
        self.elapsed = until;
        assert!(self.destroy_by.is_none_or(|by| by > until), "a process outlived its grace");
    }

    fn act(&mut self, action: &Action) {
        if self.ended.is_some() {
            return;
        }
        let connected = self.link == Link::Up;
        match action {
            Action::Pass(millis) => self.pass(Duration::from_millis(*millis)),
            Action::AnswerSubscribe if self.link == Link::Attempting => {
                self.link = Link::Up;
                self.handle(Input::Subscribed { killing_state: true });
            }
            Action::Disconnect if self.link != Link::Down => {
                self.link = Link::Down;
                self.handle(Input::Disconnected);
            }
            Action::Launch(id) if connected => {
                self.launched.insert(TASKS[*id].to_owned());
                let task = if self.patient { patient_task(TASKS[*id]) } else { task(TASKS[*id]) };
                self.handle(Input::Launch(Box::new(task)));
            }
            Action::LaunchGroup(id) if connected => {
                self.launched.insert(TASKS[*id].to_owned());
                self.handle(Input::LaunchGroup(vec![task(TASKS[*id])]));
            }
            Action::Kill(id, grace) if connected => self.kill(TASKS[*id], grace.map(Duration::from_millis)),
            Action::Shutdown if connected => {
                self.killed.extend(TASKS.map(str::to_owned));
                self.handle(Input::Shutdown("shut down by the agent"));
            }
            Action::Deliver if connected => {
                let delivered = self.on_the_wire.pop_front();
                self.at_agent.extend(delivered.as_ref().map(key));
            }
            Action::LoseSend if connected && self.on_the_wire.pop_front().is_some() => self.handle(Input::SendFailed),
            Action::Acknowledge(index) if connected && !self.at_agent.is_empty() => {
                let key = self.at_agent.remove(index % self.at_agent.len());
                self.acknowledge(key);
            }
            Action::AcknowledgeAgain(index) if connected && !self.acknowledged.is_empty() => {
                let key = self.acknowledged[index % self.acknowledged.len()].clone();
                self.acknowledge(key);
            }
            Action::Progress if matches!(self.work, Some((Work::Fetch, _))) => {
                self.handle(Input::Progress(Progress { files_done: 1, files: 2, bytes_done: 3, bytes: 4 }));
            }
            Action::Listening if self.process.is_some() => self.handle(Input::Listening),
            Action::Registered if self.process.is_some() => self.handle(Input::Registered),
            Action::Unregistered if self.process.is_some() => self.handle(Input::Unregistered("so".into())),
            Action::WorkDone => self.work_done(),
            Action::WorkFailed if self.work.take().is_some() => {
                let failure =
                    Failure { state: TaskState::TaskFailed, reason: None, blame: Blame::Worker, message: "so".into() };
                self.handle(Input::Failed(failure));
            }
            Action::Exit(code) if self.process.take().is_some() => {
                self.destroy_by = None;
                let status = ExitStatus::Code(*code);
                self.handle(Input::Exited(Exit {
                    status,
                    reason: None,
                    blame: Blame::Worker,
                    explanation: String::new(),
                }));
            }
            _ => {}
        }
    }

    fn kill(&mut self, id: &str, grace: Option<Duration>) {
        self.killed.insert(id.to_owned());
        self.handle(Input::Kill { task_id: id.to_owned(), grace });
        if self.process.as_ref().is_some_and(|process| process.terminated && !process.destroyed) && id == TASKS[0] {
            let by = self.elapsed + grace.unwrap_or(Duration::from_secs(3)) + Duration::from_millis(1);
            self.destroy_by = Some(self.destroy_by.map_or(by, |earlier| earlier.min(by)));
        }
    }

    fn acknowledge(&mut self, key: (String, Vec<u8>)) {
        let (task_id, uuid) = key.clone();
        self.acknowledged.push(key);
        self.handle(Input::Acknowledged { task_id, uuid });
    }

    fn work_done(&mut self) {
        match self.work.take() {
            Some((_, true)) => self.handle(Input::Cancelled),
            Some((Work::Fetch, false)) => self.handle(Input::Fetched),
            Some((Work::Start, false)) => {
                self.process = Some(Process::default());
                self.handle(Input::Started { pid: 7, class_data: self.warm && !self.distrusted });
            }
            None => {}
        }
    }

    /// From here on the agent stays, everything is answered, and the task is to end.
    fn settle(&mut self) {
        for round in 0..200 {
            if self.ended.is_some() {
                break;
            }
            self.act(&Action::AnswerSubscribe);
            self.act(&Action::Shutdown);
            self.work_done();
            if self.process.as_ref().is_some_and(|process| process.destroyed || (process.terminated && round % 2 == 0))
            {
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
        assert!(self.ended.is_some(), "it must come to an end");
        for id in self.launched.iter().filter(|_| self.clean) {
            let over = self.made.iter().filter(|made| &made.task_id.value == id && rank(made.state) == 4).count();
            assert_eq!(over, 1, "{id} got no terminal update, or several");
        }
    }
}

fn key(status: &TaskStatus) -> (String, Vec<u8>) {
    (status.task_id.value.clone(), status.uuid.as_ref().expect("every update has a uuid").to_vec())
}

fn rank(state: i32) -> u8 {
    match TaskState::try_from(state) {
        Ok(TaskState::TaskStarting) => 1,
        Ok(TaskState::TaskRunning) => 2,
        Ok(TaskState::TaskKilling) => 3,
        _ => 4,
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(action(), 0..120)
}

fn live(checkpoint: bool, patient: bool, warm: bool, actions: &[Action]) -> World {
    let mut world = World::new(checkpoint, patient, warm);
    for action in actions {
        world.act(action);
    }
    world.settle();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_whatever_happens(checkpoint: bool, patient: bool, warm: bool, actions in actions()) {
        live(checkpoint, patient, warm, &actions);
    }
}

#[test]
fn the_simulation_gets_everywhere() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for round in 0..400 {
        let actions = actions().new_tree(&mut runner).unwrap().current();
        let world = live(round % 2 == 0, round % 3 == 0, round % 5 < 3, &actions);
        seen.extend(world.made.iter().map(|made| TaskState::try_from(made.state).unwrap().as_str_name()));
        seen.extend(world.ended);
        seen.extend(world.distrusted.then_some("started once more"));
    }
    let expected = [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_KILLING",
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_KILLED",
        "TASK_ERROR",
        "its task is done",
        "no task came",
        "the agent is gone",
        "shut down by the agent",
        "its task is done, and the agent acknowledges nothing",
        "started once more",
    ];
    for what in expected {
        assert!(seen.contains(what), "never reached: {what}");
    }
}
