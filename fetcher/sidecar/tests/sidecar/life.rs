use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use fetcher_tests::origin::Gate;
use nix::sys::signal::Signal;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::host::{Host, NOBODY, PATIENCE, Sidecar, Tree, finish, is_root, program, skip};

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
    let left = ["partial/.unpack.abc", "trees/.0123.abc.removed", "reserved/abc"].map(|name| cache.join(name));
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

/// What the daemon says with its socket or its cache below `folder`; it must not start.
async fn refusal(setting: &str, folder: &std::path::Path) -> String {
    let host = Host::new();
    let place = folder.join(setting);
    let own = |name: &str, path| if name == setting { place.clone() } else { path };
    let mut daemon = tokio::process::Command::new(program());
    daemon.env_clear().args(["--config", "/dev/null", "--socket"]).arg(own("socket", host.socket()));
    daemon.arg("--cache").arg(own("cache", host.cache())).kill_on_drop(true);
    let (code, _, complaint) = finish(daemon).await;
    assert_eq!(code, 64, "a restart would not fix it: {complaint}");
    assert!(complaint.contains(&format!("setting `{setting}`: {}", place.display())), "{complaint}");
    let mut check = tokio::process::Command::new(program());
    check.env_clear().args(["--check-config", "--config", "/dev/null", "--socket"]).arg(own("socket", host.socket()));
    check.arg("--cache").arg(own("cache", host.cache()));
    let (code, _, checked) = finish(check).await;
    assert!(code == 64 && checked == complaint, "the check says something else: {code} {checked}");
    assert!(!place.exists());
    complaint
}

#[tokio::test]
async fn a_file_in_the_place_of_the_socket_is_kept_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    fs_err::write(&place, "precious").unwrap();
    let host = Host::new();
    let mut daemon = tokio::process::Command::new(program());
    daemon.env_clear().args(["--config", "/dev/null", "--socket"]).arg(&place);
    daemon.arg("--cache").arg(host.cache()).kill_on_drop(true);
    let (code, _, complaint) = finish(daemon).await;
    let expected = format!("setting `socket`: {} is not a socket: name another path", place.display());
    assert!(code == 64 && complaint.contains(&expected), "{code} {complaint}");
    assert_eq!(fs_err::read_to_string(&place).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_or_cache_that_any_user_could_replace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    for setting in ["socket", "cache"] {
        let complaint = refusal(setting, folder.path()).await;
        assert!(complaint.contains("can be replaced by any user: all may write to"), "{complaint}");
    }
}

#[tokio::test]
async fn a_cache_that_all_may_write_to_is_a_configuration_error_also_for_commands() {
    let host = Host::new();
    fs_err::create_dir(host.cache()).unwrap();
    fs_err::set_permissions(host.cache(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    for command in ["daemon", "gc"] {
        let (code, _, complaint) = host.run(&[command]).await;
        let expected = format!("setting `cache`: cache folder {} can be written to by others", host.cache().display());
        assert!(code == 64 && complaint.contains(&expected), "{code} {complaint}");
    }
}

#[tokio::test]
async fn a_socket_or_cache_below_a_folder_of_another_user_is_refused() {
    if !is_root() {
        return skip("a folder of another user: needs root");
    }
    let folder = tempfile::tempdir().unwrap();
    nix::unistd::chown(folder.path(), Some(NOBODY.into()), None).unwrap();
    for setting in ["socket", "cache"] {
        let complaint = refusal(setting, &folder.path().join("below")).await;
        assert!(complaint.contains("can be replaced by the user 65534, who owns"), "{complaint}");
    }
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
    assert!(complaint.contains(&format!("the peer server's port is in use: {address}")), "{complaint}");
}

/// How often each of its threads has gone to sleep, and so was woken.
fn wakes(sidecar: &Sidecar) -> BTreeMap<PathBuf, u64> {
    let threads = fs_err::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap();
    let of_thread = |path: PathBuf| {
        // A thread without one has ended in the meantime.
        let status = fs_err::read_to_string(path.join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse();
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
        woken.push(now.iter().map(|(thread, count)| count.saturating_sub(*before.get(thread).unwrap_or(&0))).sum());
        before = now;
    }
}
