//! What the owner of a subscription holds: the way to make calls and to end it.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Credential, SchedulerError, SchedulerEvent, SchedulerOptions,
    queue::{CallError, CallQueue, Queued},
    session::CurrentSession,
    snapshot::{self, Snapshot},
    subscribe::{Access, Wishes},
    subscriber::Subscriber,
};
use crate::{
    master::MasterDetector,
    tls::{self, TlsError},
    v1::{FrameworkInfo, scheduler::Call},
};

/// Events that may wait for their reader before the stream itself has to.
const EVENT_BUFFER: usize = 256;
/// How long calls that were made before `close` may still take, all together.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes calls. Clones share one subscription and one queue; dropping the last one ends both.
#[derive(Clone)]
pub struct SchedulerHandle {
    queue: mpsc::UnboundedSender<Queued>,
    session: CurrentSession,
    authorization: Option<HeaderValue>,
    task: Arc<AbortOnDropHandle<()>>,
}

impl SchedulerHandle {
    /// Sends a call after all calls made before and waits until the master has taken it. The
    /// framework id is added.
    ///
    /// A TEARDOWN that is taken ends the connection.
    pub async fn call(&self, call: Call) -> Result<(), CallError> {
        let (done, answer) = oneshot::channel();
        self.enqueue(call, Some(done))?;
        answer.await.unwrap_or(Err(CallError::Closed))
    }

    /// Sends a call after all calls made before and does not wait. Failure is logged:
    /// reconciliation heals it.
    pub fn send(&self, call: Call) {
        let r#type = call.r#type();
        if let Err(error) = self.enqueue(call, None) {
            tracing::warn!(call = r#type.as_str_name(), %error, "Call not sent");
        }
    }

    /// What the master shows its operators, as far as it shows us. Takes five seconds at most.
    pub async fn snapshot(&self) -> Snapshot {
        match self.session.get() {
            Some(session) => snapshot::take(&session.target, self.authorization.as_ref()).await,
            None => Snapshot::default(),
        }
    }

    /// Ends the subscription, once the calls made before are sent. The framework stays registered
    /// at the master for its failover timeout; see [`calls::teardown`](super::calls::teardown) for
    /// the other end.
    pub async fn close(self) {
        if self.queue.send(Queued::Close).is_ok()
            && timeout(CLOSE_TIMEOUT, self.queue.closed()).await.is_err()
        {
            tracing::warn!("Dropping calls that were still waiting when the subscription ended");
            self.task.abort();
            self.queue.closed().await;
        }
    }

    fn enqueue(
        &self,
        call: Call,
        done: Option<oneshot::Sender<Result<(), CallError>>>,
    ) -> Result<(), CallError> {
        if self.queue.is_closed() {
            return Err(CallError::Closed);
        }
        let session = self.session.get().ok_or(CallError::NotSubscribed)?;
        let queued = Queued::Call { call: Box::new(call), session, done };
        self.queue.send(queued).map_err(|_| CallError::Closed)
    }
}

impl std::fmt::Debug for SchedulerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchedulerHandle").finish_non_exhaustive()
    }
}

/// Puts the parts together and starts their task.
pub(super) async fn open(
    options: SchedulerOptions,
    mut framework: FrameworkInfo,
    suppressed_roles: Vec<String>,
) -> Result<(SchedulerHandle, mpsc::Receiver<SchedulerEvent>), SchedulerError> {
    let access = access(&options).await?;
    if let (None, Some(credential)) = (&framework.principal, &options.credential) {
        framework.principal = Some(credential.principal.clone());
    }
    let (event_sender, events) = mpsc::channel(EVENT_BUFFER);
    let (queue, queued) = mpsc::unbounded_channel();
    let (session_sender, session) = CurrentSession::channel();
    let subscriber = Subscriber::new(
        MasterDetector::start(&options.master, options.https),
        access.clone(),
        options.backoff,
        framework,
        Wishes { suppressed_roles, offer_constraints: options.offer_constraints },
        event_sender,
        session_sender,
    );
    let subscriber = subscriber.only_where_known(options.known_agents);
    let calls = CallQueue::new(queued, session.clone(), access.authorization.clone());
    let task = tokio::spawn(async move {
        tokio::select! {
            () = subscriber.run() => {}
            () = calls.run() => {}
        }
    });
    let task = Arc::new(AbortOnDropHandle::new(task));
    Ok((SchedulerHandle { queue, session, authorization: access.authorization, task }, events))
}

/// What opens masters to us, according to these options.
pub(super) async fn access(options: &SchedulerOptions) -> Result<Access, SchedulerError> {
    let authorization = match &options.credential {
        Some(Credential { principal, .. }) if principal.contains(':') => {
            return Err(SchedulerError::Principal(principal.clone()));
        }
        Some(credential) => Some(credential.authorization()),
        None => None,
    };
    let tls = if options.https {
        let ca_file = options.ca_file.clone();
        let config =
            tokio::task::spawn_blocking(move || tls::client_config(ca_file.as_deref())).await;
        Some(config.map_err(|error| TlsError::Read(error.into()))??)
    } else {
        None
    };
    Ok(Access { tls, authorization })
}
