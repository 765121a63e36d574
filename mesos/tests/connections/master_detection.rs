//! How the leading master is found.

use crate::fakes::{framework, peer, zookeeper};
use std::{net::SocketAddr, time::Duration};

use framework::{Framework, options, subscribe};
use mesos::{
    master::{DetectError, MasterDetector, MasterUrl},
    scheduler::SchedulerEvent,
};
use peer::{FakePeer, soon};
use zookeeper::FakeZooKeeper;

/// What a Mesos 1.11 master writes into its node, as far as it matters.
fn info(master: SocketAddr) -> String {
    format!(
        r#"{{"address":{{"hostname":"m.example","ip":"{}","port":{}}},"capabilities":[],"id":"x","port":1}}"#,
        master.ip(),
        master.port()
    )
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn detector(zookeeper: &FakeZooKeeper, https: bool) -> MasterDetector {
    let url: MasterUrl = format!("zk://{}/mesos", zookeeper.address).parse().unwrap();
    MasterDetector::start(&url, https)
}

async fn leader_becomes(detector: &MasterDetector, expected: Option<&str>) {
    let is = |leader: &Option<mesos::master::HostPort>| {
        leader.as_ref().map(ToString::to_string).as_deref() == expected
    };
    soon(detector.leader().wait_for(is)).await.unwrap();
}

#[tokio::test]
async fn the_lowest_number_of_the_election_leads_and_is_followed_as_masters_come_and_go() {
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/log_replicas", "");
    zookeeper.set("/mesos/json.info_0000000007", &info(address(7)));
    zookeeper.set("/mesos/json.info_0000000012", &info(address(12)));
    let detector = detector(&zookeeper, false);
    leader_becomes(&detector, Some("127.0.0.1:7")).await;
    zookeeper.remove("/mesos/json.info_0000000007");
    leader_becomes(&detector, Some("127.0.0.1:12")).await;
    zookeeper.remove("/mesos/json.info_0000000012");
    leader_becomes(&detector, None).await;
    zookeeper.set("/mesos/json.info_0000000013", &info(address(13)));
    leader_becomes(&detector, Some("127.0.0.1:13")).await;
}

#[tokio::test]
async fn with_https_the_leader_goes_by_its_host_name() {
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/json.info_0000000007", &info(address(7)));
    leader_becomes(&detector(&zookeeper, true), Some("m.example:7")).await;
}

#[tokio::test]
async fn an_election_that_does_not_exist_yet_is_waited_for() {
    let zookeeper = FakeZooKeeper::start(None).await;
    let mut detector = detector(&zookeeper, false);
    let election = async {
        zookeeper.watched("/mesos").await;
        zookeeper.set("/mesos", "");
        zookeeper.set("/mesos/json.info_0000000001", &info(address(1)));
    };
    let (masters, ()) = soon(async { tokio::join!(detector.current(), election) }).await;
    assert_eq!(masters.unwrap()[0].to_string(), "127.0.0.1:1");
}

#[tokio::test]
async fn a_zookeeper_without_a_leader_is_an_error_that_says_so() {
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    let error = detector(&zookeeper, false).current().await.unwrap_err();
    let expected = format!(
        "no leading master at zk://{}/mesos: no master in the election under /mesos",
        zookeeper.address
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_zookeeper_that_cannot_be_reached_is_an_error_that_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: MasterUrl = format!("zk://{}/mesos", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = MasterDetector::start(&url, false).current().await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("no leading master at {url}: no server of the ensemble can be reached")
    );
}

#[tokio::test]
async fn a_user_and_password_are_shown_to_zookeeper_and_not_in_errors() {
    let zookeeper = FakeZooKeeper::start(Some("jake:secret")).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/json.info_0000000007", &info(address(7)));
    let with = |user: &str| {
        let url: MasterUrl = format!("zk://{user}@{}/mesos", zookeeper.address).parse().unwrap();
        MasterDetector::start(&url, false)
    };
    leader_becomes(&with("jake:secret"), Some("127.0.0.1:7")).await;
    let error = with("jake:hidden").current().await.unwrap_err().to_string();
    assert!(error.contains("not authorized") && error.contains("zk://jake:***@"), "{error}");
}

#[tokio::test]
async fn an_expired_session_is_replaced_and_the_election_followed_on() {
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/json.info_0000000007", &info(address(7)));
    let detector = detector(&zookeeper, false);
    leader_becomes(&detector, Some("127.0.0.1:7")).await;
    zookeeper.expire_sessions();
    zookeeper.set("/mesos/json.info_0000000008", &info(address(8)));
    zookeeper.remove("/mesos/json.info_0000000007");
    leader_becomes(&detector, Some("127.0.0.1:8")).await;
}

#[tokio::test]
async fn a_subscription_moves_to_the_new_leader_although_the_old_one_keeps_the_stream_open() {
    let (mut old, mut new) = (FakePeer::start().await, FakePeer::start().await);
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/json.info_0000000001", &info(old.address));
    zookeeper.set("/mesos/json.info_0000000002", &info(new.address));
    let mut framework =
        Framework::open(options(&format!("zk://{}/mesos", zookeeper.address))).await;
    let old_events = subscribe(old.asked().await, "stream-1");
    framework.until_subscribed().await;
    zookeeper.remove("/mesos/json.info_0000000001");
    assert_eq!(framework.disconnected().await, "another master leads now");
    old_events.left().await;
    let _events = subscribe(new.asked().await, "stream-2");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_leader_that_does_not_know_yet_that_it_leads_is_asked_again_soon() {
    let mut leader = FakePeer::start().await;
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    let mut options = options(&format!("zk://{}/mesos", zookeeper.address));
    // A day, unless the election makes the waits start small again.
    options.backoff = (Duration::from_millis(1), Duration::from_secs(86_400));
    zookeeper.set("/mesos/json.info_0000000001", &info(address(1)));
    let mut framework = Framework::open(options).await;
    let mut waits = 0;
    while waits < 4 {
        waits += usize::from(matches!(
            framework.next_event().await,
            SchedulerEvent::Disconnected { .. }
        ));
    }
    zookeeper.set("/mesos/json.info_0000000002", &info(leader.address));
    zookeeper.remove("/mesos/json.info_0000000001");
    leader.asked().await.redirect("//127.0.0.1:1/");
    while let SchedulerEvent::Disconnected { reason, retry_in } = framework.next_event().await {
        if reason.starts_with("redirected") {
            assert!(retry_in <= Duration::from_millis(2), "{retry_in:?}");
            break;
        }
    }
}

#[tokio::test]
async fn a_file_is_read_again_before_every_attempt() {
    let mut master = FakePeer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("masters");
    let mut framework = Framework::open(options(&format!("file://{}", file.display()))).await;
    let reason = framework.disconnected().await;
    assert!(
        reason.contains("cannot read the file that names the masters")
            && reason.contains("masters"),
        "{reason}"
    );
    fs_err::write(&file, "http://nonsense").unwrap();
    let mut reason = framework.disconnected().await;
    while reason.contains("cannot read") {
        reason = framework.disconnected().await;
    }
    assert!(
        reason.contains(&*file.to_string_lossy()) && reason.contains("allowed are host:port"),
        "{reason}"
    );
    fs_err::write(&file, format!("{}\n", master.address)).unwrap();
    let _events = subscribe(master.asked().await, "stream-1");
    while matches!(framework.next_event().await, SchedulerEvent::Disconnected { .. }) {}
}

#[tokio::test]
async fn a_file_that_names_masters_is_small_and_regular() {
    let folder = tempfile::tempdir().unwrap();
    let (large, pipe) = (folder.path().join("large"), folder.path().join("pipe"));
    fs_err::File::create(&large).unwrap().set_len((64 << 10) + 1).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (file, expected) in [(large, "is too large: more than 64 KB"), (pipe, "is a pipe")] {
        let mut detector = MasterDetector::start(&MasterUrl::File(file), false);
        let error = detector.current().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_file_may_name_a_zookeeper_but_no_other_file() {
    let zookeeper = FakeZooKeeper::start(None).await;
    zookeeper.set("/mesos", "");
    zookeeper.set("/mesos/json.info_0000000007", &info(address(7)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("masters");
    let mut detector = MasterDetector::start(&MasterUrl::File(file.clone()), false);
    fs_err::write(&file, format!("zk://{}/mesos", zookeeper.address)).unwrap();
    assert_eq!(detector.current().await.unwrap()[0].to_string(), "127.0.0.1:7");
    fs_err::write(&file, "file:///etc/mesos/zk").unwrap();
    assert!(matches!(detector.current().await, Err(DetectError::Nested(_))));
}
