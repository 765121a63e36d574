use std::collections::HashMap;
use std::path::Path;

use fetcher_client::{Materialised, Progress};
use fetcher_formats::Digest;
use fetcher_tests::origin::Gate;
use fetcher_tests::support::get;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::host::{Host, PATIENCE, SECRET, Tree};

fn cached(materialised: &Materialised) -> &Path {
    &materialised.shared.as_ref().expect("it did not come from a cache").path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_executors_at_once_are_one_download() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let names: Vec<_> = (0..16).map(|number| format!("flink-{number}")).collect();
    let all = futures_util::future::try_join_all(names.iter().map(|name| host.obtain(&tree, name)))
        .await
        .unwrap();
    for materialised in &all {
        tree.assert_arrived(&materialised.target);
        assert!(cached(materialised).starts_with(host.cache()), "{:?}", materialised.shared);
    }
    let secrets = 16 * SECRET.len() as u64;
    let most = tree.shared_bytes() + tree.manifest.encode().len() as u64 + secrets;
    assert!(tree.bytes_sent() <= most, "{} bytes were sent, {most} are enough", tree.bytes_sent());
    let status = host.json(&["status"]).await;
    assert_eq!(
        (&status["daemon"]["counts"]["misses"], &status["cache"]["trees_in_use"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn progress_is_seen_while_the_sidecar_fetches() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let gate = Gate::default();
    let tree = Tree::gated(&host, &gate).await;
    let (sender, mut progress) = watch::channel(Progress::default());
    let obtaining = host.obtain_watched(&tree, "flink", sender);
    let watching = async move {
        let seen = timeout(PATIENCE, progress.wait_for(|progress| progress.bytes_done >= 1 << 20));
        let seen = *seen.await.unwrap().unwrap();
        assert!(seen.bytes_done < seen.bytes && seen.files == 2, "{seen:?}");
        gate.open();
        progress
    };
    let (materialised, progress) = tokio::join!(obtaining, watching);
    tree.assert_arrived(&materialised.unwrap().target);
    let last = *progress.borrow();
    assert_eq!((last.files_done, last.bytes_done), (last.files, last.bytes), "{last:?}");
}

#[tokio::test]
async fn a_sidecar_that_is_killed_during_a_fetch_fails_no_worker() {
    let host = Host::new();
    let mut sidecar = host.start(&[]).await;
    let gate = Gate::default();
    let tree = Tree::gated(&host, &gate).await;
    let killing = async move {
        sidecar.kill().await;
        gate.open();
    };
    let (materialised, ()) = host.obtain_while(&tree, killing).await;
    let materialised = materialised.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(cached(&materialised).starts_with(host.path("own-cache")));
}

#[tokio::test]
async fn an_executor_that_goes_away_ends_its_fetch() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let gate = Gate::default();
    let tree = Tree::gated(&host, &gate).await;
    let (sender, mut progress) = watch::channel(Progress::default());
    tokio::select! {
        obtained = host.obtain_watched(&tree, "flink", sender) => panic!("it went through a closed gate: {obtained:?}"),
        begun = progress.wait_for(|progress| progress.bytes_done > 0) => drop(begun.unwrap()),
    }
    let in_flight =
        async || host.json(&["status"]).await["daemon"]["fetches_in_flight"].as_u64().unwrap();
    timeout(PATIENCE, async { while in_flight().await > 0 {} }).await.unwrap();
    gate.open();
}

#[tokio::test]
async fn a_secret_never_goes_through_the_sidecar() {
    let host = Host::new();
    let sidecar = host.start(&["--log", "trace"]).await;
    let tree = Tree::served(&host, 1).await;
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    tree.assert_arrived(&materialised.target);
    let mut folders = vec![host.cache()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert_ne!(path.file_name().unwrap(), "keytab");
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs_err::read(&path).unwrap();
                let digest = Digest::of(SECRET).to_string();
                for part in [SECRET, digest.as_bytes()] {
                    assert!(
                        !content.windows(part.len()).any(|found| found == part),
                        "{}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(!sidecar.log().contains(tree.token()), "the token is in the log");
}

#[tokio::test]
async fn a_workers_tree_stays_even_if_the_sidecar_is_killed_and_room_is_made() {
    let host = Host::new();
    let mut sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    let shared = cached(&materialised).to_owned();
    sidecar.kill().await;
    let _sidecar = host.start(&[]).await;
    assert_eq!(host.json(&["gc", "--keep", "1 B"]).await["trees"], json!(0));
    assert!(shared.join("lib/large.jar").exists());

    fs_err::remove_dir_all(&materialised.target).unwrap();
    drop(materialised);
    assert_eq!(host.json(&["gc", "--keep", "1 B"]).await["trees"], json!(1));
    assert!(!shared.exists());
}

/// A sidecar's metrics by name with labels.
async fn metrics(address: &str) -> HashMap<String, u64> {
    let answer = get(&format!("http://{address}/metrics"), None, &[]).await;
    assert!(
        answer.header("content-type").starts_with("text/plain; version=0.0.4"),
        "{:?}",
        answer.headers
    );
    let text = String::from_utf8(answer.body).unwrap();
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    let named = samples.filter_map(|(name, value)| {
        Some((name.strip_prefix("flink_mesos_fetcher_")?.to_owned(), value.parse().ok()?))
    });
    named.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sidecars_of_two_hosts_help_each_other() {
    let (one, other) = (Host::new(), Host::new());
    let mut first = one.start(&["--listen", "127.0.0.1:0"]).await;
    let mut second = other.start(&["--listen", "127.0.0.1:0"]).await;
    let tree = Tree::served(&one, 1).await;
    one.obtain(&tree, "flink").await.unwrap();
    tree.holders_become(1).await;
    let _busy = tree.keep_busy(&one).await;
    let materialised = other.obtain(&tree, "flink").await.unwrap();
    tree.assert_arrived(&materialised.target);
    let received = metrics(&second.address().await).await["received_bytes_total{source=\"peer\"}"];
    assert_eq!(received, tree.shared_bytes(), "{}", second.log());
    assert_eq!(metrics(&first.address().await).await["sent_bytes_total"], received);
    tree.holders_become(2).await;
}

#[tokio::test]
async fn metrics_count_fetches_and_errors() {
    let host = Host::new();
    let mut sidecar = host.start(&["--listen", "127.0.0.1:0"]).await;
    let tree = Tree::served(&host, 1).await;
    host.obtain(&tree, "one").await.unwrap();
    host.obtain(&tree, "two").await.unwrap();
    let refused = Tree::served(&host, 5).await.with_token("wrong");
    host.obtain(&refused, "three").await.unwrap_err();
    let address = sidecar.address().await;
    let metrics = metrics(&address).await;
    let value =
        |name: &str| *metrics.get(name).unwrap_or_else(|| panic!("no {name} in {metrics:?}"));
    assert_eq!((value("cache_hits_total"), value("cache_misses_total")), (1, 2));
    assert!(value("received_bytes_total{source=\"server\"}") >= tree.shared_bytes());
    assert_eq!(value("cache_bytes"), tree.shared_bytes());
    assert_eq!(value("failed_fetches_total{kind=\"refused\",blame=\"configuration\"}"), 1);
    assert_eq!((value("fetches_in_flight"), value("cache_trees")), (0, 1));

    // Other machines may only use that route.
    assert_eq!(get(&format!("http://{address}/healthz"), None, &[]).await.status, 200);
    assert_eq!(get(&format!("http://{address}/v1/status"), None, &[]).await.status, 404);
    sidecar.signal(Signal::SIGTERM);
    assert!(sidecar.ended().await.success());
}
