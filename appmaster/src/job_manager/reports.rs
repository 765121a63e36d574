//! What a running JobManager says about its TaskManagers and jobs, again and again.

use std::{collections::BTreeSet, time::Duration};

use tokio::{sync::mpsc, time::sleep};

use super::{FAST_POLL, JobManagerEvent, send};
use crate::{demand::poller::Poller, flink_rest::FlinkRest};

const SLOW_POLL: Duration = Duration::from_secs(2);

/// Reports the listed TaskManagers when they change; polls often while they do, and rarely
/// otherwise.
pub(super) async fn list_task_managers(rest: &FlinkRest, events: &mpsc::Sender<JobManagerEvent>) {
    let mut last = BTreeSet::new();
    let mut quiet = 0;
    loop {
        if let Ok(listed) = rest.task_managers().await
            && listed != last
        {
            last.clone_from(&listed);
            quiet = 0;
            send(events, JobManagerEvent::TaskManagers(listed)).await;
        }
        quiet += 1;
        sleep(if quiet < 100 { FAST_POLL } else { SLOW_POLL }).await;
    }
}

/// Reports what jobs need, again and again.
pub(super) async fn observe_demand(
    rest: &FlinkRest,
    adaptive: bool,
    events: &mpsc::Sender<JobManagerEvent>,
) {
    let mut poller = Poller::new(rest.clone(), adaptive);
    loop {
        let seen = poller.next().await;
        send(events, JobManagerEvent::Demand(seen)).await;
    }
}
