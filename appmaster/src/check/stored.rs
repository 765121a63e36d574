//! Checks whether the stored cluster can be taken over, if there is one.

use flink::{
    config::Configuration,
    options::mesos::{STATE_DIR, STATE_FORGET_FRAMEWORK},
};
use mesos::{master::MasterUrl, scheduler::SchedulerOptions};
use scheduler::{
    core::state::State,
    store::FileStore,
    takeover::{self, AtMaster, Difference},
};
use tokio::task::{JoinError, spawn_blocking};

use super::Report;
use crate::settings::{self, StateLocation};

/// The state in a folder of this machine.
pub(super) async fn in_folder(
    config: &Configuration,
    report: &mut Report,
) -> Result<Option<State>, JoinError> {
    let Ok(StateLocation::Directory(folder)) = settings::state_location(config) else {
        return Ok(None);
    };
    match spawn_blocking(move || FileStore::look(&folder)).await? {
        Ok(found) => return Ok(found),
        Err(error) => report.error(format!("{STATE_DIR}: {error}")),
    }
    Ok(None)
}

/// Compares the stored framework with the options; with a master, also the framework that it knows.
pub(super) async fn framework(
    state: &State,
    config: &Configuration,
    master: Option<&MasterUrl>,
    report: &mut Report,
) {
    let Ok(wanted) = settings::registration(config) else { return };
    let forgotten = config.get(&STATE_FORGET_FRAMEWORK);
    let mut found = takeover::differences(state, &wanted, forgotten);
    if let (Some(master), Ok(credential)) = (master, settings::credential(config)) {
        let options = SchedulerOptions { credential, ..SchedulerOptions::new(master.clone()) };
        if let Some(at_master) = AtMaster::ask(&options, state, forgotten).await {
            found.extend(at_master.differences(state, &wanted));
            found.extend(at_master.loss());
            if let Some(fact) = at_master.fact() {
                report.fact(fact);
            }
        }
    }
    for difference in found {
        match difference {
            Difference::Refused(text) => report.error(text),
            Difference::Ignored(text) => report.warning(text),
        }
    }
}
