//! Checks that services on other machines answer.

use std::time::Duration;

use common::causes::root_cause;
use flink::config::Configuration;
use mesos::master::{HostPort, MasterDetector, MasterUrl};

use super::Report;
use crate::{
    election::{self, TrialError, ZooKeeperOptions},
    settings::{self, FORGET_FRAMEWORK},
};

/// How long Mesos may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks that a Mesos master answers.
pub(super) async fn mesos(url: &MasterUrl, report: &mut Report) {
    match master_that_answers(url).await {
        Ok(master) => report.fact(format!("the Mesos master {master} answers")),
        Err(why) => report.error(format!("mesos.master: {url} cannot be reached: {why}")),
    }
}

/// The first of the masters that answers, or why none does.
async fn master_that_answers(url: &MasterUrl) -> Result<HostPort, String> {
    let masters = MasterDetector::start(url, false).current().await.map_err(|e| e.to_string())?;
    common::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
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

/// Checks that ZooKeeper would let us lead.
pub(super) async fn zookeeper(options: &ZooKeeperOptions, config: &Configuration, report: &mut Report) {
    match election::try_out(options).await {
        Ok(state) => {
            report.fact(format!("ZooKeeper at {} allows reading and writing {}", options.quorum, options.base));
            if let (Some(state), Ok(wanted)) = (state, settings::registration(config)) {
                report.takeover(&state, &wanted, config.get(FORGET_FRAMEWORK));
            }
        }
        Err(e @ TrialError::Unreachable(_)) => report.error(format!("high-availability.zookeeper.quorum: {e}")),
        Err(e @ TrialError::Refused(_)) => {
            let options = "high-availability.zookeeper.client.*, the login in env.java.opts.all";
            report.error(format!("{options}: {e}"));
        }
    }
}
