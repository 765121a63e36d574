//! Tests of the core's behaviour, case by case.

mod agent;
mod class_data;
mod launch;
mod task;

use std::time::Duration;

use fetcher_client::Progress;
use mesos::v1::{DurationInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use overlays::worker::{ArtifactSource, Entry, WorkerSpec};
use prost::Message as _;

use super::{Blame, Core, Exit, ExitStatus, Failure, Input, Now, Output, Settings, Survivors};

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
    let artifacts =
        ArtifactSource { urls: vec!["http://master:1".into()], ..ArtifactSource::default() };
    let spec = WorkerSpec {
        worker_id: id.into(),
        flink_version: "1.20.5".into(),
        artifacts: Some(artifacts),
        ..WorkerSpec::default()
    };
    TaskInfo {
        task_id: TaskId { value: id.into() },
        data: Some(spec.encode_to_vec().into()),
        ..TaskInfo::default()
    }
}

/// A task that is reported as running only once its data port is open.
pub(super) fn patient_task(id: &str) -> TaskInfo {
    let mut task = task(id);
    let mut spec = WorkerSpec::decode(task.data.take().unwrap()).unwrap();
    spec.configuration =
        vec![Entry { key: "mesos.executor.running-when".into(), value: "listening".into() }];
    spec.ports = [("taskmanager.data.port".to_owned(), 31001)].into();
    TaskInfo { data: Some(spec.encode_to_vec().into()), ..task }
}

/// A core with its clock.
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

    /// Without `Note` outputs: each such update is also sent, or listed in a SUBSCRIBE.
    fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = self.core.handle(Now { elapsed: self.elapsed, unix: 0.0 }, input);
        outputs.retain(|output| !matches!(output, Output::Note(_)));
        outputs
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
        Output::Subscribe { tasks, updates } => {
            format!("subscribe {}/{}", tasks.len(), updates.len())
        }
        Output::Note(_) => "note".into(),
        Output::Send(status) => state(status),
        Output::Fetch(_) => "fetch".into(),
        Output::Start { quarantine: false, .. } => "start".into(),
        Output::Start { quarantine: true, .. } => "start differently".into(),
        Output::Cancel => "cancel".into(),
        Output::Terminate => "terminate".into(),
        Output::Destroy => "destroy".into(),
        Output::End { reason, .. } => format!("end: {reason}"),
    }
}

fn state(status: &TaskStatus) -> String {
    TaskState::try_from(status.state)
        .map_or_else(|state| state.to_string(), |state| format!("{state:?}"))
}

fn exit(status: ExitStatus) -> Input {
    Input::Exited(Exit {
        status,
        survivors: Survivors::default(),
        reason: None,
        blame: Blame::Worker,
        explanation: "the last lines".into(),
    })
}
