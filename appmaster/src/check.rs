//! `flink-mesos config check`: everything that a start checks, and whether Mesos and ZooKeeper
//! answer. A start does not need that: it waits for them.

pub(crate) mod reach;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::task::JoinError;

use crate::{
    environment::Lookup,
    plan::{Inspection, Request},
    report::Report,
};

/// Checks everything, `offline` only what needs nothing beyond this machine. Fails only if the
/// check itself breaks down.
pub async fn check(
    request: Request,
    offline: bool,
    lookup: Arc<Lookup>,
) -> Result<Report, JoinError> {
    let Inspection { mut report, found } = Inspection::of(request, lookup).await?;
    if let Some(found) = found.filter(|found| !offline && !found.is_local) {
        reach::services(found, &mut report).await;
    }
    Ok(report)
}
