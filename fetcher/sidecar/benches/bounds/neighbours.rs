//! The sidecar: a worker's fetch beside slow fetches of another user of the host.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fetcher_tests::figures::{bound, median};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::host::{
    Host, NOBODY, PATIENCE, Tree, ask_for_what_never_comes, copy_program, is_root, skip,
};

const ROUNDS: u64 = 5;
const SLOW: usize = 16;
/// When the other process ends in any case.
const LIFE: Duration = Duration::from_secs(60);

/// The other process: requests trees that are sent so slowly that they never complete.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn ask(socket: &str, manifest: &str, url: &str) {
    let _asked = ask_for_what_never_comes(socket, manifest, url, SLOW).await;
    sleep(LIFE).await;
}

/// Answers every request with 2 KiB a second.
async fn drip(listener: TcpListener) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(async move { drip_into(socket).await.ok() });
    }
}

async fn drip_into(mut socket: TcpStream) -> std::io::Result<()> {
    socket.read_u8().await?;
    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 16000000\r\n\r\n").await?;
    loop {
        socket.write_all(&[b'x'; 205]).await?;
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::main(worker_threads = 2)]
pub(crate) async fn measure() {
    if !is_root() {
        return skip("slow fetches of another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&["--fetches", "16"]).await;
    let quiet = start(&host, &trees(&host, 0).await).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _dripping = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(drip(listener)));
    let program = host.path("bounds");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let wanted = trees(&host, ROUNDS).await;
    let mut slow = Command::new(&program);
    // One of the requested trees is the one that the worker wants next.
    slow.arg("ask")
        .arg(host.socket())
        .arg(wanted[0].digest().to_string())
        .arg(url)
        .uid(NOBODY)
        .gid(NOBODY);
    let mut slow = tokio::process::Command::from(slow);
    let _slow = slow.current_dir("/").stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let all = async {
        while host.json(&["status"]).await["daemon"]["fetches_in_flight"] != SLOW {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    let beside = start(&host, &wanted).await;
    bound(
        "start-beside-slow-fetches",
        beside,
        quiet * 2.0,
        "ms, the bound is twice the quiet time",
    );
}

async fn trees(host: &Host, first: u64) -> Vec<Tree> {
    let mut trees = Vec::new();
    for seed in first..first + ROUNDS {
        trees.push(Tree::served(host, seed).await);
    }
    trees
}

/// Milliseconds until a worker has a tree that is in no cache.
async fn start(host: &Host, trees: &[Tree]) -> f64 {
    let mut took = Vec::new();
    for tree in trees {
        let started = Instant::now();
        let materialised = host.obtain(tree, &tree.digest().to_string()).await.unwrap();
        took.push(started.elapsed().as_secs_f64() * 1000.0);
        assert!(
            materialised.shared.unwrap().path.starts_with(host.cache()),
            "it did not come through the sidecar"
        );
    }
    median(took)
}
