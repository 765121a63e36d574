//! A framework that launches an executor which never subscribes: a long-lived process for agents.

use std::time::Duration;

use mesos::{
    resources::scalar,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::{
        CommandInfo, ExecutorInfo, FrameworkInfo, Offer, TaskInfo, command_info, executor_info,
        scheduler,
    },
};
use tests::{RealMesos, wait_until};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
    time::timeout,
};

pub(crate) struct Framework {
    handle: SchedulerHandle,
    offers: UnboundedReceiver<Offer>,
    _reader: JoinSet<()>,
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
        let (handle, mut events) =
            SchedulerConnection::open(options, info, Vec::new()).await.unwrap();
        // Events are always read, because a connection whose events are not read stops.
        let (sender, offers) = unbounded_channel();
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Some(event) = events.recv().await {
                if let SchedulerEvent::Event(scheduler::Event { offers: Some(offers), .. }) = event
                {
                    offers.offers.into_iter().for_each(|offer| drop(sender.send(offer)));
                }
            }
        });
        Self { handle, offers, _reader: reader }
    }

    async fn offer(&mut self) -> Offer {
        timeout(Duration::from_secs(60), self.offers.recv()).await.ok().flatten().expect("an offer")
    }

    /// Launches `sleep 1000` with this URI as its executor, and waits until it runs.
    pub(crate) async fn launch_sleeper(&mut self, mesos: &RealMesos, uris: Vec<command_info::Uri>) {
        let offer = self.offer().await;
        let command =
            CommandInfo { uris, value: Some("sleep 1000".to_owned()), ..Default::default() };
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
        self.handle
            .call(calls::accept(vec![offer.id], vec![calls::launch(vec![task])], 1.0))
            .await
            .unwrap();
        wait_until("the sleeper sleeps", Duration::from_secs(60), async || sleeper_of(mesos)).await;
    }
}

/// The process id of the `sleep` below an agent.
pub(crate) fn sleeper_of(mesos: &RealMesos) -> Option<i32> {
    mesos.below_agents().into_iter().find(|pid| {
        let line = fs_err::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep\0")
    })
}
