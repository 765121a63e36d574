//! What the executor does while it fetches artifacts.

use std::{net::SocketAddr, time::Duration};

use mesos::v1::TaskState;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

use crate::host::{Host, SLEEPS, task};

/// A proxy to this server that passes its answers on slowly.
async fn slow_way(server: SocketAddr) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accept = async move {
        let mut ways = Vec::new();
        loop {
            let (visitor, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            ways.push(AbortOnDropHandle::new(tokio::spawn(drip(visitor, server))));
        }
    };
    (url, AbortOnDropHandle::new(tokio::spawn(accept)))
}

async fn drip(visitor: TcpStream, server: TcpStream) {
    let ((mut asks, mut hears), (mut answers, mut takes)) =
        (visitor.into_split(), server.into_split());
    let _asked = AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::io::copy(&mut asks, &mut takes).await
    }));
    let mut drop = [0; 2000];
    while let Ok(count @ 1..) = answers.read(&mut drop).await {
        if hears.write_all(&drop[..count]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
}

#[tokio::test]
async fn a_slow_fetch_reports_its_progress_again_and_again() {
    let mut host = Host::new().await;
    let mut spec = host.worker("w", SLEEPS);
    let artifacts = spec.artifacts.as_mut().unwrap();
    let server = artifacts.urls[0].trim_start_matches("http://").parse().unwrap();
    let (url, _way) = slow_way(server).await;
    artifacts.urls = vec![url];
    let executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(task(&spec));
    let mut messages = Vec::new();
    while messages.len() < 3 {
        messages.push(host.agent.update(TaskState::TaskStarting).await.message().to_owned());
    }
    assert_eq!(messages[0], "fetching Flink 1.20.5");
    assert!(
        messages[1] != messages[2]
            && messages[1..].iter().all(|line| line.contains(" of 4 files, 0.")),
        "{messages:?}"
    );
    host.end("w", executor).await;
}

#[tokio::test]
async fn a_kill_during_the_fetch_ends_it_at_once() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = host.worker("w", "sleep 1000");
    spec.artifacts.as_mut().unwrap().urls =
        vec![format!("http://{}", silent.local_addr().unwrap())];
    host.agent.launch(task(&spec));
    host.agent.update(TaskState::TaskStarting).await;
    let (_connection, _) = silent.accept().await.unwrap();
    let waiting = host.agent.update(TaskState::TaskStarting).await;
    assert_eq!(
        waiting.message(),
        "fetching Flink 1.20.5: waiting for an answer of the artifact server"
    );
    // Longer than the update may take.
    host.agent.kill("w", Duration::from_secs(600));
    let killed = host.agent.update(TaskState::TaskKilled).await;
    assert!(
        killed.message() == "stopped on request before its TaskManager was started",
        "{}",
        killed.message()
    );
    assert!(executor.ended().await.success());
    let mut left: Vec<_> = fs_err::read_dir(host.sandbox(""))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["conf", "executor.json", "log", "stderr", "tmp"],
        "nothing half-fetched stays"
    );
}

/// The artifacts' size and availability must not matter.
#[tokio::test]
async fn the_executor_registers_before_it_fetches_and_again_while_it_does() {
    let mut host = Host::new().await;
    let executor = host.executor(&[]);
    let subscribe = host.agent.subscribe().await;
    assert!(
        subscribe.unacknowledged_tasks.is_empty() && subscribe.unacknowledged_updates.is_empty()
    );
    // A server that accepts every request and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = host.worker("w", SLEEPS);
    spec.artifacts.as_mut().unwrap().urls =
        vec![format!("http://{}", silent.local_addr().unwrap())];
    host.agent.launch(task(&spec));
    host.agent.update(TaskState::TaskStarting).await;
    let (_connection, _) = silent.accept().await.unwrap();
    host.agent.stop().await;
    host.agent.start_again().await;
    host.agent.subscribe().await;
    host.agent.update(TaskState::TaskStarting).await;
    host.end("w", executor).await;
}
