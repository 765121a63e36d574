//! A framework on the real Mesos that launches workers with our executor and records their updates.

pub mod artifacts;
pub mod job_manager;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use mesos::{
    resources::scalar,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    status::is_terminal,
    v1::{
        CommandInfo, DurationInfo, ExecutorInfo, FrameworkInfo, KillPolicy, Offer, TaskInfo,
        TaskState, TaskStatus, executor_info, framework_info, scheduler,
    },
};
use overlays::worker::{ArtifactSource, Entry, WorkerSpec};
use prost::Message as _;
use tokio::{sync::mpsc::Receiver, task::JoinSet, time::Instant};

use self::artifacts::Artifacts;
use crate::{ExecutorsCache, RealMesos, RealMesosOptions, binary, wait_until};

/// Enough for any step on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test.
const GRACE: Duration = Duration::from_secs(600);

/// The framework with its Mesos and its artifacts.
pub struct Rig {
    /// Master and agents.
    pub mesos: RealMesos,
    /// What workers fetch.
    pub artifacts: Artifacts,
    handle: SchedulerHandle,
    heard: Arc<Mutex<Recorded>>,
    _reader: JoinSet<()>,
}

#[derive(Default)]
struct Recorded {
    offers: Vec<Offer>,
    /// Without repeated ones.
    updates: Vec<(Instant, TaskStatus)>,
}

impl Rig {
    /// One agent, and stand-ins for Flink and java.
    pub async fn start() -> Self {
        Self::start_with(RealMesosOptions::default()).await
    }

    /// The same with another Mesos.
    pub async fn start_with(options: RealMesosOptions) -> Self {
        Self::start_on(options, Artifacts::serve().await).await
    }

    /// The same with other artifacts, too.
    pub async fn start_on(mut options: RealMesosOptions, artifacts: Artifacts) -> Self {
        options.master_flags.push("--allocation_interval=100ms".to_owned());
        options.cache = ExecutorsCache::Own;
        let mesos = RealMesos::start_with(options).await;
        let capability = framework_info::capability::Type::TaskKillingState;
        let framework = FrameworkInfo {
            user: "root".to_owned(),
            name: "executor".to_owned(),
            checkpoint: Some(true),
            failover_timeout: Some(3600.0),
            capabilities: vec![framework_info::Capability { r#type: Some(capability.into()) }],
            ..Default::default()
        };
        let options = SchedulerOptions::new(mesos.master().parse().unwrap());
        let (handle, events) =
            SchedulerConnection::open(options, framework, Vec::new()).await.unwrap();
        let heard = Arc::default();
        let mut reader = JoinSet::new();
        reader.spawn(listen(events, handle.clone(), Arc::clone(&heard)));
        Self { mesos, artifacts, handle, heard, _reader: reader }
    }

    /// A worker whose TaskManager is this script; `{file}` in it is the prefix of this worker's
    /// files, see [`Self::file`].
    pub fn worker(&self, id: &str, script: &str) -> WorkerSpec {
        let prefix = self.file(id, "").display().to_string();
        let script = format!(
            "echo $$ > {prefix}new && mv {prefix}new {prefix}pid; {}",
            script.replace("{file}", &prefix)
        );
        let environment = vec![Entry { key: "FAKE_TASK_MANAGER".into(), value: script }];
        WorkerSpec { environment, ..self.description(id) }
    }

    /// A worker with these artifacts.
    pub fn description(&self, id: &str) -> WorkerSpec {
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
            java_home: self.artifacts.java_home.display().to_string(),
            hostname: "localhost".into(),
            ..WorkerSpec::default()
        }
    }

    /// Launches these workers on all offered resources; returns the time of the launch.
    pub async fn launch(&self, workers: Vec<WorkerSpec>) -> Instant {
        self.launch_tasks(workers.iter().map(task).collect()).await
    }

    /// The same for tasks of any kind; the agent's id is filled in.
    pub async fn launch_tasks(&self, tasks: Vec<TaskInfo>) -> Instant {
        let offers = wait_until("something is on offer", PATIENCE, async || {
            let offers = std::mem::take(&mut self.heard.lock().unwrap().offers);
            (!offers.is_empty()).then_some(offers)
        })
        .await;
        let agent_id = &offers[0].agent_id;
        let tasks =
            tasks.into_iter().map(|task| TaskInfo { agent_id: agent_id.clone(), ..task }).collect();
        let ids = offers.iter().map(|offer| offer.id.clone()).collect();
        let now = Instant::now();
        self.handle.call(calls::accept(ids, vec![calls::launch(tasks)], 0.0)).await.unwrap();
        now
    }

    /// Asks Mesos to kill a worker, with practically unlimited time to end by itself.
    pub async fn kill(&self, id: &str) {
        let grace_period = Some(DurationInfo { nanoseconds: GRACE.as_nanos().try_into().unwrap() });
        let policy = Some(KillPolicy { grace_period });
        self.handle.call(calls::kill(id.into(), None, policy)).await.unwrap();
    }

    /// Waits for the update with this state; the worker must not have ended differently.
    pub async fn update(&self, id: &str, state: TaskState) -> TaskStatus {
        self.update_at(id, state).await.1
    }

    /// The same, with the time of its arrival.
    pub async fn update_at(&self, id: &str, state: TaskState) -> (Instant, TaskStatus) {
        wait_until(&format!("worker {id} is {}", state.as_str_name()), PATIENCE, async || {
            let updates = self.timed_updates(id);
            let end = updates.iter().find(|(_, status)| is_terminal(status.state()));
            let found = updates.iter().find(|(_, status)| status.state() == state);
            assert!(
                found.is_some() || end.is_none(),
                "{id} is not {} but {end:?}",
                state.as_str_name()
            );
            found.cloned()
        })
        .await
    }

    /// The updates of a worker so far.
    pub fn updates(&self, id: &str) -> Vec<TaskStatus> {
        self.timed_updates(id).into_iter().map(|(_, status)| status).collect()
    }

    fn timed_updates(&self, id: &str) -> Vec<(Instant, TaskStatus)> {
        let heard = self.heard.lock().unwrap();
        heard.updates.iter().filter(|(_, status)| status.task_id.value == id).cloned().collect()
    }

    /// Waits until the agent has no executor and no descendant of one, and checks that no worker
    /// has ended twice.
    pub async fn until_nothing_is_left(&self, ids: &[String]) {
        wait_until("nothing lives below the agent", PATIENCE, async || {
            self.mesos.below_agents().is_empty().then_some(())
        })
        .await;
        for id in ids {
            let ends = self.updates(id).iter().filter(|status| is_terminal(status.state())).count();
            assert_eq!(ends, 1, "ends of {id}: {:?}", self.updates(id));
        }
    }

    /// The process id of a worker's TaskManager.
    pub async fn task_manager(&self, id: &str) -> i32 {
        let path = self.file(id, "pid");
        wait_until("the TaskManager has written its process id", PATIENCE, async || {
            fs_err::read_to_string(&path).ok()?.trim().parse().ok()
        })
        .await
    }

    /// The process ids of all executors.
    pub fn executors(&self) -> Vec<i32> {
        self.mesos
            .below_agents()
            .into_iter()
            .filter(|pid| name(*pid) == "flink-mesos-exe")
            .collect()
    }

    /// The cache that the agent's executors share.
    pub fn cache(&self) -> PathBuf {
        self.mesos.sandboxes(0).ancestors().nth(2).unwrap().join("cache")
    }

    /// A file with which the test and a worker's script communicate.
    pub fn file(&self, id: &str, name: &str) -> PathBuf {
        self.artifacts.folder.path().join(format!("{id}.{name}"))
    }

    /// Creates a file for which a worker's script waits.
    pub fn send_message(&self, id: &str, word: &str) {
        fs_err::write(self.file(id, word), "").unwrap();
    }
}

async fn listen(
    mut events: Receiver<SchedulerEvent>,
    handle: SchedulerHandle,
    heard: Arc<Mutex<Recorded>>,
) {
    while let Some(event) = events.recv().await {
        let SchedulerEvent::Event(scheduler::Event { offers, rescind, update, .. }) = event else {
            continue;
        };
        let mut heard = heard.lock().unwrap();
        if let Some(offers) = offers {
            heard.offers.extend(offers.offers);
        }
        if let Some(rescind) = rescind {
            heard.offers.retain(|offer| offer.id != rescind.offer_id);
        }
        let Some(status) = update.map(|update| update.status) else { continue };
        if let (Some(agent), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) {
            handle.send(calls::acknowledge(agent, status.task_id.clone(), uuid));
        }
        if !heard.updates.iter().any(|(_, before)| before.uuid == status.uuid) {
            heard.updates.push((Instant::now(), status));
        }
    }
}

/// A task for our executor.
pub fn task(worker: &WorkerSpec) -> TaskInfo {
    let task = custom_task(&worker.worker_id, &binary("flink-mesos-executor"));
    TaskInfo { data: Some(worker.encode_to_vec().into()), ..task }
}

/// A task for this executor.
pub fn custom_task(id: &str, executor: &Path) -> TaskInfo {
    let executor = executor.display().to_string();
    let command = CommandInfo {
        shell: Some(false),
        value: Some(executor.clone()),
        arguments: vec![executor],
        ..Default::default()
    };
    TaskInfo {
        name: id.to_owned(),
        task_id: id.into(),
        executor: Some(ExecutorInfo {
            r#type: Some(executor_info::Type::Custom.into()),
            executor_id: id.into(),
            command: Some(command),
            ..Default::default()
        }),
        resources: vec![scalar("cpus", 0.05), scalar("mem", 32.0)],
        ..Default::default()
    }
}

/// The name of a process in the kernel: fifteen characters.
fn name(pid: i32) -> String {
    fs_err::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}
