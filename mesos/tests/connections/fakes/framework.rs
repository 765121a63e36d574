//! The scheduler's side of a test: options, a framework, and what a master would send it.

use std::time::Duration;

use mesos::{
    master::MasterUrl,
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions},
    v1::{
        FrameworkInfo, TaskState, TaskStatus,
        scheduler::{Call, Event, call, event},
    },
};
use tokio::sync::mpsc;

use super::peer::{Asked, Events, FakePeer, soon};

pub(crate) fn framework() -> FrameworkInfo {
    FrameworkInfo { user: "nobody".into(), name: "test".into(), ..FrameworkInfo::default() }
}

/// Options with waits short enough for a test.
pub(crate) fn options(master: &str) -> SchedulerOptions {
    let master: MasterUrl = master.parse().unwrap();
    let backoff = (Duration::from_millis(10), Duration::from_millis(50));
    SchedulerOptions { backoff, ..SchedulerOptions::new(master) }
}

/// One subscription attempt as the application sees it.
pub(crate) struct Framework {
    pub(crate) handle: SchedulerHandle,
    pub(crate) events: mpsc::Receiver<SchedulerEvent>,
}

impl Framework {
    pub(crate) async fn open(options: SchedulerOptions) -> Self {
        let (handle, events) =
            SchedulerConnection::open(options, framework(), vec![]).await.unwrap();
        Self { handle, events }
    }

    /// Opens a subscription and plays the master until it holds.
    pub(crate) async fn subscribed_to(master: &mut FakePeer) -> (Self, Events) {
        let mut framework = Self::open(options(&master.address.to_string())).await;
        let events = subscribe(master.asked().await, "stream-1");
        framework.until_subscribed().await;
        (framework, events)
    }

    pub(crate) async fn next(&mut self) -> Option<SchedulerEvent> {
        soon(self.events.recv()).await
    }

    /// The next event that is not about connecting.
    pub(crate) async fn next_event(&mut self) -> SchedulerEvent {
        loop {
            match self.next().await.expect("the connection has ended") {
                SchedulerEvent::Connecting { .. } => {}
                event => return event,
            }
        }
    }

    pub(crate) async fn until_subscribed(&mut self) {
        while !matches!(
            self.next().await.expect("the connection has ended"),
            SchedulerEvent::Subscribed { .. }
        ) {}
    }

    /// The reason of a disconnection that must come next.
    pub(crate) async fn disconnected(&mut self) -> String {
        match self.next_event().await {
            SchedulerEvent::Disconnected { reason, .. } => reason,
            event => panic!("expected was a disconnection, not {event:?}"),
        }
    }

    /// The reason of a rejection that must come next and be the last word.
    pub(crate) async fn rejected(&mut self) -> String {
        let SchedulerEvent::Rejected { reason } = self.next_event().await else {
            panic!("expected was a rejection")
        };
        assert_eq!(self.next().await, None);
        reason
    }
}

/// Accepts a SUBSCRIBE and sends SUBSCRIBED with heartbeats every 15 s.
pub(crate) fn subscribe(asked: Asked, stream_id: &str) -> Events {
    subscribe_with_heartbeat(asked, stream_id, 15.0)
}

pub(crate) fn subscribe_with_heartbeat(asked: Asked, stream_id: &str, seconds: f64) -> Events {
    let call: Call = asked.call();
    assert_eq!(call.r#type(), call::Type::Subscribe);
    let events = asked.stream(stream_id);
    events.send(&subscribed("framework-1", seconds));
    events
}

pub(crate) fn subscribed(framework_id: &str, heartbeat_interval_seconds: f64) -> Event {
    let subscribed = event::Subscribed {
        framework_id: framework_id.into(),
        heartbeat_interval_seconds: Some(heartbeat_interval_seconds),
        master_info: None,
    };
    Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed),
        ..Event::default()
    }
}

pub(crate) fn heartbeat() -> Event {
    Event { r#type: Some(event::Type::Heartbeat.into()), ..Event::default() }
}

pub(crate) fn error(message: &str) -> Event {
    let error = event::Error { message: message.to_owned() };
    Event { r#type: Some(event::Type::Error.into()), error: Some(error), ..Event::default() }
}

/// An update that carries a message, by which it is recognised.
pub(crate) fn update(message: &str) -> Event {
    let status = TaskStatus {
        task_id: "task-1".into(),
        state: TaskState::TaskRunning.into(),
        message: Some(message.to_owned()),
        ..TaskStatus::default()
    };
    Event {
        r#type: Some(event::Type::Update.into()),
        update: Some(event::Update { status }),
        ..Event::default()
    }
}
