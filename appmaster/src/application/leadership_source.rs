//! How this application master gets to act for the cluster.

use std::path::PathBuf;

use flink::config::Source;
use scheduler::{
    core::state::State,
    election::{Candidate, Leadership},
    store::{FileStore, Store, fresh_state},
};
use serde_json::json;

use super::parts::PORTS;
use crate::{address, console::Console, failure::Failure, plan::Plan, settings::StateLocation};

/// How this application master gets to act for the cluster.
pub(super) enum LeadershipSource {
    /// At once: there is no other.
    Alone,
    /// At once: the lock on this folder keeps others out. Holds store and state once
    /// [`LeadershipSource::look`] has opened them.
    Folder(PathBuf, Option<Box<(FileStore, State)>>),
    /// By election.
    Election(Candidate),
}

impl LeadershipSource {
    pub(super) fn of(state: &StateLocation) -> Self {
        match state {
            StateLocation::Memory => Self::Alone,
            StateLocation::Directory(directory) => Self::Folder(directory.clone(), None),
            StateLocation::ZooKeeper(zookeeper) => {
                Self::Election(Candidate::new(zookeeper.clone()))
            }
        }
    }

    /// The cluster's state before we act. Without an election, a folder can be opened early.
    pub(super) async fn look(&mut self) -> Result<Option<&State>, Failure> {
        let Self::Folder(directory, found) = self else { return Ok(None) };
        if found.is_none() {
            let opened = FileStore::open(directory).await.map_err(Failure::from)?;
            *found = Some(Box::new(opened));
        }
        Ok(found.as_ref().map(|found| &found.1))
    }

    /// Waits until we may act; without an election, that is at once.
    pub(super) async fn acquire(&mut self, console: &Console) -> Result<Leadership, Failure> {
        match self {
            Self::Alone => Ok(Leadership::undisputed(Store::Memory, fresh_state())),
            Self::Folder(directory, found) => {
                let (store, state) = match found.take() {
                    Some(found) => *found,
                    None => FileStore::open(directory).await.map_err(Failure::from)?,
                };
                Ok(Leadership::undisputed(Store::File(Box::new(store)), state))
            }
            Self::Election(candidate) => {
                let lead = candidate.lead(|text| console.report("standby", text, json!({})));
                lead.await.map_err(Failure::from)
            }
        }
    }
}

/// If any port will do for the JobManager, chooses the port at which the earlier TaskManagers look
/// for it.
pub(super) async fn take_port_again(plan: &mut Plan, before: &State, console: &Console) {
    let known = before
        .workers
        .values()
        .filter(|worker| !worker.released)
        .find_map(|worker| worker.origin.as_ref());
    let number =
        known.and_then(|origin| origin.job_manager.rsplit_once(':')?.1.parse::<u16>().ok());
    let Some(number) = number.filter(|_| plan.ports.is_any_rpc()) else { return };
    if address::becomes_free(number, PORTS).await {
        let reason = Source::Computed("the port at which the earlier TaskManagers look for it");
        plan.ports.take_rpc(&mut plan.config, number, reason);
    } else {
        let text = format!(
            "Port {number}, where the TaskManagers look for the JobManager, is in use: replacing the TaskManagers."
        );
        console.report("port-taken", &text, json!({ "port": number }));
    }
}
