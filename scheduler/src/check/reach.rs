//! Whether what is beyond this machine answers.

use std::time::Duration;

use mesos::master::{HostPort, MasterDetector, MasterUrl};
use tokio::{net::TcpStream, time::timeout};

use super::Report;

/// How long Mesos or ZooKeeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a Mesos master answers.
pub(super) async fn mesos(url: &MasterUrl, report: &mut Report) {
    match master_that_answers(url).await {
        Ok(master) => report.fact(format!("the Mesos master {master} answers")),
        Err(why) => report.error(format!("mesos.master: {url} cannot be reached: {why}")),
    }
}

/// The first of the masters that answers, or why none does.
async fn master_that_answers(url: &MasterUrl) -> Result<HostPort, String> {
    let masters = MasterDetector::start(url, false).current().await.map_err(|e| e.to_string())?;
    mesos::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
    let mut reasons = Vec::new();
    for master in masters {
        let address = format!("{}/master/health", master.url(false));
        match client.get(&address).send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return Ok(master),
            Err(e) => reasons.push(with_causes(&e)),
        }
    }
    Err(reasons.join("; "))
}

/// reqwest's errors say what went wrong only in their causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Whether a ZooKeeper server answers.
pub(super) async fn zookeeper(quorum: &str, report: &mut Report) {
    let mut reasons = Vec::new();
    for server in quorum.split(',').map(str::trim) {
        match timeout(PATIENCE, TcpStream::connect(server)).await {
            Ok(Ok(_)) => return report.fact(format!("the ZooKeeper server {server} answers")),
            Ok(Err(e)) => reasons.push(format!("{server}: {e}")),
            Err(_) => reasons.push(format!("{server}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
    let why = reasons.join("; ");
    report.error(format!("high-availability.zookeeper.quorum: no server can be reached: {why}"));
}
