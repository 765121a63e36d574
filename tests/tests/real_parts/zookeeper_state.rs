//! The application master's state in a real ZooKeeper, and who may write it.

mod fencing;
mod records;
mod security;

use std::{sync::Arc, time::Duration};

use scheduler::{
    core::{
        ids::{Moment, WorkerId},
        state::{AgentProfile, Change, WorkerRecord},
    },
    election::{Access, Candidate, Leadership, ZooKeeperOptions, announced},
    store::{Batch, keep},
};
use tests::{RealZooKeeper, wait_until};
use tokio::{sync::mpsc, time::timeout};
use zookeeper_client::{Acls, Client, CreateMode};

const PATIENCE: Duration = Duration::from_secs(30);

fn options(zookeeper: &RealZooKeeper) -> ZooKeeperOptions {
    ZooKeeperOptions {
        quorum: zookeeper.connect_string(),
        base: "/flink/mesos-workers/trial".to_owned(),
        upstream: "/flink/trial/mesos-workers".to_owned(),
        session_timeout: Duration::from_secs(8),
        access: Access::default(),
        creator_only: false,
    }
}

async fn lead(options: &ZooKeeperOptions) -> Leadership {
    let mut candidate = Candidate::new(options.clone());
    timeout(PATIENCE, candidate.lead(|_| {})).await.expect("leadership in time").unwrap()
}

fn worker(number: u64) -> WorkerRecord {
    let id = WorkerId::new("e", number);
    let place = Arc::new(AgentProfile { agent: "A".to_owned(), ..AgentProfile::default() });
    WorkerRecord { id, place, launched: Moment(7), running: true, ..WorkerRecord::default() }
}

/// Writes these changes as the application master does, and returns whether they became durable.
async fn write(leadership: Leadership, changes: Vec<Change>) -> bool {
    let (batches, batches_in) = mpsc::unbounded_channel();
    let (stored_out, mut stored) = mpsc::unbounded_channel();
    batches.send(Batch { number: Some(1), changes, written: None }).unwrap();
    drop(batches);
    let Leadership { store, .. } = leadership;
    timeout(PATIENCE, keep(store, batches_in, stored_out))
        .await
        .expect("an end of writing in time");
    stored.recv().await == Some(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_leader_finds_what_the_previous_one_has_written() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let first = lead(&options).await;
    let epoch = first.state.epoch.clone();
    let changes = vec![
        Change::Framework(Some("F".to_owned())),
        Change::NextNumber(3),
        Change::Worker(worker(1)),
        Change::Worker(worker(2)),
        Change::Forget(WorkerId::new("e", 1)),
    ];
    assert!(write(first, changes).await);
    let state = lead(&options).await.state.clone();
    assert_eq!((state.epoch, state.framework, state.next_number), (epoch, Some("F".to_owned()), 3));
    assert_eq!(state.workers.into_values().collect::<Vec<_>>(), [worker(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_leader_announces_is_read_by_others_until_it_no_longer_leads() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    assert_eq!(announced(&options).await.unwrap(), None, "there is not even a folder");
    let first = lead(&options).await;
    first.announce(b"here".to_vec());
    let here = Some(b"here".to_vec());
    wait_until("it is announced", PATIENCE, async || {
        (announced(&options).await.unwrap() == here).then_some(())
    })
    .await;
    assert!(write(first, Vec::new()).await);
    assert_eq!(announced(&options).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_workers_are_written_and_read_back() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let changes = (1..=10_000).map(|number| Change::Worker(worker(number)));
    assert!(write(lead(&options).await, changes.collect()).await);
    assert_eq!(lead(&options).await.state.workers.len(), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_larger_than_usual_do_not_make_a_request_that_zookeeper_refuses() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let place = Arc::new(AgentProfile { hostname: "h".repeat(3000), ..AgentProfile::default() });
    let large = |number| WorkerRecord { place: place.clone(), ..worker(number) };
    let changes = (1..=1000).map(|number| Change::Worker(large(number)));
    assert!(write(lead(&options).await, changes.collect()).await);
    assert_eq!(lead(&options).await.state.workers[&worker(7).id], large(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_finds_what_was_written_deleted_and_changed_in_the_meantime() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let first = lead(&options).await;
    let mut second = Candidate::new(options.clone());
    let mut second = Box::pin(second.lead(|_| {}));
    assert!(
        timeout(Duration::from_millis(500), &mut second).await.is_err(),
        "it leads beside the first one"
    );
    let changed = WorkerRecord { released: true, ..worker(3) };
    let mut changes: Vec<_> = (1..=500).map(|number| Change::Worker(worker(number))).collect();
    changes.extend([Change::Worker(changed.clone()), Change::Forget(WorkerId::new("e", 1))]);
    let ((), state) = tokio::join!(async { assert!(write(first, changes).await) }, async {
        timeout(PATIENCE, second).await.expect("leadership in time").unwrap().state
    });
    assert_eq!(state.workers.len(), 499);
    assert_eq!(state.workers[&changed.id], changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_leads_and_the_next_one_follows_when_it_is_gone() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let first = lead(&options).await;
    let mut second = Candidate::new(options.clone());
    let mut second = Box::pin(second.lead(|_| {}));
    assert!(timeout(Duration::from_secs(1), &mut second).await.is_err(), "two lead at once");
    drop(first);
    timeout(PATIENCE, second).await.expect("the second leads in time").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lock_node_is_gone_cannot_write() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let deposed = lead(&options).await;
    let client = Client::connect(&zookeeper.connect_string()).await.unwrap();
    let folder = format!("{}/leader", options.base);
    for name in client.list_children(&folder).await.unwrap() {
        client.delete(&format!("{folder}/{name}"), None).await.unwrap();
    }
    assert!(!write(deposed, vec![Change::NextNumber(99)]).await);
    assert_eq!(lead(&options).await.state.next_number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_loses_zookeeper_is_deposed_within_its_session_timeout() {
    let zookeeper = RealZooKeeper::start().await;
    // It stops after nine tenths of the timeout; the last tenth is long enough for a busy machine.
    let session_timeout = Duration::from_secs(20);
    let leadership = lead(&ZooKeeperOptions { session_timeout, ..options(&zookeeper) }).await;
    zookeeper.kill().await;
    timeout(session_timeout, leadership.deposed.cancelled()).await.expect("deposed in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn framework_id_and_counter_of_flink_1_13_are_taken_over() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let client = Client::connect(&zookeeper.connect_string()).await.unwrap();
    let create = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir(&options.upstream, &create).await.unwrap();
    client
        .create(&format!("{}/frameworkId", options.upstream), b"0815-0000", &create)
        .await
        .unwrap();
    client
        .create(&format!("{}/taskCount", options.upstream), &7u32.to_be_bytes(), &create)
        .await
        .unwrap();
    let state = lead(&options).await.state.clone();
    assert_eq!((state.framework.as_deref(), state.next_number), (Some("0815-0000"), 8));
}
