//! A framework that launches an executor which never subscribes: a process for agents to keep.

use std::time::Duration;

use mesos::{
    resources::scalar,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::{CommandInfo, ExecutorInfo, FrameworkInfo, Offer, TaskInfo, command_info, executor_info, scheduler},
};
use tests::{RealMesos, wait_until};
use tokio::sync::mpsc::Receiver;

pub(crate) struct Framework {
    pub(crate) handle: SchedulerHandle,
    pub(crate) events: Receiver<SchedulerEvent>,
}

impl Framework {
    pub(crate) async fn subscribe(mesos: &RealMesos) -> Self {
        let options = SchedulerOptions::new(mesos.master().parse().unwrap());
        let info = FrameworkInfo {
            user: "root".to_owned(),
            name: "sleeper".to_owned(),
            checkpoint: Some(true),
            failover_timeout: Some(3600.0),
            ..Default::default()
        };
        let (handle, events) = SchedulerConnection::open(options, info, Vec::new()).await.unwrap();
        Self { handle, events }
    }

    /// The first offer.
    pub(crate) async fn offer(&mut self) -> Offer {
        let first = async {
            while let Some(event) = self.events.recv().await {
                if let SchedulerEvent::Event(scheduler::Event { offers: Some(mut offers), .. }) = event {
                    return offers.offers.remove(0);
                }
            }
            panic!("no more events");
        };
        tokio::time::timeout(Duration::from_secs(20), first).await.expect("an offer")
    }

    /// Launches `sleep 1000` with this URI as its executor, and waits until it runs.
    pub(crate) async fn launch_sleeper(&mut self, mesos: &RealMesos, uris: Vec<command_info::Uri>) {
        let offer = self.offer().await;
        let command = CommandInfo { uris, value: Some("sleep 1000".to_owned()), ..Default::default() };
        let executor = ExecutorInfo {
            r#type: Some(executor_info::Type::Custom.into()),
            executor_id: "sleeper".into(),
            command: Some(command),
            ..Default::default()
        };
        let task = TaskInfo {
            name: "sleeper".to_owned(),
            task_id: "sleeper".into(),
            agent_id: offer.agent_id.clone(),
            executor: Some(executor),
            resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
            ..Default::default()
        };
        self.handle.call(calls::accept(vec![offer.id], vec![calls::launch(vec![task])], 1.0)).await.unwrap();
        wait_until("the sleeper sleeps", Duration::from_secs(20), async || sleeper_of(mesos)).await;
    }
}

/// The process id of the `sleep` below an agent.
pub(crate) fn sleeper_of(mesos: &RealMesos) -> Option<i32> {
    mesos.below_agents().into_iter().find(|pid| {
        let line = fs_err::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep\0")
    })
}
