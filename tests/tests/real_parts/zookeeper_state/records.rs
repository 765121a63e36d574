//! The content of nodes: records of earlier versions, of an older copy, and invalid ones.

use fs_err as fs;
use scheduler::{
    NeedsAPerson as _,
    core::{
        ids::WorkerId,
        state::{Change, Ended},
    },
    election::Candidate,
    store::{StoreError, fresh_state},
};
use tests::RealZooKeeper;
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode};

use super::{PATIENCE, lead, options, worker, write};

/// Written by the build 7fc61a2. Nodes in this format must load forever.
fn format_1(name: &str) -> Vec<u8> {
    fs::read(format!(
        "{}/../scheduler/tests/fixtures/state-1/node-{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_in_the_previous_format_are_read_and_an_invalid_node_ends_the_program_with_its_name()
{
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let client = Client::connect(&zookeeper.connect_string()).await.unwrap();
    let create = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let workers = format!("{}/workers", options.base);
    client.mkdir(&workers, &create).await.unwrap();
    client.create(&format!("{}/state", options.base), &format_1("state"), &create).await.unwrap();
    for number in 5..=7 {
        let name = WorkerId::new("0badcafe", number);
        client
            .create(&format!("{workers}/{name}"), &format_1(name.as_str()), &create)
            .await
            .unwrap();
    }
    // The end of the cluster is written while the second one is a standby.
    let mut first = lead(&options).await;
    let state = std::mem::take(&mut first.state);
    assert_eq!(state.framework.as_deref(), Some("f3b8b3a0-7a3b-4c8e-9d53-9d8a3b1f6a77-0003"));
    assert_eq!((state.epoch.as_str(), state.next_number, state.generation), ("0badcafe", 8, 2));
    let found: Vec<_> =
        state.workers.values().map(|worker| (worker.running, worker.released)).collect();
    assert_eq!(found, [(true, false), (false, false), (true, true)]);
    let mut second = Candidate::new(options.clone());
    let mut second = Box::pin(second.lead(|_| {}));
    assert!(
        timeout(std::time::Duration::from_millis(500), &mut second).await.is_err(),
        "it leads beside the first one"
    );
    client.create(&format!("{}/ended", options.base), &format_1("ended"), &create).await.unwrap();
    drop(first);
    let second = timeout(PATIENCE, second).await.unwrap().unwrap();
    let why = "stopped before the application had finished".to_owned();
    assert_eq!(second.state.ended, Some(Ended { exit_code: 2, why }));
    drop(second);
    client.create(&format!("{workers}/garbage"), b"\xff\xffgarbage", &create).await.unwrap();
    let mut third = Candidate::new(options.clone());
    let refused = timeout(PATIENCE, third.lead(|_| {})).await.expect("an end in time").unwrap_err();
    assert!(
        matches!(&refused, StoreError::Corrupt { path, .. } if path.ends_with("workers/garbage")),
        "{refused}"
    );
    assert!(refused.needs_a_person(), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_id_is_used_twice_after_the_nodes_were_restored_from_an_older_copy() {
    let zookeeper = RealZooKeeper::start().await;
    let options = options(&zookeeper);
    let client = Client::connect(&zookeeper.connect_string()).await.unwrap();
    let path = format!("{}/state", options.base);
    assert!(
        write(lead(&options).await, vec![Change::NextNumber(2), Change::Worker(worker(1))]).await
    );
    let (copy, _) = client.get_data(&path).await.unwrap();
    let next_id = async || {
        // As the shell does for each leader.
        let state = lead(&options).await.state.clone().led_again(fresh_state().epoch);
        WorkerId::new(&state.epoch, state.first_number())
    };
    let launched = next_id().await;
    assert!(write(lead(&options).await, vec![Change::NextNumber(3)]).await);
    client.set_data(&path, &copy, None).await.unwrap();
    assert_ne!(next_id().await, launched);
}
