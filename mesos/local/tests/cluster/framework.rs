//! A small framework on the scheduler connection of `mesos`.

use std::time::Duration;

use mesos::resources::scalar;
use mesos::{
    master::MasterUrl,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::{CommandInfo, ExecutorInfo, FrameworkInfo, Offer, TaskInfo, TaskStatus, scheduler::Event},
};
use mesos_local::LocalCluster;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Framework {
    pub(crate) id: String,
    pub(crate) handle: SchedulerHandle,
    events: mpsc::Receiver<SchedulerEvent>,
}

impl Framework {
    pub(crate) async fn subscribe(cluster: &LocalCluster) -> Self {
        let info =
            FrameworkInfo { user: "root".into(), name: "local".into(), ..FrameworkInfo::default() };
        let master: MasterUrl = cluster.master().parse().unwrap();
        let credential = Some(cluster.credential());
        let options = SchedulerOptions { credential, ..SchedulerOptions::new(master) };
        let opened = SchedulerConnection::open(options, info, Vec::new()).await;
        let (handle, events) = opened.unwrap();
        let mut this = Self { id: String::new(), handle, events };
        this.id = this
            .wait(|event| match event {
                SchedulerEvent::Subscribed { framework_id, .. } => Some(framework_id.value),
                _ => None,
            })
            .await;
        this
    }

    async fn wait<T>(&mut self, mut wanted: impl FnMut(SchedulerEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("an event")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("an event in time")
    }

    async fn event<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        self.wait(
            |event| if let SchedulerEvent::Event(event) = event { wanted(event) } else { None },
        )
        .await
    }

    /// The next offers, which must be so many.
    pub(crate) async fn offers(&mut self, count: usize) -> Vec<Offer> {
        let offers = self.event(|event| event.offers).await.offers;
        assert_eq!(offers.len(), count);
        offers
    }

    /// The next status, acknowledged.
    pub(crate) async fn status(&mut self) -> TaskStatus {
        let status = self.event(|event| event.update).await.status;
        let (agent, uuid) = (status.agent_id.clone().unwrap(), status.uuid.clone().unwrap());
        self.handle.call(calls::acknowledge(agent, status.task_id.clone(), uuid)).await.unwrap();
        status
    }

    /// Launches a task with an executor of the same name that runs this command.
    pub(crate) async fn launch(&self, offer: &Offer, id: &str, command: CommandInfo) {
        let little = vec![scalar("cpus", 0.1), scalar("mem", 32.0)];
        let executor = ExecutorInfo {
            executor_id: id.into(),
            command: Some(command),
            resources: little.clone(),
            ..ExecutorInfo::default()
        };
        let task = TaskInfo {
            name: id.into(),
            task_id: id.into(),
            agent_id: offer.agent_id.clone(),
            resources: little,
            executor: Some(executor),
            ..TaskInfo::default()
        };
        let launch = calls::launch(vec![task]);
        self.handle.call(calls::accept(vec![offer.id.clone()], vec![launch], 0.0)).await.unwrap();
    }
}

/// A command for the shell.
pub(crate) fn shell(value: &str) -> CommandInfo {
    CommandInfo { value: Some(value.into()), ..CommandInfo::default() }
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let answer = async {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"))
}
