//! Finds all errors of an installation before anything is started, in one list: `flink-mesos config
//! check`, and the first step of every start.
//!
//! Each part is checked on its own, so that one round of corrections is enough.

mod application;
mod installation;
mod reach;
mod report;
mod secrets;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use flink::{command::Application, config::Configuration};
use mesos::master::MasterUrl;
use tokio::task::{JoinError, spawn_blocking};

pub use self::report::{Finding, Report};
use crate::{
    address::{self, PortInUse},
    plan::{Lookup, Request},
    settings::{self, StateLocation},
};

/// What is checked.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Where the configuration is, and what overrides it.
    pub request: Request,
    /// The job of an application; `None` for a session.
    pub job: Option<Application>,
    /// Contact nothing beyond this machine. A start does not either: it waits for Mesos and
    /// ZooKeeper.
    pub offline: bool,
    /// Check for the Mesos for a laptop.
    pub local: bool,
}

/// Checks everything. Fails only if the check itself breaks down.
pub async fn check(subject: Subject, lookup: Arc<Lookup>) -> Result<Report, JoinError> {
    let here = lookup.clone();
    let (mut report, subject, found) = spawn_blocking(move || {
        let mut report = Report::default();
        let found = installation::check(&subject, &*here, &mut report);
        (report, subject, found)
    })
    .await?;
    let Some(installation::Found { config, secrets }) = found else { return Ok(report) };
    let Subject { offline, local, .. } = subject;
    let master = settings::master(&config)
        .ok()
        .filter(|_| !local)
        .or_else(|| MASTER_HERE.parse().ok().filter(|_| local));
    let in_use = match settings::state_location(&config) {
        _ if local => PortInUse::TakeAnother,
        Ok(StateLocation::Memory) | Err(_) => PortInUse::Refuse,
        // An earlier application master may still be running.
        Ok(_) => PortInUse::Later,
    };
    let found = address::problems(&config, master.as_ref(), &*lookup, in_use).await;
    for problem in found.problems {
        report.setting(&problem, &config);
    }
    for warning in found.warnings {
        report.warning(warning);
    }
    certificates(&config, master.as_ref(), &lookup, &mut report).await?;
    if let Some(master) = &master {
        secrets::check(&secrets, &config, master, &*lookup, &mut report).await;
    }
    if local {
        return Ok(report);
    }
    let mut stored = stored::in_folder(&config, &mut report).await?;
    let mut answering = None;
    if !offline {
        if let Some(master) = &master {
            answering = reach::mesos(master, &mut report).await.then_some(master);
        }
        if let Ok(StateLocation::ZooKeeper(zookeeper)) = settings::state_location(&config) {
            stored = reach::zookeeper(&zookeeper, &mut report).await;
        }
    }
    if let Some(state) = stored {
        stored::framework(&state, &config, answering, &mut report).await;
    }
    Ok(report)
}

/// The address of the Mesos for a laptop; its port does not matter.
const MASTER_HERE: &str = "127.0.0.1";

/// Whether workers would trust the servers that speak TLS.
async fn certificates(
    config: &Configuration,
    master: Option<&MasterUrl>,
    lookup: &Arc<Lookup>,
    report: &mut Report,
) -> Result<(), JoinError> {
    let (Some(master), Ok(tls), Ok(server)) =
        (master, settings::tls(config), settings::artifact_server(config))
    else {
        return Ok(());
    };
    // Why it is unknown was reported already.
    let Ok(host) = address::host(config, master, &**lookup).await else { return Ok(()) };
    let artifacts_host = server.host(&host).to_owned();
    let control = settings::control(config).ok();
    let control_host = control.as_ref().map_or(&*host, |control| control.host(&host)).to_owned();
    if let Some(warning) = control.and_then(|control| settings::open_control(&control, &tls)) {
        report.warning(warning);
    }
    let endpoints = [
        ("the JobManager's REST API", tls.rest, host),
        ("the artifact server", tls.artifacts, artifacts_host),
        ("the control API", tls.control, control_host),
    ];
    for (name, endpoint, host) in endpoints {
        let Some(endpoint) = endpoint else { continue };
        let (read, host) = spawn_blocking(move || (endpoint.trusted(&host), host)).await?;
        match read {
            Ok(_) => report.fact(format!("{name} speaks TLS as {host}")),
            Err(problem) => report.setting(&problem, config),
        }
    }
    Ok(())
}
