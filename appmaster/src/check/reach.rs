//! Checks that services on other machines answer, and what they know of the stored cluster.

use std::time::Duration;

use common::causes::root_cause;
use flink::options::{
    flink::{ENV_JAVA_OPTS_ALL, HIGH_AVAILABILITY_ZOOKEEPER_QUORUM},
    mesos::MASTER,
};
use mesos::{
    master::{HostPort, MasterDetector, MasterUrl},
    scheduler::SchedulerOptions,
};
use scheduler::{
    core::state::State,
    election::{self, TrialError, ZooKeeperOptions},
    takeover::AtMaster,
};

use crate::{
    plan::{Found, compare, note},
    report::Report,
    settings::{FrameworkSettings, StateLocation},
};

/// How long Mesos may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks Mesos and ZooKeeper.
pub(super) async fn services(found: Box<Found>, report: &mut Report) {
    let Found { settings, master, mut stored, .. } = *found;
    let answering = match master {
        Some(master) => mesos(&master, report).await.then_some(master),
        None => None,
    };
    if let Some(StateLocation::ZooKeeper(options)) = &settings.state {
        stored = zookeeper(options, report).await;
        if let Some(state) = &stored {
            compare(state, settings.framework.as_ref(), report);
        }
    }
    if let (Some(state), Some(framework), Some(master)) = (stored, settings.framework, answering) {
        framework_at(master, &state, framework, report).await;
    }
}

/// Compares the stored framework with the one that the master knows.
async fn framework_at(
    master: MasterUrl,
    state: &State,
    framework: FrameworkSettings,
    report: &mut Report,
) {
    let wanted = framework.registration();
    let FrameworkSettings { credential, forgotten, .. } = framework;
    let options = SchedulerOptions { credential, ..SchedulerOptions::new(master) };
    let Some(at_master) = AtMaster::ask(&options, state, forgotten.as_deref()).await else {
        return;
    };
    note(at_master.differences(state, &wanted).into_iter().chain(at_master.loss()), report);
    if let Some(fact) = at_master.fact() {
        report.fact(fact);
    }
}

/// Checks that a Mesos master answers, and returns whether one does.
async fn mesos(url: &MasterUrl, report: &mut Report) -> bool {
    match master_that_answers(url).await {
        Ok(master) => {
            report.fact(format!("the Mesos master {master} answers"));
            true
        }
        Err(why) => {
            report.error(format!("{MASTER}: {url} cannot be reached: {why}"));
            false
        }
    }
}

/// The first of the masters that answers, or why none does.
pub(crate) async fn master_that_answers(url: &MasterUrl) -> Result<HostPort, String> {
    let masters = MasterDetector::start(url, false).current().await.map_err(|e| e.to_string())?;
    common::tls::install_provider();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|e| e.to_string())?;
    let mut reasons = Vec::new();
    for master in masters {
        let address = format!("{}/master/health", master.url(false));
        match client.get(&address).send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return Ok(master),
            Err(e) => reasons.push(format!("{master}: {}", root_cause(&e))),
        }
    }
    Err(reasons.join("; "))
}

/// Checks that ZooKeeper would let us lead. Returns the stored state.
pub(crate) async fn zookeeper(options: &ZooKeeperOptions, report: &mut Report) -> Option<State> {
    match election::try_out(options).await {
        Ok(state) => {
            report.fact(format!(
                "ZooKeeper at {} allows reading and writing {}",
                options.quorum, options.base
            ));
            return state;
        }
        Err(e @ TrialError::Unreachable(_)) => {
            report.error(format!("{HIGH_AVAILABILITY_ZOOKEEPER_QUORUM}: {e}"));
        }
        Err(e @ TrialError::Refused(_)) => {
            report.error(format!(
                "high-availability.zookeeper.client.*, the login in {ENV_JAVA_OPTS_ALL}: {e}"
            ));
        }
    }
    None
}
