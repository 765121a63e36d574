use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use fetcher_tests::origin::Gate;
use nix::sys::signal::Signal;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::host::{Host, PATIENCE, Sidecar, Tree};

#[tokio::test]
async fn a_stopping_daemon_lets_running_fetches_complete() {
    let host = Host::new();
    let mut sidecar = host.start(&[]).await;
    let gate = Gate::default();
    let tree = Tree::gated(&host, &gate).await;
    let stopping = async {
        sidecar.signal(Signal::SIGTERM);
        sidecar.says("Daemon is stopping").await;
        gate.open();
        sidecar.ended().await
    };
    let (materialised, ended) = host.obtain_while(&tree, stopping).await;
    assert!(ended.success(), "{ended}");
    let materialised = materialised.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(materialised.shared.unwrap().path.starts_with(host.cache()));
    assert!(!host.socket().exists());
}

#[tokio::test]
async fn a_fetch_that_takes_longer_than_the_grace_is_aborted() {
    let host = Host::new();
    let mut sidecar = host.start(&["--grace", "100 ms"]).await;
    let gate = Gate::default();
    let tree = Tree::gated(&host, &gate).await;
    let stopping = async {
        sidecar.signal(Signal::SIGTERM);
        sidecar.says("Aborting fetches that did not end in time").await;
        let ended = sidecar.ended().await;
        gate.open();
        ended
    };
    let (materialised, ended) = host.obtain_while(&tree, stopping).await;
    assert!(ended.success(), "{ended}");
    assert!(materialised.unwrap().shared.unwrap().path.starts_with(host.path("own-cache")));
}

#[tokio::test]
async fn start_health_and_stop_are_reported_to_systemd() {
    let host = Host::new();
    let heard = UnixDatagram::bind(host.path("notify")).unwrap();
    let hear = async |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let size = timeout(PATIENCE, heard.recv(&mut buffer)).await.unwrap().unwrap();
            if String::from_utf8_lossy(&buffer[..size]).lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    let mut command = host.command(&["--log-format", "json"]);
    command.env("NOTIFY_SOCKET", host.path("notify")).env("WATCHDOG_USEC", "400000");
    let mut sidecar = Sidecar::start(command).await;
    hear("READY=1").await;
    hear("WATCHDOG=1").await;
    hear("WATCHDOG=1").await;
    sidecar.signal(Signal::SIGTERM);
    hear("STOPPING=1").await;
    assert!(sidecar.ended().await.success());
}

#[tokio::test]
async fn leftovers_of_a_killed_daemon_are_no_obstacle() {
    let host = Host::new();
    let mut killed = host.start(&["--listen", "127.0.0.1:0"]).await;
    let address = killed.address().await;
    killed.kill().await;
    assert!(host.socket().exists());
    let mut next = host.start(&["--listen", &address]).await;
    assert_eq!(next.address().await, address);
    let status = host.json(&["status"]).await;
    assert_eq!(status["daemon"]["pid"].as_i64(), Some(next.pid().as_raw().into()));
}

#[tokio::test]
async fn leftovers_of_a_killed_daemon_in_the_cache_are_removed_at_the_next_start() {
    let host = Host::new();
    drop(host.start(&[]).await);
    let cache = host.cache();
    let left = ["partial/.unpack.abc", "trees/.0123.abc.removed", "reserved/abc"]
        .map(|name| cache.join(name));
    let in_use = cache.join("partial/.unpack.def");
    for folder in left.iter().chain([&in_use]) {
        fs_err::create_dir(folder).unwrap();
        fs_err::write(folder.join("file"), "left").unwrap();
        fs_err::File::open(folder).unwrap().file().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let lock = fs_err::File::open(&in_use).unwrap();
    lock.file().lock().unwrap();
    let _next = host.start(&[]).await;
    assert!(left.iter().all(|folder| !folder.exists()), "leftovers were not removed");
    assert!(in_use.exists(), "a folder in use was removed");
}

#[tokio::test]
async fn only_one_daemon_can_use_a_socket() {
    let host = Host::new();
    let _first = host.start(&[]).await;
    let (code, _, complaint) = host.run(&["daemon"]).await;
    assert_eq!(code, 1);
    assert!(complaint.contains("another daemon listens at "), "{complaint}");
    assert!(host.json(&["status"]).await["daemon"].is_object(), "the first one was disturbed");
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let host = Host::new();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, complaint) = host.run(&["daemon", "--listen", &address]).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains(&format!("the peer server's port is in use: {address}")),
        "{complaint}"
    );
}

/// How often each of its threads has gone to sleep, and so was woken.
fn wakes(sidecar: &Sidecar) -> BTreeMap<PathBuf, u64> {
    let threads = fs_err::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap();
    let of_thread = |path: PathBuf| {
        // A thread without one has ended in the meantime.
        let status = fs_err::read_to_string(path.join("status")).ok()?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?
            .trim()
            .parse();
        Some((path, count.unwrap()))
    };
    threads.filter_map(|thread| of_thread(thread.unwrap().path())).collect()
}

#[tokio::test]
async fn an_idle_daemon_hardly_wakes_up() {
    const SECONDS: u64 = 10;
    let host = Host::new();
    let mut command = host.command(&["--log-format", "json", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", host.path("nobody")).env("WATCHDOG_USEC", "60000000");
    let sidecar = Sidecar::start(command).await;
    let tree = Tree::served(&host, 1).await;
    host.obtain(&tree, "flink").await.unwrap();
    // Idle threads end, and other tests keep this machine busy: one quiet spell is enough.
    let mut before = wakes(&sidecar);
    let mut woken: Vec<u64> = Vec::new();
    while woken.iter().all(|count| *count > SECONDS) {
        assert!(woken.len() < 6, "it woke up {woken:?} times in {SECONDS} seconds each");
        tokio::time::sleep(Duration::from_secs(SECONDS)).await;
        let now = wakes(&sidecar);
        woken.push(
            now.iter()
                .map(|(thread, count)| count.saturating_sub(*before.get(thread).unwrap_or(&0)))
                .sum(),
        );
        before = now;
    }
}
