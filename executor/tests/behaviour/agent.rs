//! A fake agent that the test controls: it can stay silent, restart, and remembers everything it
//! received.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use mesos::v1::{
    AgentInfo, DurationInfo, ExecutorId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo,
    TaskState, TaskStatus,
    executor::{Call, Event, call, event},
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::{StreamExt as _, wrappers::UnboundedReceiverStream};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

type Record = Result<Bytes, std::io::Error>;

pub(crate) struct Agent {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    received: mpsc::UnboundedReceiver<Received>,
}

/// What an executor sends.
#[derive(Debug)]
pub(crate) enum Received {
    Subscribe(call::Subscribe),
    Update(Box<TaskStatus>),
    Message(Bytes),
}

struct Shared {
    received: mpsc::UnboundedSender<Received>,
    /// The open event stream.
    events: Mutex<Option<mpsc::UnboundedSender<Record>>>,
    acknowledges: Mutex<bool>,
}

impl Agent {
    pub(crate) async fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            received: sender,
            events: Mutex::default(),
            acknowledges: Mutex::new(true),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = serve(listener, Arc::clone(&shared));
        Self { port, shared, server, received }
    }

    /// Whether updates are acknowledged.
    pub(crate) fn acknowledge(&self, acknowledge: bool) {
        *self.shared.acknowledges.lock().unwrap() = acknowledge;
    }

    /// Like a killed agent process: every connection breaks.
    pub(crate) async fn stop(&mut self) {
        self.server.abort();
        (&mut self.server).await.ok();
        self.shared.events.lock().unwrap().take();
    }

    pub(crate) async fn start_again(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.server = serve(listener, Arc::clone(&self.shared));
    }

    pub(crate) fn launch(&self, task: TaskInfo) {
        let launch = Some(event::Launch { task });
        self.shared.send(&Event {
            r#type: Some(event::Type::Launch.into()),
            launch,
            ..Event::default()
        });
    }

    pub(crate) fn kill(&self, task_id: &str, grace: Duration) {
        let grace_period = Some(DurationInfo { nanoseconds: grace.as_nanos().try_into().unwrap() });
        let kill_policy = Some(KillPolicy { grace_period });
        let kill = Some(event::Kill { task_id: TaskId { value: task_id.into() }, kill_policy });
        self.shared.send(&Event {
            r#type: Some(event::Type::Kill.into()),
            kill,
            ..Event::default()
        });
    }

    pub(crate) fn shut_down(&self) {
        self.shared.send(&Event { r#type: Some(event::Type::Shutdown.into()), ..Event::default() });
    }

    /// The next message of the executor.
    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv())
            .await
            .expect("the executor sends nothing")
            .unwrap()
    }

    pub(crate) async fn subscribe(&mut self) -> call::Subscribe {
        loop {
            if let Received::Subscribe(subscribe) = self.next().await {
                return subscribe;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Bytes {
        loop {
            if let Received::Message(data) = self.next().await {
                return data;
            }
        }
    }

    /// The next update with this state; others before it are skipped, later states are not.
    pub(crate) async fn update(&mut self, state: TaskState) -> TaskStatus {
        loop {
            if let Received::Update(status) = self.next().await {
                if status.state == i32::from(state) {
                    return *status;
                }
                assert_eq!(
                    status.state,
                    i32::from(TaskState::TaskStarting),
                    "unexpected: {status:?}"
                );
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn serve(listener: TcpListener, shared: Arc<Shared>) -> JoinHandle<()> {
    let routes = Router::new().route("/slave(1)/api/v1/executor", post(answer)).with_state(shared);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() })
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let call = Call::decode(body).unwrap();
    match call.r#type() {
        call::Type::Subscribe => {
            let (events, records) = mpsc::unbounded_channel();
            *shared.events.lock().unwrap() = Some(events);
            let subscribe = call.subscribe.unwrap();
            shared.send(&subscribed());
            for update in &subscribe.unacknowledged_updates {
                shared.acknowledge(&update.status);
            }
            shared.received.send(Received::Subscribe(subscribe)).ok();
            Body::from_stream(UnboundedReceiverStream::new(records).map(|record| record))
                .into_response()
        }
        call::Type::Update => {
            let status = call.update.unwrap().status;
            shared.acknowledge(&status);
            shared.received.send(Received::Update(Box::new(status))).ok();
            StatusCode::ACCEPTED.into_response()
        }
        call::Type::Message => {
            shared.received.send(Received::Message(call.message.unwrap().data)).ok();
            StatusCode::ACCEPTED.into_response()
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

impl Shared {
    fn acknowledge(&self, status: &TaskStatus) {
        if *self.acknowledges.lock().unwrap() {
            let uuid = status.uuid.clone().expect("an update without uuid");
            let acknowledged = Some(event::Acknowledged { task_id: status.task_id.clone(), uuid });
            let r#type = Some(event::Type::Acknowledged.into());
            self.send(&Event { r#type, acknowledged, ..Event::default() });
        }
    }

    fn send(&self, event: &Event) {
        let message = event.encode_to_vec();
        let mut record = format!("{}\n", message.len()).into_bytes();
        record.extend(message);
        if let Some(events) = &*self.events.lock().unwrap() {
            events.send(Ok(record.into())).ok();
        }
    }
}

fn subscribed() -> Event {
    let executor_info =
        ExecutorInfo { executor_id: ExecutorId { value: "w".into() }, ..ExecutorInfo::default() };
    let subscribed = event::Subscribed {
        executor_info,
        framework_info: FrameworkInfo::default(),
        agent_info: AgentInfo::default(),
        container_id: None,
    };
    Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed),
        ..Event::default()
    }
}
