//! One subscription as calls need to know it.

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::watch;

use crate::{transport::Target, v1::FrameworkId};

/// A subscription that holds, or held.
pub(super) struct Session {
    /// The master that answered.
    pub(super) target: Target,
    /// Proof to that master that a call comes from the holder of the subscription.
    pub(super) stream_id: HeaderValue,
    pub(super) framework_id: FrameworkId,
    /// A TEARDOWN has been sent and not been answered. The master ends the stream before it
    /// answers.
    teardown: watch::Sender<bool>,
    /// A call got lost: master and framework may disagree about offers forever.
    lost_call: watch::Sender<bool>,
}

impl Session {
    pub(super) fn new(target: Target, stream_id: HeaderValue, framework_id: FrameworkId) -> Self {
        Self {
            target,
            stream_id,
            framework_id,
            teardown: watch::Sender::new(false),
            lost_call: watch::Sender::new(false),
        }
    }

    pub(super) fn set_teardown(&self, under_way: bool) {
        self.teardown.send_replace(under_way);
    }

    pub(super) fn lose_call(&self) {
        self.lost_call.send_replace(true);
    }

    /// Waits until a call is lost.
    pub(super) async fn call_lost(&self) {
        // Its sender is part of this session, so it cannot fail.
        drop(self.lost_call.subscribe().wait_for(|lost| *lost).await.map(drop));
    }

    /// Waits while a TEARDOWN is under way.
    pub(super) async fn no_teardown(&self) {
        // Its sender is part of this session, so it cannot fail.
        drop(self.teardown.subscribe().wait_for(|under_way| !under_way).await.map(drop));
    }
}

/// The subscription that holds now, if any.
#[derive(Clone)]
pub(super) struct CurrentSession(watch::Receiver<Option<Arc<Session>>>);

/// Where the subscriber publishes the subscription that holds.
pub(super) type SessionSender = watch::Sender<Option<Arc<Session>>>;

impl CurrentSession {
    pub(super) fn channel() -> (SessionSender, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    pub(super) fn get(&self) -> Option<Arc<Session>> {
        self.0.borrow().clone()
    }

    /// Whether it is this very subscription that holds now.
    pub(super) fn is(&self, session: &Arc<Session>) -> bool {
        self.0.borrow().as_ref().is_some_and(|current| Arc::ptr_eq(current, session))
    }

    /// Waits until it is not this subscription that holds.
    pub(super) async fn ended(&self, session: &Arc<Session>) {
        let other = |current: &Option<Arc<Session>>| {
            !current.as_ref().is_some_and(|now| Arc::ptr_eq(now, session))
        };
        // An error means that the subscriber is gone, and the subscription with it.
        drop(self.0.clone().wait_for(other).await.map(drop));
    }
}
