//! Whatever happens to the parts, with TaskManagers running, none is lost, doubled or leaked: `kill -9` of every part and of
//! every pair of parts, partitions, other leaders, operators. The parts are real but for java: `survival/java.py` says why.
//! With the real Flink it is in `high_availability`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "end_to_end/cluster.rs"]
#[allow(dead_code)]
mod cluster;
#[path = "survival/elections.rs"]
mod elections;
#[path = "survival/operators.rs"]
mod operators;
#[path = "survival/partitions.rs"]
mod partitions;
#[path = "survival/placement.rs"]
mod placement;
#[path = "survival/ports.rs"]
mod ports;
#[path = "survival/reservations.rs"]
mod reservations;
#[path = "survival/site.rs"]
#[allow(dead_code, reason = "benchmarks use the rest")]
mod site;

use std::time::Duration;

use site::{Part, Site};
use tests::{RealMesos, RealMesosOptions, RealZooKeeper, wait_until};

const PAIRS: &[&[Part]] = &[
    &[Part::Master],
    &[Part::Agent],
    &[Part::ApplicationMaster],
    &[Part::ZooKeeper],
    &[Part::Master, Part::Agent],
    &[Part::Master, Part::ApplicationMaster],
    &[Part::Master, Part::ZooKeeper],
    &[Part::Agent, Part::ApplicationMaster],
    &[Part::Agent, Part::ZooKeeper],
    &[Part::ApplicationMaster, Part::ZooKeeper],
];

#[tokio::test(flavor = "multi_thread")]
async fn no_task_manager_is_lost_doubled_or_leaked_whatever_is_killed() {
    survive_all_pairs(Site::start(2, RealMesosOptions::default(), &[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_manager_is_lost_doubled_or_leaked_whichever_leaders_of_three_are_killed() {
    let mesos = RealMesos::start_ha(3, 1).await;
    survive_all_pairs(Site::begin(2, mesos, RealZooKeeper::start_ensemble(3).await, &[]).await).await;
}

async fn survive_all_pairs(mut site: Site) {
    let before = site.task_managers();
    assert_eq!(before.len(), 2);
    for killed in PAIRS {
        let began = std::time::Instant::now();
        for part in *killed {
            site.kill(*part).await;
        }
        assert_eq!(site.task_managers(), before, "killed {killed:?}");
        for part in *killed {
            site.restart(*part).await;
        }
        site.until_whole(2).await;
        assert_eq!(site.task_managers(), before, "killed and restarted {killed:?}");
        assert_eq!(site.tasks().await, before.keys().cloned().collect::<Vec<_>>(), "killed {killed:?}");
        println!("{killed:?}: whole again after {:.1?}", began.elapsed());
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drains_an_agent_and_restarts_all_workers() {
    let mut site = Site::start(1, RealMesosOptions { agents: 2, ..Default::default() }, &[]).await;
    let (old, _) = site.task_managers().pop_first().unwrap();
    let agent = site.operate(&["list"])["workers"][0]["agent"].as_str().unwrap().to_owned();
    assert_eq!(site.operate(&["drain", &agent])["draining"][0], agent);
    let new = wait_until("another TaskManager has taken its place", Duration::from_secs(60), async || {
        let there = site.task_managers();
        assert!(!there.is_empty(), "it went before another was there");
        (there.len() == 1 && !there.contains_key(&old)).then(|| there.keys().next().unwrap().clone())
    })
    .await;
    site.until_whole(1).await;
    assert_ne!(site.operate(&["list"])["workers"][0]["agent"], agent);
    site.operate(&["undrain", &agent]);
    site.operate(&["restart", "--surge", "1"]);
    wait_until("it was restarted", Duration::from_secs(60), async || {
        let there = site.task_managers();
        assert!(!there.is_empty(), "it went before another was there");
        (there.len() == 1 && !there.contains_key(&new)).then_some(())
    })
    .await;
    site.until_whole(1).await;
    let history = site.operate(&["history"]);
    let steps = history["history"].as_array().unwrap();
    let killed = steps.iter().find(|step| step["worker"] == old.as_str() && step["to"] == "killing").unwrap();
    assert_eq!((killed["by"].as_str(), killed["cause"].as_str()), (Some("operator"), Some("the agent is drained")));
    site.end().await;
}
