//! How we come to act for the cluster.

use std::path::PathBuf;

use overlays::config::{Configuration, Source};
use serde_json::json;

use super::parts::PORTS;
use crate::{
    address::{self, RPC_BIND_PORT, RPC_PORT},
    console::Console,
    core::message::State,
    election::{Candidate, Leadership},
    failure::Failure,
    settings::{StateLocation, port},
    store::{FileStore, Store, StoreError, fresh_state},
};

/// How we come to act for the cluster.
pub(super) enum Right {
    /// There is nobody else.
    Alone,
    /// Nobody else works with this folder. Once it was looked at, it is ours.
    Folder(PathBuf, Option<Box<(FileStore, State)>>),
    /// By election.
    Election(Candidate),
}

impl Right {
    pub(super) fn of(state: &StateLocation) -> Self {
        match state {
            StateLocation::Memory => Self::Alone,
            StateLocation::Directory(directory) => Self::Folder(directory.clone(), None),
            StateLocation::ZooKeeper(zookeeper) => Self::Election(Candidate::new(zookeeper.clone())),
        }
    }

    /// What is known of the cluster before we act: only a folder can be looked at without an election.
    pub(super) async fn look(&mut self) -> Result<Option<&State>, Failure> {
        let Self::Folder(directory, found) = self else { return Ok(None) };
        if found.is_none() {
            let opened = FileStore::open(directory).await.map_err(StoreError::into_failure)?;
            *found = Some(Box::new(opened));
        }
        Ok(found.as_ref().map(|found| &found.1))
    }

    /// Waits until we may; without an election that is at once.
    pub(super) async fn obtain(&mut self, console: &Console) -> Result<Leadership, Failure> {
        match self {
            Self::Alone => Ok(Leadership::undisputed(Store::Memory, fresh_state())),
            Self::Folder(directory, found) => {
                let (store, state) = match found.take() {
                    Some(found) => *found,
                    None => FileStore::open(directory).await.map_err(StoreError::into_failure)?,
                };
                Ok(Leadership::undisputed(Store::File(Box::new(store)), state))
            }
            Self::Election(candidate) => {
                let lead = candidate.lead(|text| console.tell("standby", text, json!({})));
                lead.await.map_err(StoreError::into_failure)
            }
        }
    }
}

/// Where the TaskManagers of before look for the JobManager there it should be again: where any port will do it is that one.
pub(super) async fn take_port_again(config: &mut Configuration, before: &State, console: &Console) {
    let any = matches!(port(config, RPC_PORT), Ok(Some(0))) && !matches!(port(config, RPC_BIND_PORT), Ok(Some(1..)));
    let known = before.workers.values().filter(|worker| !worker.released).find_map(|worker| worker.origin.as_ref());
    let number = known.and_then(|origin| origin.job_manager.rsplit_once(':')?.1.parse::<u16>().ok());
    let Some(number) = number.filter(|_| any) else { return };
    if address::becomes_free(number, PORTS).await {
        let source = Source::Computed("the port at which the earlier TaskManagers look for it");
        config.set(RPC_PORT, number.to_string(), source);
    } else {
        let text = format!(
            "Port {number}, where the TaskManagers look for the JobManager, is in use: replacing the TaskManagers."
        );
        console.tell("port-taken", &text, json!({ "port": number }));
    }
}
