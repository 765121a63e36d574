//! Whatever happens to the components while TaskManagers run, no TaskManager is lost, duplicated or
//! leaked: `kill -9` of every component and of every pair, partitions, elections, operators'
//! actions. All components are real except java: `survival/java.py` says why. `high_availability`
//! does the same with the real Flink.

mod elections;
mod maintenance;
mod operators;
mod partitions;
mod placement;
mod ports;
mod reservations;
mod starving;
mod takeover;
mod teardown;
mod terminal;
mod together;

use tests::{
    RealMesos, RealMesosOptions, RealZooKeeper,
    site::{Part, Site},
};

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
async fn no_task_manager_is_lost_duplicated_or_leaked_whatever_is_killed() {
    survive_all_pairs(Site::start(2, RealMesosOptions::default(), &[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_manager_is_lost_duplicated_or_leaked_whichever_leaders_of_three_are_killed() {
    let mesos = RealMesos::start_ha(3, 1).await;
    survive_all_pairs(Site::begin(2, mesos, RealZooKeeper::start_ensemble(3).await, &[]).await)
        .await;
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
        assert_eq!(
            site.tasks().await,
            before.keys().cloned().collect::<Vec<_>>(),
            "killed {killed:?}"
        );
        println!("{killed:?}: whole again after {:.1?}", began.elapsed());
    }
    site.end().await;
}
