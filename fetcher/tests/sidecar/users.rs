use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use fetcher::{Projection, Request, Ways, obtain};
use tokio::sync::watch;

use crate::host::{Host, PATIENCE, Tree, finish, is_root, quick, skip};

const NOBODY: u32 = 65534;

/// How the other process of the next test is told what to do: socket, manifest, address, token, target.
const TOLD: &str = "FLINK_MESOS_TEST_WORKER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_all_users_share_the_cache_of_root() {
    if !is_root() {
        return skip("a worker of another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let sandbox = host.path("sandbox");
    fs_err::create_dir(&sandbox).unwrap();
    nix::unistd::chown(&sandbox, Some(NOBODY.into()), None).unwrap();
    let target = sandbox.join("flink");
    let program = host.path("tests");
    fs_err::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let told = [
        host.socket().display().to_string(),
        tree.digest().to_string(),
        tree.url().to_owned(),
        tree.token().to_owned(),
        target.display().to_string(),
    ];
    let mut worker = std::process::Command::new(&program);
    worker.args(["--exact", "--ignored", "--nocapture", "users::as_a_worker_of_another_user"]);
    worker.env(TOLD, told.join(" ")).uid(NOBODY).gid(NOBODY).current_dir(&sandbox).stdin(Stdio::piped());
    let (code, printed, complaint) = finish(worker.into()).await;
    assert_eq!(code, 0, "{printed}\n{complaint}");
    assert!(printed.contains("1 passed"), "{printed}");
    tree.assert_arrived(&target);
}

#[tokio::test]
#[ignore = "the other process of the test above"]
async fn as_a_worker_of_another_user() {
    let told = std::env::var(TOLD).unwrap();
    let [socket, manifest, url, token, target] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let request = Request {
        urls: vec![url.to_owned()],
        manifest: manifest.parse().unwrap(),
        token: token.parse().unwrap(),
        target: PathBuf::from(target),
    };
    let ways = Ways { socket: Some(PathBuf::from(socket)), caches: Vec::new() };
    let obtaining = obtain(request, quick(), ways, watch::Sender::default());
    let materialised = tokio::time::timeout(PATIENCE, obtaining).await.unwrap().unwrap();
    let shared = materialised.shared.expect("the sidecar was of no use");
    // Nobody may link to what they do not own, and may not need to.
    assert_ne!(shared.projection, Projection::HardLink);
}

#[tokio::test]
async fn only_the_owner_may_make_room() {
    if !is_root() {
        return skip("another user who makes room: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let copy = host.path("flink-mesos-fetcher");
    fs_err::copy(crate::host::program(), &copy).unwrap();
    for (command, code) in [("gc", 1), ("verify", 1), ("status", 0)] {
        let mut other = tokio::process::Command::new(&copy);
        other.env_clear().args(["--socket"]).arg(host.socket()).arg(command).uid(NOBODY).gid(NOBODY);
        let (ended, _, complaint) = finish(other).await;
        assert_eq!(ended, code, "{command}: {complaint}");
        assert!(code == 0 || complaint.contains("403: only root and the daemon's own user may do that"), "{complaint}");
    }
}
