//! Completes the end of a cluster that another application master has begun.

use std::time::Duration;

use mesos::{
    scheduler::{
        SchedulerConnection, SchedulerEvent, SchedulerOptions, calls, is_framework_removed,
    },
    v1,
};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    core::state::{Change, State},
    election::Leadership,
    store,
};

/// How long Mesos may take to remove the framework.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tears down the framework with all its tasks, unless that has happened, and deletes both from the
/// state.
pub async fn finish(
    leadership: Leadership,
    options: SchedulerOptions,
    framework: v1::FrameworkInfo,
) {
    let Leadership { store, state, .. } = leadership;
    let State { framework: id, workers, .. } = state;
    if let Some(value) = id {
        let framework = v1::FrameworkInfo { id: Some(v1::FrameworkId { value }), ..framework };
        if timeout(PATIENCE, tear_down(options, framework)).await != Ok(true) {
            warn!("Cannot remove the framework from Mesos");
            return;
        }
    }
    let mut changes = vec![Change::Framework(None)];
    changes.extend(workers.into_keys().map(Change::Forget));
    if timeout(PATIENCE, store::write(store, changes)).await.is_err() {
        warn!("Cannot persist the last changes of the state");
    }
}

/// Whether the master no longer knows the framework.
async fn tear_down(options: SchedulerOptions, framework: v1::FrameworkInfo) -> bool {
    let Ok((mesos, mut events)) = SchedulerConnection::open(options, framework, Vec::new()).await
    else {
        return false;
    };
    while let Some(event) = events.recv().await {
        match event {
            SchedulerEvent::Subscribed { .. } => {
                return mesos.call(calls::teardown()).await.is_ok();
            }
            SchedulerEvent::Rejected { reason } => return is_framework_removed(&reason),
            _ => {}
        }
    }
    false
}
