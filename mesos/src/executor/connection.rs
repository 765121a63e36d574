//! The connection to the agent: one for the events, one for the calls.

use std::{fmt, future::poll_fn, pin::pin, str::FromStr, task::Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message;
use tokio::{sync::Mutex, task::yield_now};

use super::ExecutorEnvironment;
use crate::{
    master::{HostPort, ParseMasterError},
    tls::{self, TlsError},
    transport::{Connection, RecordStream, StreamError, Target, TransportError, read_reason},
    v1::{
        ExecutorId, FrameworkId, TaskInfo, TaskStatus,
        executor::{Call, Event, call, event},
    },
};

/// The largest event, in bytes: a LAUNCH with everything that a task's description may hold.
const MAX_EVENT: usize = 64 * 1024 * 1024;

/// Why the agent cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The agent's address is none.
    #[error("agent endpoint: {0}")]
    Endpoint(#[from] ParseMasterError),
    /// No TLS configuration.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token is no text that HTTP can carry.
    #[error("the agent's authentication token has characters that no HTTP header may have")]
    Token,
    /// No connection, or it broke before the answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The agent does not take the call.
    #[error("agent refused {call} with {status}: {reason}")]
    Refused {
        /// The call's type.
        call: &'static str,
        /// The HTTP status.
        status: u16,
        /// The agent's reason.
        reason: String,
    },
    /// The event stream broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl ConnectionError {
    /// Whether subscribing again may help: the agent is away, restarting, or no longer knows us.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Endpoint(_) | Self::Tls(_) | Self::Token => false,
            Self::Transport(_) | Self::Stream(_) => true,
            // 403: it has forgotten our subscription. 404: it has just started and has no routes
            // yet.
            Self::Refused { status, .. } => matches!(status, 403 | 404 | 408 | 429 | 500..),
        }
    }
}

/// Speaks to the agent that started this executor.
pub struct ExecutorConnection {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    target: Target,
    path: String,
    headers: HeaderMap,
    /// The one connection for all calls but SUBSCRIBE. Callers get it in the order in which they
    /// asked.
    calls: Mutex<Option<Connection>>,
}

impl ExecutorConnection {
    /// Prepares everything and connects to nothing. With https it reads certificates from disk.
    pub fn new(environment: ExecutorEnvironment) -> Result<Self, ConnectionError> {
        let tls = match (environment.https, environment.verify_certificate) {
            (false, _) => None,
            (true, true) => Some(tls::client_config(environment.ca_file.as_deref())?),
            (true, false) => Some(tls::unverified_client_config()),
        };
        let host = HostPort::from_str(&environment.agent_endpoint)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &environment.token {
            let bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
            let mut bearer = bearer.map_err(|_| ConnectionError::Token)?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(Self {
            framework_id: environment.framework_id,
            executor_id: environment.executor_id,
            target: Target { host, tls, socket: environment.domain_socket },
            path: format!("{}/api/v1/executor", environment.path_prefix),
            headers,
            calls: Mutex::new(None),
        })
    }

    /// Subscribes, the first time or again, and sends the agent what it may not know: tasks of
    /// which no update has been acknowledged, and updates that have not. `asked` is called once the
    /// agent has the request: for what can be done before the answer.
    pub async fn subscribe(
        &self,
        unacknowledged_tasks: Vec<TaskInfo>,
        unacknowledged_updates: Vec<call::Update>,
        asked: impl FnOnce(),
    ) -> Result<ExecutorEvents, ConnectionError> {
        let subscribe = call::Subscribe { unacknowledged_tasks, unacknowledged_updates };
        let call = Call { subscribe: Some(subscribe), ..self.of_type(call::Type::Subscribe) };
        let mut connection = Connection::open(&self.target).await?;
        let answer = {
            let mut posted = pin!(connection.post(
                &self.path,
                self.headers.clone(),
                call.encode_to_vec().into()
            ));
            // The first look hands it to the connection's own task, which sends it at its turn.
            let early = poll_fn(|context| match posted.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => Poll::Ready(None),
            });
            let early = early.await;
            yield_now().await;
            asked();
            match early {
                Some(answer) => answer?,
                None => posted.await?,
            }
        };
        if answer.status() == StatusCode::OK {
            return Ok(ExecutorEvents {
                records: connection.into_records(answer.into_body(), MAX_EVENT),
            });
        }
        let status = answer.status().as_u16();
        let reason = read_reason(answer.into_body()).await;
        Err(ConnectionError::Refused { call: call.r#type().as_str_name(), status, reason })
    }

    /// Connects for the first call, so that it need not wait for that.
    pub async fn prepare(&self) -> Result<(), ConnectionError> {
        let mut calls = self.calls.lock().await;
        if !calls.as_ref().is_some_and(Connection::is_open) {
            *calls = Some(Connection::open(&self.target).await?);
        }
        Ok(())
    }

    /// Sends a status update. The agent forwards it and acknowledges it by an event with the same
    /// uuid.
    pub async fn update(&self, status: TaskStatus) -> Result<(), ConnectionError> {
        self.call(Call {
            update: Some(call::Update { status }),
            ..self.of_type(call::Type::Update)
        })
        .await
    }

    /// Sends bytes to the scheduler; they may get lost.
    pub async fn message(&self, data: Bytes) -> Result<(), ConnectionError> {
        self.call(Call {
            message: Some(call::Message { data }),
            ..self.of_type(call::Type::Message)
        })
        .await
    }

    /// Shows the agent (Mesos 1.10), and anything between that drops idle connections, that this
    /// one is in use.
    pub async fn heartbeat(&self) -> Result<(), ConnectionError> {
        self.call(self.of_type(call::Type::Heartbeat)).await
    }

    async fn call(&self, call: Call) -> Result<(), ConnectionError> {
        let mut calls = self.calls.lock().await;
        // Taken out: when this future is dropped half-way, no other call may get this one's answer.
        let mut connection = match calls.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => Connection::open(&self.target).await?,
        };
        let answer =
            connection.post(&self.path, self.headers.clone(), call.encode_to_vec().into()).await?;
        let result =
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().as_u16()) };
        let reason = read_reason(answer.into_body()).await;
        *calls = Some(connection);
        result.map_err(|status| ConnectionError::Refused {
            call: call.r#type().as_str_name(),
            status,
            reason,
        })
    }

    fn of_type(&self, r#type: call::Type) -> Call {
        Call {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            r#type: Some(r#type.into()),
            ..Call::default()
        }
    }
}

/// What the agent sends. Dropping it ends the subscription.
pub struct ExecutorEvents {
    records: RecordStream,
}

impl ExecutorEvents {
    /// The next event; `None` when the agent ended the stream. Heartbeats are not shown. Cancelling
    /// it loses nothing.
    ///
    /// Silence is no error: an agent announces no interval for its heartbeats, and sits on the same
    /// host, so that its end ends the stream too.
    pub async fn next(&mut self) -> Option<Result<Event, ConnectionError>> {
        loop {
            let event = match self.records.next().await? {
                Ok(record) => Event::decode(record).map_err(StreamError::from),
                Err(error) => Err(error),
            };
            match event {
                Ok(event) if event.r#type() == event::Type::Heartbeat => {}
                event => return Some(event.map_err(ConnectionError::from)),
            }
        }
    }
}

impl fmt::Debug for ExecutorConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutorConnection({}{})", self.target, self.path)
    }
}

impl fmt::Debug for ExecutorEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecutorEvents")
    }
}
