//! The core's behaviour, one case after the other.

use std::time::Duration;

use fetcher::Progress;
use mesos::v1::{DurationInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use overlays::worker::{ArtifactSource, Entry, WorkerSpec};
use prost::Message as _;

use super::{Blame, Core, Exit, ExitStatus, Failure, Input, Now, Output, Settings};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn settings(checkpoint: bool) -> Settings {
    Settings {
        executor_id: "w".into(),
        recovery_timeout: checkpoint.then_some(SECOND * 900),
        subscription_backoff_max: SECOND * 2,
        shutdown_grace: SECOND * 5,
        kill_grace: SECOND * 3,
    }
}

pub(super) fn new_core(checkpoint: bool) -> Core {
    let mut next = 0_u8;
    let uuids = move || {
        next += 1;
        vec![next; 16].into()
    };
    Core::new(settings(checkpoint), Box::new(uuids))
}

pub(super) fn task(id: &str) -> TaskInfo {
    let artifacts = ArtifactSource { urls: vec!["http://master:1".into()], ..ArtifactSource::default() };
    let spec = WorkerSpec {
        worker_id: id.into(),
        flink_version: "1.20.5".into(),
        artifacts: Some(artifacts),
        ..WorkerSpec::default()
    };
    TaskInfo { task_id: TaskId { value: id.into() }, data: Some(spec.encode_to_vec().into()), ..TaskInfo::default() }
}

/// A task that is running only once it listens.
pub(super) fn patient_task(id: &str) -> TaskInfo {
    let mut task = task(id);
    let mut spec = WorkerSpec::decode(task.data.take().unwrap()).unwrap();
    spec.configuration = vec![Entry { key: "mesos.executor.running-when".into(), value: "listening".into() }];
    spec.ports = [("taskmanager.data.port".to_owned(), 31001)].into();
    TaskInfo { data: Some(spec.encode_to_vec().into()), ..task }
}

/// A core and its clock.
struct Bench {
    core: Core,
    elapsed: Duration,
}

impl Bench {
    fn subscribed(checkpoint: bool) -> Self {
        let mut bench = Self { core: new_core(checkpoint), elapsed: Duration::ZERO };
        assert_eq!(bench.names(Input::Begin), ["subscribe 0/0"]);
        assert!(bench.names(Input::Subscribed { killing_state: false }).is_empty());
        bench
    }

    fn running(checkpoint: bool) -> Self {
        let mut bench = Self::subscribed(checkpoint);
        assert_eq!(bench.launch("w"), ["fetch", "TaskStarting"]);
        assert_eq!(bench.names(Input::Fetched), ["start"]);
        assert_eq!(bench.names(Input::Started { pid: 7, class_data: false }), ["TaskRunning"]);
        bench
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.core.handle(Now { elapsed: self.elapsed, unix: 0.0 }, input)
    }

    fn names(&mut self, input: Input) -> Vec<String> {
        self.handle(input).iter().map(name).collect()
    }

    fn launch(&mut self, id: &str) -> Vec<String> {
        self.names(Input::Launch(Box::new(task(id))))
    }

    fn kill(&mut self, id: &str) -> Vec<String> {
        self.names(Input::Kill { task_id: id.into(), grace: None })
    }

    fn acknowledge(&mut self, number: u8) -> Vec<String> {
        self.names(Input::Acknowledged { task_id: "w".into(), uuid: vec![number; 16] })
    }

    fn pass(&mut self, duration: Duration) -> Vec<String> {
        let until = self.elapsed + duration;
        let mut names = Vec::new();
        while let Some(deadline) = self.core.deadline().filter(|deadline| *deadline <= until) {
            self.elapsed = deadline;
            names.extend(self.names(Input::Tick));
        }
        self.elapsed = until;
        names
    }
}

fn name(output: &Output) -> String {
    match output {
        Output::Subscribe { tasks, updates } => format!("subscribe {}/{}", tasks.len(), updates.len()),
        Output::Send(status) => state(status),
        Output::Fetch(_) => "fetch".into(),
        Output::Start { distrust: false, .. } => "start".into(),
        Output::Start { distrust: true, .. } => "start differently".into(),
        Output::Cancel => "cancel".into(),
        Output::Terminate => "terminate".into(),
        Output::Destroy => "destroy".into(),
        Output::End { reason, .. } => format!("end: {reason}"),
    }
}

fn state(status: &TaskStatus) -> String {
    TaskState::try_from(status.state).map_or_else(|state| state.to_string(), |state| format!("{state:?}"))
}

fn exit(status: ExitStatus) -> Input {
    Input::Exited(Exit { status, reason: None, blame: Blame::Worker, explanation: "the last lines".into() })
}

#[test]
fn a_task_runs_and_is_killed_within_its_grace() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.kill("w").is_empty(), "a second KILL changes nothing");
    assert_eq!(bench.names(exit(ExitStatus::Code(143))), ["TaskKilled"]);
    assert!(bench.acknowledge(1).is_empty());
    assert!(bench.acknowledge(2).is_empty());
    assert_eq!(bench.acknowledge(3), ["end: its task is done"]);
    assert!(bench.core.deadline().is_none());
}

#[test]
fn an_obstinate_process_is_destroyed_after_the_grace_and_again() {
    let mut bench = Bench::running(true);
    bench.acknowledge(1);
    bench.acknowledge(2);
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.pass(SECOND * 2).is_empty());
    assert_eq!(bench.pass(SECOND), ["destroy"]);
    assert_eq!(bench.pass(SECOND), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["TaskKilled"]);
}

#[test]
fn the_grace_is_the_events_then_the_tasks_and_may_only_shrink() {
    let mut bench = Bench::subscribed(true);
    let mut patient = task("w");
    patient.kill_policy = Some(KillPolicy { grace_period: Some(DurationInfo { nanoseconds: 60_000_000_000 }) });
    bench.names(Input::Launch(Box::new(patient)));
    bench.names(Input::Fetched);
    bench.names(Input::Started { pid: 7, class_data: false });
    (1..=2).for_each(|number| drop(bench.acknowledge(number)));
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.pass(SECOND * 30).is_empty());
    bench.names(Input::Kill { task_id: "w".into(), grace: Some(SECOND * 90) });
    assert!(bench.pass(SECOND * 29).is_empty());
    assert_eq!(bench.names(Input::Kill { task_id: "w".into(), grace: Some(Duration::ZERO) }), ["destroy"]);
}

#[test]
fn a_kill_during_the_fetch_cancels_it() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    assert_eq!(bench.kill("w"), ["cancel"]);
    assert_eq!(bench.names(Input::Cancelled), ["TaskKilled"]);
}

#[test]
fn a_kill_while_the_process_starts_ends_it_once_it_is_there() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    bench.names(Input::Fetched);
    assert_eq!(bench.kill("w"), ["cancel"]);
    assert_eq!(bench.names(Input::Started { pid: 7, class_data: false }), ["terminate"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(15))), ["TaskKilled"]);
}

#[test]
fn a_task_may_be_running_only_once_it_listens() {
    let mut bench = Bench::subscribed(true);
    bench.names(Input::Launch(Box::new(patient_task("w"))));
    bench.names(Input::Fetched);
    assert!(bench.names(Input::Started { pid: 7, class_data: false }).is_empty());
    assert_eq!(bench.names(Input::Listening), ["TaskRunning"]);
}

#[test]
fn a_process_that_dies_before_it_listens_is_a_failure_and_a_kill_terminates_it() {
    let starting = || {
        let mut bench = Bench::subscribed(true);
        bench.names(Input::Launch(Box::new(patient_task("w"))));
        bench.names(Input::Fetched);
        bench.names(Input::Started { pid: 7, class_data: false });
        bench
    };
    assert_eq!(starting().names(exit(ExitStatus::Code(1))), ["TaskFailed"]);
    assert_eq!(starting().kill("w"), ["terminate"]);
}

#[test]
fn health_and_the_timeline_are_told_with_the_registration() {
    let mut bench = Bench::running(true);
    bench.elapsed = SECOND * 2;
    let mut tell = |input| match bench.handle(input).pop() {
        Some(Output::Send(status)) => *status,
        other => panic!("{other:?}"),
    };
    let unhealthy = tell(Input::Unregistered("Could not resolve".into()));
    assert_eq!((unhealthy.state(), unhealthy.healthy), (TaskState::TaskRunning, Some(false)));
    assert_eq!(unhealthy.message(), "not registered with the JobManager after 2.0 s: Could not resolve");
    let healthy = tell(Input::Registered);
    assert_eq!((healthy.state(), healthy.healthy), (TaskState::TaskRunning, Some(true)));
    let steps: Vec<_> = healthy.labels.unwrap().labels.into_iter().map(|label| label.key).collect();
    let expected = ["executor-started", "subscribed-ms", "launched-ms", "fetched-ms", "spawned-ms", "registered-ms"];
    assert_eq!(steps, expected);
}

#[test]
fn a_kill_before_the_launch_counts() {
    let mut bench = Bench::subscribed(true);
    assert!(bench.kill("w").is_empty());
    assert_eq!(bench.launch("w"), ["TaskKilled"]);
    assert_eq!(bench.acknowledge(1), ["end: its task is done"]);
}

#[test]
fn a_process_that_dies_is_a_failure_with_its_last_words() {
    let mut bench = Bench::running(true);
    bench.elapsed += SECOND * 3;
    let outputs = bench.handle(exit(ExitStatus::Code(1)));
    let Some(Output::Send(status)) = outputs.last() else { panic!("no update") };
    assert_eq!(state(status), "TaskFailed");
    assert_eq!(status.message(), "the TaskManager ended with exit code 1 after 3.0 s: the last lines");
}

#[test]
fn a_failed_fetch_ends_the_task_with_its_reason() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    let failure =
        Failure { state: TaskState::TaskFailed, reason: None, blame: Blame::Worker, message: "no answer".into() };
    assert_eq!(bench.names(Input::Failed(failure)), ["TaskFailed"]);
}

#[test]
fn fetch_progress_is_reported_at_least_every_five_seconds() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    for number in 1..10 {
        bench.acknowledge(number);
        let progress = Progress { files_done: 1, files: 2, bytes_done: 1_500_000, bytes: 3_000_000 };
        assert!(bench.names(Input::Progress(progress)).is_empty());
        assert_eq!(bench.pass(SECOND * 4), ["TaskStarting"]);
    }
    let outputs = bench.handle(Input::Disconnected);
    let [Output::Subscribe { updates, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(updates[0].message(), "fetching Flink 1.20.5: 1 of 2 files, 1.5 of 3.0 MB");
}

#[test]
fn progress_does_not_pile_up_while_nobody_listens() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    bench.handle(Input::Disconnected);
    bench.pass(SECOND * 60);
    bench.handle(Input::Disconnected);
    assert_eq!(bench.pass(SECOND), ["subscribe 1/1"]);
}

#[test]
fn an_agent_restart_resends_what_it_may_not_have() {
    let mut bench = Bench::running(true);
    bench.acknowledge(1);
    assert_eq!(bench.names(Input::Disconnected), ["subscribe 0/1"]);
    assert_eq!(bench.names(Input::Disconnected), [""; 0]);
    assert_eq!(bench.names(exit(ExitStatus::Code(0))), [""; 0]);
    assert_eq!(bench.pass(SECOND / 10), ["subscribe 0/2"]);
    assert!(bench.names(Input::Subscribed { killing_state: false }).is_empty());
    bench.acknowledge(2);
    assert_eq!(bench.acknowledge(3), ["end: its task is done"]);
}

#[test]
fn without_checkpointing_a_lost_agent_ends_the_task_and_us() {
    let mut bench = Bench::running(false);
    assert_eq!(bench.names(Input::Disconnected), ["terminate"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(15))), ["end: the agent is gone"]);
}

#[test]
fn after_the_recovery_timeout_the_task_is_ended_with_grace() {
    let mut bench = Bench::running(true);
    bench.handle(Input::Disconnected);
    assert!(bench.pass(SECOND * 899).is_empty());
    assert_eq!(bench.pass(SECOND), ["terminate"]);
    assert_eq!(bench.pass(SECOND * 3), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["end: the agent is gone"]);
}

#[test]
fn a_shutdown_leaves_time_for_the_last_update() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.names(Input::Shutdown("shut down by the agent")), ["terminate"]);
    assert_eq!(bench.pass(SECOND * 3), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["TaskKilled"]);
    assert_eq!(bench.pass(SECOND * 2), ["end: shut down by the agent"]);
}

#[test]
fn a_shutdown_without_a_task_ends_at_once() {
    let mut bench = Bench::subscribed(true);
    assert_eq!(bench.names(Input::Shutdown("shut down by the agent")), ["end: shut down by the agent"]);
}

#[test]
fn wrong_tasks_are_refused_with_a_reason() {
    for (data, expected) in [
        (None, "the task has no data; it must hold the worker's description"),
        (Some(vec![255]), "the task's data is no description of a worker: "),
        (task("another").data.map(Into::into), "the task's data describes worker \"another\", not \"w\""),
        (Some(Vec::new()), "the task's data describes worker \"\", not \"w\""),
    ] {
        let mut bench = Bench::subscribed(true);
        let outputs = bench.handle(Input::Launch(Box::new(TaskInfo { data: data.map(Into::into), ..task("w") })));
        let [Output::Send(status)] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(state(status), "TaskError");
        assert!(status.message().starts_with(expected), "{}", status.message());
        assert_eq!(bench.acknowledge(1), ["end: its task is done"]);
    }
}

#[test]
fn a_second_task_is_refused_and_the_first_goes_on() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.launch("second"), ["TaskError"]);
    assert!(bench.launch("second").is_empty());
    assert!(bench.launch("w").is_empty());
    assert_eq!(bench.names(Input::LaunchGroup(vec![task("a"), task("b")])), ["TaskError", "TaskError"]);
    assert_eq!(bench.kill("w"), ["terminate"]);
}

#[test]
fn task_killing_is_reported_to_those_who_want_it() {
    let mut bench = Bench::running(true);
    bench.handle(Input::Subscribed { killing_state: true });
    assert_eq!(bench.kill("w"), ["terminate", "TaskKilling"]);
}

#[test]
fn an_executor_without_a_task_ends_in_the_end() {
    let mut bench = Bench::subscribed(true);
    assert!(bench.pass(SECOND * 299).is_empty());
    assert_eq!(bench.pass(SECOND), ["end: no task came"]);
}

#[test]
fn an_agent_that_acknowledges_nothing_does_not_keep_us_for_ever() {
    let mut bench = Bench::running(true);
    bench.handle(exit(ExitStatus::Code(1)));
    let said = bench.pass(SECOND * 61);
    assert_eq!(said.iter().filter(|name| *name == "TaskFailed").count(), 6, "sent again and again");
    assert_eq!(said.last().unwrap(), "end: its task is done, and the agent acknowledges nothing");
}

/// A death that nobody can explain.
fn crash() -> Input {
    let explanation = "it crashed".into();
    Input::Exited(Exit { status: ExitStatus::Signal(6), reason: None, blame: Blame::Worker, explanation })
}

fn warm(bench: &mut Bench) {
    bench.launch("w");
    bench.names(Input::Fetched);
    assert_eq!(bench.names(Input::Started { pid: 7, class_data: true }), ["TaskRunning"]);
}

#[test]
fn a_task_manager_that_dies_early_with_class_data_is_started_once_more_without() {
    let mut bench = Bench::subscribed(true);
    warm(&mut bench);
    bench.pass(SECOND * 3);
    assert_eq!(bench.names(crash()), ["start differently"]);
    assert_eq!(bench.names(Input::Started { pid: 8, class_data: false }), ["TaskRunning"]);
    assert_eq!(bench.names(crash()), ["TaskFailed"], "once");
}

#[test]
fn class_data_are_not_to_blame_for_a_late_or_explained_or_wanted_end() {
    let mut late = Bench::subscribed(true);
    warm(&mut late);
    late.pass(SECOND * 20);
    assert_eq!(late.names(crash()), ["TaskFailed"]);

    let ends = [
        (ExitStatus::Code(0), Blame::Worker, "TaskFinished"),
        (ExitStatus::Code(1), Blame::Configuration, "TaskFailed"),
        (ExitStatus::Signal(9), Blame::Worker, "TaskFailed"),
    ];
    for (status, blame, told) in ends {
        let mut bench = Bench::subscribed(true);
        warm(&mut bench);
        let exit = Exit { status, reason: None, blame, explanation: String::new() };
        assert_eq!(bench.names(Input::Exited(exit)), [told]);
    }

    let mut killed = Bench::subscribed(true);
    warm(&mut killed);
    killed.kill("w");
    assert_eq!(killed.names(crash()), ["TaskKilled"]);
}
