//! A JobManager that somebody else runs: it is found, followed, and never started or stopped.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use flink::options::flink::{
    JOBMANAGER_SCHEDULER, RESOURCEMANAGER_STANDALONE_START_UP_TIME as START_UP_TIME,
};
use scheduler::election;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{JobManagerEvent, leader, list_task_managers, observe_demand, send};
use crate::{
    flink_rest::FlinkRest,
    settings::{External, LeaderNode},
};

/// How often it is asked whether it is there.
const POLL: Duration = Duration::from_millis(500);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// It is gone if it has not answered for this long. A pause of its garbage collector is shorter.
const GONE: Duration = Duration::from_secs(3);

/// A JobManager that somebody else runs.
#[derive(Debug)]
pub struct ExternalJobManager {
    /// Where it is.
    pub place: External,
    /// The authorities of its REST API, in PEM.
    pub trusted: Option<String>,
    /// The version of Flink that TaskManagers run.
    pub flink: String,
}

impl ExternalJobManager {
    /// Follows it until `stop` is cancelled.
    pub async fn follow(self, events: mpsc::Sender<JobManagerEvent>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            never = self.follow_forever(&events) => match never {},
        }
    }

    async fn follow_forever(&self, events: &mpsc::Sender<JobManagerEvent>) -> Infallible {
        let mut given = Vec::new();
        loop {
            let rest = self.reach(events).await;
            send(events, JobManagerEvent::Found(rest.clone())).await;
            let config = rest.configuration().await.unwrap_or_default();
            let version = rest.version().await.ok();
            for advice in advice(&config, version.as_deref(), &self.flink) {
                if !given.contains(&advice) {
                    given.push(advice.clone());
                    send(events, JobManagerEvent::Advice(advice)).await;
                }
            }
            send(events, JobManagerEvent::Ready).await;
            let why = tokio::select! {
                why = gone(&rest) => why,
                () = list_task_managers(&rest, events) => continue,
                () = observe_demand(&rest, is_adaptive(&config), events) => continue,
            };
            send(events, JobManagerEvent::Unreachable(format!("{}: {why}", rest.address()))).await;
        }
    }

    /// Waits until it answers. Reports once for each reason why it does not.
    async fn reach(&self, events: &mpsc::Sender<JobManagerEvent>) -> FlinkRest {
        let mut last = None;
        loop {
            let why = match self.look().await {
                Ok(rest) => return rest,
                Err(why) => why,
            };
            if last.as_ref() != Some(&why) {
                send(events, JobManagerEvent::Unreachable(why.clone())).await;
                last = Some(why);
            }
            sleep(POLL).await;
        }
    }

    /// A client of it, if it answers.
    async fn look(&self) -> Result<FlinkRest, String> {
        let address = match &self.place {
            External::At(address) => address.clone(),
            External::Elected(node) => elected(node).await?,
        };
        let rest = FlinkRest::new(address, String::new(), self.trusted.as_deref());
        let rest = rest.map_err(|error| error.to_string())?;
        let tried = answer(&rest).await;
        tried.map(|()| rest.clone()).map_err(|why| format!("{}: {why}", rest.address()))
    }
}

/// The address that the leading JobManager announces.
async fn elected(LeaderNode { options, path }: &LeaderNode) -> Result<String, String> {
    let node = election::read_node(options, path).await.map_err(|error| error.to_string())?;
    let none =
        || format!("no JobManager leads, as {path} in ZooKeeper at {} shows", options.quorum);
    node.as_deref().and_then(leader::address).ok_or_else(none)
}

async fn answer(rest: &FlinkRest) -> Result<(), String> {
    match timeout(PATIENCE, rest.answers()).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Waits until it no longer answers, and returns why.
async fn gone(rest: &FlinkRest) -> String {
    let mut answered = Instant::now();
    loop {
        sleep(POLL).await;
        match answer(rest).await {
            Ok(()) => answered = Instant::now(),
            Err(why) if answered.elapsed() >= GONE => return why,
            Err(_) => {}
        }
    }
}

/// Whether its adaptive scheduler runs streaming jobs.
fn is_adaptive(config: &BTreeMap<String, String>) -> bool {
    let scheduler = config.get(JOBMANAGER_SCHEDULER.key());
    scheduler.is_some_and(|name| name.eq_ignore_ascii_case("adaptive"))
}

/// What its operator should know of a JobManager with this configuration and version, for
/// TaskManagers of `flink`.
fn advice(config: &BTreeMap<String, String>, version: Option<&str>, flink: &str) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(version) = version.filter(|version| *version != flink) {
        advice.push(format!(
            "the JobManager runs Flink {version}, and TaskManagers run Flink {flink}: both must be the same; set FLINK_HOME to \
             a distribution of Flink {version}"
        ));
    }
    let start_up = config.get(START_UP_TIME.key()).map(|time| time.trim());
    let number = start_up.and_then(|time| time.split(|c: char| !c.is_ascii_digit()).next());
    if number != Some("0") {
        advice.push(format!(
            "the JobManager fails jobs at once that lack slots, while their TaskManagers start: set {START_UP_TIME}: 0 in its \
             configuration"
        ));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &[(&str, &str)]) -> BTreeMap<String, String> {
        options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_operator_learns_which_options_of_an_external_job_manager_do_not_fit() {
        for zero in ["0", "0 s", "0 ms"] {
            let fits = config(&[(START_UP_TIME.key(), zero)]);
            assert_eq!(advice(&fits, Some("1.20.5"), "1.20.5"), [""; 0], "{zero}");
            assert_eq!(advice(&fits, None, "1.20.5"), [""; 0]);
        }
        for options in [&[][..], &[(START_UP_TIME.key(), "5 min")], &[(START_UP_TIME.key(), "-1")]]
        {
            let [one] = &advice(&config(options), Some("1.20.5"), "1.20.5")[..] else {
                panic!("{options:?}")
            };
            assert!(one.contains("set resourcemanager.standalone.start-up-time: 0"), "{one}");
        }
        let [version, _] = &advice(&config(&[]), Some("1.18.1"), "1.20.5")[..] else { panic!() };
        assert!(version.starts_with("the JobManager runs Flink 1.18.1"), "{version}");
    }

    #[test]
    fn its_own_configuration_says_which_scheduler_it_has() {
        assert!(is_adaptive(&config(&[("jobmanager.scheduler", "Adaptive")])));
        assert!(!is_adaptive(&config(&[("jobmanager.scheduler", "Default")])));
        assert!(!is_adaptive(&config(&[])));
    }
}
