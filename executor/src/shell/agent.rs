//! The two connections to the agent: the event stream, and the queue of updates.

use std::{sync::Arc, time::Duration};

use mesos::{
    executor::{ConnectionError, ExecutorConnection, ExecutorEvents},
    v1::{
        FrameworkInfo, KillPolicy, TaskInfo, TaskState, TaskStatus,
        executor::{Event, call::Update, event},
        framework_info::capability,
    },
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use crate::core::Input;

/// An agent on the same host answers within milliseconds, or not at all.
const ANSWER: Duration = Duration::from_secs(5);

/// One subscription, from the attempt to its end, which is reported as [`Input::Disconnected`].
/// Dropping it closes it.
pub(super) struct Subscription(
    #[expect(dead_code, reason = "held for its drop")] AbortOnDropHandle<()>,
);

impl Subscription {
    /// `asked` is called once the request is sent to the agent.
    pub(super) fn start(
        connection: Arc<ExecutorConnection>,
        tasks: Vec<TaskInfo>,
        updates: Vec<TaskStatus>,
        inbox: UnboundedSender<Input>,
        asked: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self(AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(reason) = follow(&connection, tasks, updates, &inbox, asked).await {
                warn!("Cannot subscribe to the agent: {reason}");
            }
            inbox.send(Input::Disconnected).ok();
        })))
    }
}

async fn follow(
    connection: &ExecutorConnection,
    tasks: Vec<TaskInfo>,
    updates: Vec<TaskStatus>,
    inbox: &UnboundedSender<Input>,
    asked: impl FnOnce(),
) -> Result<(), String> {
    let (task_count, update_count) = (tasks.len(), updates.len());
    let updates = updates.into_iter().map(|status| Update { status }).collect();
    let in_time = timeout(ANSWER, connection.subscribe(tasks, updates, asked)).await;
    let mut events =
        in_time.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
    info!(
        "Subscribed to the agent; {task_count} tasks and {update_count} updates were unacknowledged"
    );
    // SUBSCRIBED, the first event, comes at once.
    let mut event =
        timeout(ANSWER, next(&mut events)).await.map_err(|_| "no event".to_owned())??;
    while let Some(known) = event {
        if let Some(input) = input(known) {
            inbox.send(input).ok();
        }
        event = next(&mut events).await?;
    }
    Err("it closed the connection".to_owned())
}

async fn next(events: &mut ExecutorEvents) -> Result<Option<Event>, String> {
    events.next().await.transpose().map_err(|error: ConnectionError| error.to_string())
}

/// The event as an input of the core; none if the core has no use for it.
fn input(event: Event) -> Option<Input> {
    match event.r#type() {
        event::Type::Subscribed => {
            let framework =
                event.subscribed.map(|subscribed| subscribed.framework_info).unwrap_or_default();
            Some(Input::Subscribed { killing_state: wants_killing_state(&framework) })
        }
        event::Type::Launch => {
            let task = event.launch?.task;
            info!(task_id = task.task_id.value, "Received a task");
            Some(Input::Launch(Box::new(task)))
        }
        event::Type::LaunchGroup => Some(Input::LaunchGroup(event.launch_group?.task_group.tasks)),
        event::Type::Kill => {
            let event::Kill { task_id, kill_policy } = event.kill?;
            let grace = grace(kill_policy.as_ref());
            info!(task_id = task_id.value, ?grace, "Received a kill");
            Some(Input::Kill { task_id: task_id.value, grace })
        }
        event::Type::Acknowledged => {
            let event::Acknowledged { task_id, uuid } = event.acknowledged?;
            debug!(task_id = task_id.value, "The agent acknowledged an update");
            Some(Input::Acknowledged { task_id: task_id.value, uuid: uuid.to_vec() })
        }
        event::Type::Shutdown => Some(Input::Shutdown("shut down by the agent")),
        event::Type::Error => {
            warn!("Error from the agent: {}", event.error?.message);
            Some(Input::Shutdown("the agent reported an error"))
        }
        event::Type::Message | event::Type::Heartbeat | event::Type::Unknown => None,
    }
}

fn wants_killing_state(framework: &FrameworkInfo) -> bool {
    framework
        .capabilities
        .iter()
        .any(|capability| capability.r#type() == capability::Type::TaskKillingState)
}

/// A negative grace counts as zero.
fn grace(policy: Option<&KillPolicy>) -> Option<Duration> {
    let grace = policy?.grace_period.as_ref()?;
    Some(Duration::from_nanos(grace.nanoseconds.try_into().unwrap_or(0)))
}

/// Sends updates one at a time in the order of the queue. Dropping it drops updates that are not
/// sent yet.
pub(super) struct Sender {
    queue: UnboundedSender<TaskStatus>,
    task: AbortOnDropHandle<()>,
}

impl Sender {
    pub(super) fn start(
        connection: Arc<ExecutorConnection>,
        inbox: UnboundedSender<Input>,
    ) -> Self {
        let (queue, statuses) = unbounded_channel();
        let task = AbortOnDropHandle::new(tokio::spawn(send_all(connection, statuses, inbox)));
        Self { queue, task }
    }

    pub(super) fn send(&self, status: TaskStatus) {
        self.queue.send(status).ok();
    }

    /// Returns once everything in the queue is sent.
    pub(super) async fn flush(self) {
        drop(self.queue);
        self.task.await.ok();
    }
}

async fn send_all(
    connection: Arc<ExecutorConnection>,
    mut statuses: UnboundedReceiver<TaskStatus>,
    inbox: UnboundedSender<Input>,
) {
    // An error here shows again with the first update.
    timeout(ANSWER, connection.prepare()).await.ok();
    while let Some(status) = statuses.recv().await {
        let state =
            TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown).as_str_name();
        debug!(task_id = status.task_id.value, "Sending {state}");
        let problem = match timeout(ANSWER, connection.update(status)).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        warn!("The agent did not accept {state}: {problem}; retrying");
        inbox.send(Input::SendFailed).ok();
    }
}
