//! Our executor on the real Mesos with a process that does nothing: from ACCEPT to `TASK_RUNNING`, artifacts and
//! configuration included; of that, from the executor's start until it is subscribed; from KILL to `TASK_KILLED`; its
//! resident memory meanwhile; its size on disk. Medians of several rounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "../tests/executor_real/artifacts.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod artifacts;

use std::{path::Path, time::Duration};

use artifacts::Artifacts;
use mesos::{
    resources::scalar,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::{CommandInfo, ExecutorInfo, FrameworkInfo, Offer, TaskInfo, TaskState, TaskStatus, executor_info, scheduler},
};
use overlays::worker::{ArtifactSource, Entry, WorkerSpec};
use prost::Message as _;
use tests::{RealMesos, RealMesosOptions, binary};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout},
};

const ROUNDS: usize = 9;

/// Mesos kills a whole container slowly at times.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds, and megabytes.
struct Round {
    start: f64,
    subscribe: f64,
    kill: f64,
    memory: f64,
}

type Figure = fn(&Round) -> f64;

struct Framework {
    mesos: RealMesos,
    artifacts: Artifacts,
    handle: SchedulerHandle,
    events: Receiver<SchedulerEvent>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let mut framework = Framework::start().await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        rounds.push(framework.round(round).await);
    }
    let figures: [(&str, Figure, &str); 4] = [
        ("executor-start", |round| round.start, "ms"),
        ("executor-subscribe", |round| round.subscribe, "ms"),
        ("kill", |round| round.kill, "ms"),
        ("executor-rss", |round| round.memory, "MB"),
    ];
    for (name, figure, unit) in figures {
        println!("{name}\texecutor\t{:.1}\t\t\t{unit}", median(rounds.iter().map(figure)));
    }
    let size = fs_err::metadata(binary("flink-mesos-executor")).unwrap().len();
    println!("executor-binary\texecutor\t{:.1}\t\t\tMB", megabytes(size));
}

impl Framework {
    async fn start() -> Self {
        let master_flags = vec!["--allocation_interval=50ms".to_owned()];
        let mesos = RealMesos::start_with(RealMesosOptions { master_flags, ..Default::default() }).await;
        let artifacts = Artifacts::serve().await;
        artifacts.open_gate(true);
        let info = FrameworkInfo { user: "root".to_owned(), name: "bench".to_owned(), ..Default::default() };
        let options = SchedulerOptions::new(mesos.master().parse().unwrap());
        let (handle, events) = SchedulerConnection::open(options, info, Vec::new()).await.unwrap();
        Self { mesos, artifacts, handle, events }
    }

    async fn round(&mut self, round: usize) -> Round {
        let id = format!("worker{round}");
        let offer = self.offer().await;
        let task = TaskInfo { agent_id: offer.agent_id.clone(), ..self.task(&id) };
        // The rest is not offered while the task runs.
        let accept = calls::accept(vec![offer.id], vec![calls::launch(vec![task])], 3600.0);
        let accepted = Instant::now();
        self.handle.call(accept).await.unwrap();
        let running = self.update(&id, TaskState::TaskRunning).await;
        let start = accepted.elapsed().as_secs_f64() * 1e3;
        let labels = running.labels.unwrap().labels;
        let subscribed = labels.iter().find(|label| label.key == "subscribed-ms").unwrap();
        let subscribe = subscribed.value().parse().unwrap();
        let executor = self.mesos.below_agents().into_iter().find(|pid| is_executor(*pid)).unwrap();
        let memory = resident(executor);
        let killed = Instant::now();
        self.handle.call(calls::kill(id.as_str().into(), None, None)).await.unwrap();
        self.update(&id, TaskState::TaskKilled).await;
        Round { start, subscribe, kill: killed.elapsed().as_secs_f64() * 1e3, memory }
    }

    async fn event(&mut self) -> scheduler::Event {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("Mesos says nothing").expect("a connection");
            if let SchedulerEvent::Event(event) = event {
                return event;
            }
        }
    }

    /// All that the agent has, so that rounds never overlap.
    async fn offer(&mut self) -> Offer {
        loop {
            let Some(offers) = self.event().await.offers else { continue };
            for offer in offers.offers {
                if mesos::resources::sum(&offer.resources, "cpus") >= 4.0 {
                    return offer;
                }
                self.handle.send(calls::decline(vec![offer.id], 0.0));
            }
        }
    }

    async fn update(&mut self, id: &str, state: TaskState) -> TaskStatus {
        loop {
            let Some(status) = self.event().await.update.map(|update| update.status) else { continue };
            if let (Some(agent), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) {
                self.handle.send(calls::acknowledge(agent, status.task_id.clone(), uuid));
            }
            if status.task_id.value == id && status.state() == state {
                return status;
            }
            assert!(!mesos::status::is_terminal(status.state()), "{status:?}");
        }
    }

    fn task(&self, id: &str) -> TaskInfo {
        let program = binary("flink-mesos-executor").display().to_string();
        let command = CommandInfo {
            shell: Some(false),
            value: Some(program.clone()),
            arguments: vec![program],
            ..Default::default()
        };
        let executor = ExecutorInfo {
            r#type: Some(executor_info::Type::Custom.into()),
            executor_id: id.into(),
            command: Some(command),
            ..Default::default()
        };
        TaskInfo {
            name: id.to_owned(),
            task_id: id.into(),
            executor: Some(executor),
            resources: vec![scalar("cpus", 0.5), scalar("mem", 64.0)],
            data: Some(self.worker(id).encode_to_vec().into()),
            ..Default::default()
        }
    }

    fn worker(&self, id: &str) -> WorkerSpec {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        WorkerSpec {
            worker_id: id.into(),
            flink_version: "1.20.5".into(),
            artifacts: Some(ArtifactSource {
                urls: vec![self.artifacts.url.clone()],
                manifest: self.artifacts.server.manifest().to_string(),
                token: self.artifacts.server.issue_token(id).expose().to_owned(),
                ..ArtifactSource::default()
            }),
            configuration: vec![
                entry("taskmanager.memory.process.size", "1728m"),
                entry("jobmanager.rpc.address", "localhost"),
            ],
            environment: vec![entry("FAKE_TASK_MANAGER", "exec sleep 1000")],
            java_home: self.artifacts.java_home.display().to_string(),
            hostname: "localhost".into(),
            ..WorkerSpec::default()
        }
    }
}

fn is_executor(pid: i32) -> bool {
    fs_err::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == "flink-mesos-exe")
}

/// Resident memory in megabytes.
fn resident(pid: i32) -> f64 {
    let status = fs_err::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
