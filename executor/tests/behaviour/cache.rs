//! The cache that all workers of a host share.

use std::{os::unix::fs::MetadataExt as _, path::PathBuf};

use fetcher_client::{Cache, CacheOptions};
use mesos::v1::TaskState;
use overlays::worker::Entry;

use crate::host::{Host, SLEEPS, task};

fn open(host: &Host) -> Cache {
    Cache::open(CacheOptions { path: host.cache(), budget: 1 << 30 }).unwrap()
}

/// The trees in the cache.
fn trees(host: &Host) -> Vec<PathBuf> {
    fs_err::read_dir(host.cache().join("trees"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn the_second_worker_of_a_host_fetches_nothing() {
    let mut host = Host::new().await;
    let executor = host.running("w1", &[]).await;
    host.end("w1", executor).await;
    let fetched = host.fetched();
    assert!(fetched > 0 && host.log().contains("which was fetched"), "{}", host.log());

    host.next_sandbox();
    let executor = host.running("w2", &[]).await;
    assert_eq!(host.fetched(), fetched);
    assert!(host.log().contains("which was there"), "{}", host.log());
    host.end("w2", executor).await;
}

#[tokio::test]
async fn files_in_use_by_a_worker_stay_in_the_cache() {
    let mut host = Host::new().await;
    let executor = host.running("w", &[]).await;
    let jar = host.sandbox("flink/lib/flink-dist-1.20.5.jar");
    assert!(jar.exists());
    open(&host).collect_garbage(0).await.unwrap();
    let trees_in_use = trees(&host);
    assert_eq!(trees_in_use.len(), 1, "{trees_in_use:?}");
    let shared = trees_in_use[0].join("lib/flink-dist-1.20.5.jar");
    assert_eq!(fs_err::metadata(shared).unwrap().size(), fs_err::metadata(jar).unwrap().size());

    host.end("w", executor).await;
    open(&host).collect_garbage(0).await.unwrap();
    assert!(trees(&host).is_empty(), "{:?}", trees(&host));
}

#[tokio::test]
async fn an_unusable_cache_costs_only_time() {
    let mut host = Host::new().await;
    let executor = host.running("w", &[("FLINK_MESOS_CACHE_DIR", "/proc/no-cache-here")]).await;
    assert!(host.log().contains("Cannot use the host's cache"), "{}", host.log());
    assert!(host.log().contains("without a cache"), "{}", host.log());
    host.end("w", executor).await;
}

#[tokio::test]
async fn a_worker_with_the_cache_disabled_makes_none() {
    let mut host = Host::new().await;
    let executor = host.executor(&[]);
    host.agent.subscribe().await;
    let mut worker = host.worker("w", SLEEPS);
    worker
        .configuration
        .push(Entry { key: "mesos.executor.cache.enabled".into(), value: "false".into() });
    host.agent.launch(task(&worker));
    host.agent.update(TaskState::TaskRunning).await;
    assert!(!host.cache().exists());
    host.end("w", executor).await;
}
