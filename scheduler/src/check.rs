//! `flink-mesos config check`: everything that is wrong with an installation, in one list, before anything is started.
//!
//! A start stops at the first error. Here each part is looked at on its own, so that one round of mending is enough.

mod application;
mod installation;
mod reach;
mod report;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use mesos::master::MasterUrl;
use overlays::{command::Application, config::Configuration};
use tokio::task::{JoinError, spawn_blocking};

pub use self::report::{Finding, Report};
use crate::{
    address,
    plan::{Lookup, Request},
    settings::{self, StateLocation},
};

/// What is to be checked.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Where the configuration is, and what goes before it.
    pub request: Request,
    /// The job, for an application; a session without one.
    pub job: Option<Application>,
    /// Nothing beyond this machine is asked.
    pub offline: bool,
}

/// Checks everything. Fails only when the check itself breaks down.
pub async fn check(subject: Subject, lookup: Arc<Lookup>) -> Result<Report, JoinError> {
    let Subject { request, job, offline } = subject;
    let here = lookup.clone();
    let (mut report, config) = spawn_blocking(move || {
        let mut report = Report::default();
        let config = installation::check(&request, job.as_ref(), &*here, &mut report);
        (report, config)
    })
    .await?;
    let Some(config) = config else { return Ok(report) };
    let master = settings::master(&config).ok();
    let (problems, warnings) = address::problems(&config, master.as_ref(), &*lookup).await;
    for problem in problems {
        report.setting(&problem, &config);
    }
    for warning in warnings {
        report.warning(warning);
    }
    certificates(&config, master.as_ref(), &lookup, &mut report).await?;
    if !offline {
        if let Some(master) = &master {
            reach::mesos(master, &mut report).await;
        }
        if let Ok(StateLocation::ZooKeeper(zookeeper)) = settings::state_location(&config) {
            reach::zookeeper(&zookeeper, &mut report).await;
        }
    }
    Ok(report)
}

/// Whether workers would believe the servers that speak TLS.
async fn certificates(
    config: &Configuration,
    master: Option<&MasterUrl>,
    lookup: &Arc<Lookup>,
    report: &mut Report,
) -> Result<(), JoinError> {
    let (Some(master), Ok(tls), Ok(server)) = (master, settings::tls(config), settings::artifact_server(config)) else {
        return Ok(());
    };
    // What keeps it from being known has been told.
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
