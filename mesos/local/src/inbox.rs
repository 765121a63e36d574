//! What comes to the owner: calls, and how containers fare.

use mesos::v1::{executor, scheduler};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    core::{Ending, Refusal},
    events::Events,
};

/// One message in the owner's inbox.
#[derive(Debug)]
pub(crate) enum Message {
    /// A scheduler's call; `events` where the events of a SUBSCRIBE go, `claimed` the stream id
    /// that came with it.
    Scheduler {
        call: Box<scheduler::Call>,
        claimed: Option<String>,
        stream: Uuid,
        events: Option<Events>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// An executor's call to the agent with that index.
    Executor {
        agent: usize,
        call: Box<executor::Call>,
        stream: Uuid,
        events: Option<Events>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A subscriber went away, or its stream has been sent to the end.
    StreamClosed(Uuid),
    /// A container's process runs.
    Started { container: Uuid, pid: u32 },
    /// A container is gone.
    Ended { container: Uuid, ending: Ending },
    /// End all, and say when all has ended.
    Shutdown(oneshot::Sender<()>),
}
