//! Leaders that lose contact with ZooKeeper, and the ends of clusters.

use std::time::{Duration, Instant};

use scheduler::{
    core::state::{Change, Ended},
    election::Candidate,
};
use tests::{Proxy, RealZooKeeper};
use tokio::time::timeout;

use super::{PATIENCE, lead, options, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_without_a_network_stops_before_the_next_one_leads_and_cannot_write() {
    let zookeeper = RealZooKeeper::start().await;
    let network = Proxy::start(zookeeper.connect_string()).await;
    let near = options(&zookeeper);
    let far = scheduler::election::ZooKeeperOptions { quorum: network.address(), ..near.clone() };
    let first = lead(&far).await;
    let mut second = Candidate::new(near.clone());
    let second = tokio::spawn(async move {
        let leadership = second.lead(|_| {}).await.unwrap();
        (leadership, Instant::now())
    });
    network.cut();
    timeout(PATIENCE, first.deposed.cancelled()).await.expect("deposed in time");
    let deposed = Instant::now();
    let (second, led) = timeout(PATIENCE, second).await.expect("leadership in time").unwrap();
    assert!(deposed < led, "two led for {:?}", deposed - led);
    assert!(write(second, vec![Change::NextNumber(7)]).await);
    network.restore();
    assert!(!write(first, vec![Change::NextNumber(99)]).await, "a deposed leader has written");
    assert_eq!(lead(&near).await.state.next_number, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_cleanly_is_followed_at_once() {
    let zookeeper = RealZooKeeper::start().await;
    let patient = scheduler::election::ZooKeeperOptions {
        session_timeout: PATIENCE * 2,
        ..options(&zookeeper)
    };
    assert!(write(lead(&patient).await, vec![Change::NextNumber(3)]).await);
    assert_eq!(lead(&patient).await.state.next_number, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_cluster_counts_for_standbys_and_not_for_later_candidates() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let first = lead(&options).await;
    let mut standby = Candidate::new(options.clone());
    let mut waiting = Box::pin(standby.lead(|_| {}));
    assert!(
        timeout(Duration::from_millis(500), &mut waiting).await.is_err(),
        "it leads beside the first one"
    );
    let ended = Ended { exit_code: 1, why: "the application failed".to_owned() };
    assert!(write(first, vec![Change::End(ended.clone())]).await);
    let second = timeout(PATIENCE, waiting).await.expect("leadership in time").unwrap();
    assert_eq!(second.state.ended, Some(ended.clone()));
    drop(second);
    // The same process again, as after the loss of its session.
    let again = timeout(PATIENCE, standby.lead(|_| {})).await.expect("leadership in time").unwrap();
    assert_eq!(again.state.ended, Some(ended));
    drop(again);
    let later = lead(&options).await;
    assert_eq!(later.state.ended, None);
    assert!(write(later, vec![Change::NextNumber(5)]).await);
    let last = lead(&options).await;
    assert_eq!((last.state.ended, last.state.next_number), (None, 5));
}
