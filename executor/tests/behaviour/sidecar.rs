//! The executor with the host's sidecar, which runs as a program of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    process::{Child, Command},
    time::timeout,
};

use crate::{agent::PATIENCE, host::Host};

/// Starts the sidecar of a host, and waits until it listens.
async fn sidecar(host: &Host) -> Child {
    let program =
        Path::new(env!("CARGO_BIN_EXE_flink-mesos-executor")).with_file_name("flink-mesos-fetcher");
    assert!(
        program.exists(),
        "no program {}: run `cargo build --package fetcher-sidecar`",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(["--config", "/dev/null", "--socket"])
        .arg(host.socket())
        .arg("--cache")
        .arg(host.cache_of_sidecar());
    let mut process =
        command.env_clear().stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let listens = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("flink-mesos-fetcher ") {
                return;
            }
        }
        panic!("the sidecar is not running");
    };
    timeout(PATIENCE, listens).await.unwrap();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    process
}

fn trees(host: &Host) -> Vec<PathBuf> {
    fs_err::read_dir(host.cache_of_sidecar().join("trees"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn artifacts_come_from_the_sidecar_if_there_is_one() {
    let mut host = Host::new().await;
    let _sidecar = sidecar(&host).await;
    let executor = host.running("w1", &[]).await;
    assert!(host.log().contains("The sidecar has the tree"), "{}", host.log());
    assert!(host.log().contains("which was fetched"), "{}", host.log());
    host.end("w1", executor).await;
    let fetched = host.fetched();

    host.next_sandbox();
    let executor = host.running("w2", &[]).await;
    assert!(host.log().contains("which was there"), "{}", host.log());
    assert_eq!(host.fetched(), fetched);
    assert!(host.sandbox("flink/lib/flink-dist-1.20.5.jar").exists());
    let own = fs_err::read_dir(host.cache().join("blobs")).map_or(0, Iterator::count);
    assert_eq!(own, 0, "it also fetched into a cache of its own");
    host.end("w2", executor).await;
}

#[tokio::test]
async fn a_worker_keeps_its_tree_if_the_sidecar_ends() {
    let mut host = Host::new().await;
    let mut first = sidecar(&host).await;
    let executor = host.running("w", &[]).await;
    first.kill().await.unwrap();
    let cache = fetcher_client::CacheOptions { path: host.cache_of_sidecar(), budget: 1 << 30 };
    let cache = fetcher_client::Cache::open(cache).unwrap();
    cache.collect_garbage(0).await.unwrap();
    assert_eq!(trees(&host).len(), 1);
    host.end("w", executor).await;
    cache.collect_garbage(0).await.unwrap();
    assert!(trees(&host).is_empty());
}

#[tokio::test]
async fn a_missing_sidecar_costs_only_time() {
    let mut host = Host::new().await;
    let mut gone = sidecar(&host).await;
    gone.kill().await.unwrap();
    assert!(host.socket().exists());
    let executor = host.running("w", &[]).await;
    assert!(host.log().contains("Fetching without a sidecar"), "{}", host.log());
    assert!(host.cache().exists());
    host.end("w", executor).await;
}

/// The sidecar's answer to this path.
async fn asked(host: &Host, path: &str) -> Option<String> {
    let mut stream = UnixStream::connect(host.socket()).await.ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())
        .await
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn the_usage_of_a_task_manager_is_in_the_metrics_of_the_sidecar() {
    let mut host = Host::new().await;
    let _sidecar = sidecar(&host).await;
    let executor = host.running("w1", &[]).await;
    let reported = async {
        loop {
            let metrics = asked(&host, "/metrics").await.unwrap();
            let line = metrics
                .lines()
                .find(|line| line.starts_with("flink_mesos_fetcher_taskmanager_memory_bytes{"));
            if let Some(line) = line {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let line = timeout(PATIENCE, reported).await.expect("the executor reports it in time");
    let bytes: u64 = line
        .strip_prefix("flink_mesos_fetcher_taskmanager_memory_bytes{worker=\"w1\"} ")
        .unwrap()
        .parse()
        .unwrap();
    assert!(bytes > 100_000, "{line}");
    host.end("w1", executor).await;
}
