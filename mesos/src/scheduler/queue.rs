//! Calls in the order in which they were made, over one connection.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use prost::Message;
use tokio::sync::{mpsc, oneshot};

use super::session::{CurrentSession, Session};
use crate::{
    transport::{Connection, TransportError, read_reason},
    v1::scheduler::{Call, call},
};

/// The path of the scheduler API at a master.
pub(super) const PATH: &str = "/api/v1/scheduler";
/// The header that ties calls to a subscription.
pub(super) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Why a call did not reach the master, or was refused. It is not made again.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There was no subscription when the call was made, or it ended before the call was answered.
    #[error("not subscribed")]
    NotSubscribed,
    /// The connection has ended for good.
    #[error("connection closed")]
    Closed,
    /// It is unknown whether the call arrived.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The master does not take it.
    #[error("call refused with {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The master's message.
        reason: String,
    },
}

/// What waits in the queue.
pub(super) enum Queued {
    /// A call of that subscription, and who waits for its result.
    Call {
        call: Box<Call>,
        session: Arc<Session>,
        done: Option<oneshot::Sender<Result<(), CallError>>>,
    },
    /// The end.
    Close,
}

/// Takes calls out of the queue and makes them.
pub(super) struct CallQueue {
    queued: mpsc::UnboundedReceiver<Queued>,
    current: CurrentSession,
    authorization: Option<HeaderValue>,
    /// The connection that calls of this subscription use.
    open: Option<(Arc<Session>, Connection)>,
}

impl CallQueue {
    pub(super) fn new(
        queued: mpsc::UnboundedReceiver<Queued>,
        current: CurrentSession,
        authorization: Option<HeaderValue>,
    ) -> Self {
        Self { queued, current, authorization, open: None }
    }

    /// Returns after `Close`, after a TEARDOWN that was taken, or when nobody can make calls.
    pub(super) async fn run(mut self) {
        while let Some(Queued::Call { call, session, done }) = self.queued.recv().await {
            let r#type = call.r#type();
            let teardown = r#type == call::Type::Teardown;
            let current = self.current.clone();
            session.set_teardown(teardown);
            let result = tokio::select! {
                biased;
                result = self.make(*call, &session) => result,
                () = current.ended(&session) => Err(CallError::NotSubscribed),
            };
            if matches!(result, Err(CallError::Transport(_))) {
                session.lose_call();
            }
            let torn_down = teardown && result.is_ok();
            if !torn_down {
                session.set_teardown(false);
            }
            match (done, result) {
                // Sending fails if the caller gave up.
                (Some(done), result) => drop(done.send(result)),
                (None, Err(error)) => {
                    tracing::warn!(call = r#type.as_str_name(), %error, "Call lost");
                }
                (None, Ok(())) => {}
            }
            if torn_down {
                return;
            }
        }
    }

    async fn make(&mut self, mut call: Call, session: &Arc<Session>) -> Result<(), CallError> {
        call.framework_id = Some(session.framework_id.clone());
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(STREAM_ID, session.stream_id.clone());
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        // Out of `open` while the answer is awaited: when that is given up, nobody else may get it.
        let mut connection = self.connection(session).await?;
        let answer = connection.post(PATH, headers, call.encode_to_vec().into()).await?;
        let status = answer.status();
        let reason = read_reason(answer.into_body()).await;
        self.open = Some((Arc::clone(session), connection));
        match status {
            StatusCode::OK | StatusCode::ACCEPTED => Ok(()),
            _ => Err(CallError::Refused { status: status.as_u16(), reason }),
        }
    }

    /// Takes the open connection of this subscription, or opens one.
    async fn connection(&mut self, session: &Arc<Session>) -> Result<Connection, CallError> {
        if !self.current.is(session) {
            return Err(CallError::NotSubscribed);
        }
        match self.open.take() {
            Some((of, open)) if Arc::ptr_eq(&of, session) && open.is_open() => Ok(open),
            _ => Ok(Connection::open(&session.target).await?),
        }
    }
}
