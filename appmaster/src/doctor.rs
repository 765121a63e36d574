//! `flink-mesos doctor`: looks at everything around a cluster before there is trouble. What a start
//! checks is read by the same pass, and Mesos and ZooKeeper are asked by the same probes as
//! `config check` uses.
//!
//! The checks run side by side, each with a time limit. `judge` says what a finding means.

mod here;
mod judge;
mod masters;
mod row;

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use scheduler::election::{ZooKeeperOptions, servers};
use tokio::{task::spawn_blocking, time::timeout};

use self::{
    masters::Agent,
    row::{Outcome, Row, count, shown},
};
use crate::{
    check::reach,
    console::OutputForm,
    environment::Lookup,
    failure::Failure,
    plan::{Found, Inspection, Request},
    report::Report,
    settings::StateLocation,
    table::Paint,
};

/// How long a check may take.
const LONGEST: Duration = Duration::from_secs(20);

/// The results as text, and whether something failed.
#[derive(Debug)]
pub struct Diagnosis {
    /// The text to print.
    pub text: String,
    /// Why the program fails, if it does.
    pub failure: Option<Failure>,
}

/// Checks everything.
///
/// # Errors
/// There is no configuration to check.
pub async fn doctor(
    request: Request,
    form: OutputForm,
    lookup: Arc<Lookup>,
) -> Result<Diagnosis, Failure> {
    let inspection = Inspection::of(request, Arc::clone(&lookup)).await.map_err(Failure::other)?;
    let Inspection { report, found } = inspection;
    let Some(found) = found else { return Err(report.failure()) };
    let found = Arc::from(found);
    let (on_this, of_mesos, of_zookeeper) = tokio::join!(
        limited("this machine", on_this_machine(Arc::clone(&found), Arc::clone(&lookup))),
        limited("mesos", mesos(&found)),
        limited("zookeeper", zookeeper(&found)),
    );
    let mut rows = configuration(&report);
    for more in [on_this, of_mesos, of_zookeeper] {
        rows.extend(more);
    }
    let failed = count(&rows, Outcome::Failed);
    let failure = (failed > 0).then(|| {
        let noun = if failed == 1 { "check" } else { "checks" };
        Failure::other(anyhow!("{failed} {noun} failed"))
    });
    Ok(Diagnosis { text: shown(&rows, form, Paint::stdout(&*lookup)), failure })
}

/// The rows, or one that says that they took too long.
async fn limited(check: &'static str, rows: impl Future<Output = Vec<Row>>) -> Vec<Row> {
    timeout(LONGEST, rows).await.unwrap_or_else(|_| {
        let finding = format!("no result within {} s", LONGEST.as_secs());
        vec![Row::failed(check, finding, "check the network between this machine and it")]
    })
}

/// What the pass over the configuration found.
fn configuration(report: &Report) -> Vec<Row> {
    const CHECK: &str = "configuration";
    let rows = report.findings.iter().map(|finding| {
        if finding.fatal {
            Row::failed(
                CHECK,
                finding.text.clone(),
                "correct it; `flink-mesos config check` repeats this",
            )
        } else {
            Row::warning(CHECK, finding.text.clone(), "change it, unless it is meant")
        }
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() { vec![Row::ok(CHECK, "no mistakes")] } else { rows }
}

async fn on_this_machine(found: Arc<Found>, lookup: Arc<Lookup>) -> Vec<Row> {
    spawn_blocking(move || here::check(&found, &*lookup)).await.unwrap_or_default()
}

/// The Mesos master, its agents, and whether these reach us.
async fn mesos(found: &Found) -> Vec<Row> {
    let Some(master) = &found.master else { return Vec::new() };
    let credential = found.settings.framework.as_ref().and_then(|it| it.credential.as_ref());
    let (mut rows, agents) = masters::check(master, credential).await;
    rows.extend(artifacts(found, &agents).await);
    rows
}

async fn artifacts(found: &Found, agents: &[Agent]) -> Option<Row> {
    let (hosts, server) = (found.hosts.as_ref()?, found.settings.artifact_server.as_ref()?);
    Some(here::advertised(server.host(&hosts.host), agents).await)
}

/// ZooKeeper, if the state is there: each server, and a session.
async fn zookeeper(found: &Found) -> Vec<Row> {
    let Some(StateLocation::ZooKeeper(options)) = &found.settings.state else { return Vec::new() };
    let (mut rows, session) = tokio::join!(each_server(options), session(options));
    rows.extend(session);
    rows
}

async fn each_server(options: &ZooKeeperOptions) -> Vec<Row> {
    let tried = servers(options).await.into_iter();
    let rows = tried.map(|(server, tried)| match tried {
        Ok(()) => Row::ok("zookeeper", format!("{server} accepts connections")),
        // The others of a quorum serve meanwhile.
        Err(why) => {
            Row::warning("zookeeper", format!("{server}: {why}"), "start this server again")
        }
    });
    rows.collect()
}

/// A session with the configured credentials.
async fn session(options: &ZooKeeperOptions) -> Vec<Row> {
    let mut report = Report::default();
    reach::zookeeper(options, &mut report).await;
    let next = "start ZooKeeper, or correct high-availability.zookeeper.*";
    let failed = report.findings.iter().map(|found| Row::failed("zookeeper", &found.text, next));
    let fine = report.facts.iter().map(|fact| Row::ok("zookeeper", fact));
    failed.chain(fine).collect()
}
