use serde_json::json;

use crate::host::{Host, SECRET, Tree, finish};

/// Warms the cache with `prefetch`; returns its output.
async fn prefetch(host: &Host, tree: &Tree) -> serde_json::Value {
    let token = host.path("token");
    fs_err::write(&token, format!("{}\n", tree.token())).unwrap();
    let digest = tree.digest().to_string();
    let token = token.display().to_string();
    host.json(&["prefetch", "--manifest", &digest, "--url", tree.url(), "--token-file", &token])
        .await
}

#[tokio::test]
async fn a_prefetched_tree_is_used_by_the_next_worker() {
    for with_daemon in [true, false] {
        let host = Host::new();
        let mut before = if with_daemon { Some(host.start(&[]).await) } else { None };
        let tree = Tree::served(&host, 1).await;
        let printed = prefetch(&host, &tree).await;
        assert_eq!(
            printed["tree"],
            json!(host.cache().join("trees").join(tree.digest().to_string()))
        );
        assert_eq!(
            (&printed["files"], &printed["bytes"]),
            (&json!(2), &json!(tree.shared_bytes()))
        );
        let sent = tree.bytes_sent();
        if let Some(sidecar) = &mut before {
            sidecar.kill().await;
        }
        let _sidecar = host.start(&[]).await;
        let materialised = host.obtain(&tree, "flink").await.unwrap();
        tree.assert_arrived(&materialised.target);
        // The server counts bytes slightly after they arrive.
        assert!(
            tree.bytes_sent() - sent <= SECRET.len() as u64,
            "more than the secret was fetched"
        );
    }
}

#[tokio::test]
async fn the_token_of_a_prefetch_is_required_and_may_be_in_the_environment() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    let digest = tree.digest().to_string();
    let arguments = ["prefetch", "--manifest", &digest, "--url", tree.url()];
    let (code, _, complaint) = host.run(&arguments).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains("no token: give --token-file, or FLINK_MESOS_FETCHER_TOKEN"),
        "{complaint}"
    );
    let mut command = host.command(&arguments);
    command.env("FLINK_MESOS_FETCHER_TOKEN", tree.token());
    let (code, printed, complaint) = finish(command).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(printed.contains("is there: 2 files, 21.9 MiB"), "{printed}");
}

#[tokio::test]
async fn a_failed_prefetch_says_why_and_who_can_fix_it() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let digest = tree.digest().to_string();
    let mut command = host.command(&["prefetch", "--manifest", &digest, "--url", tree.url()]);
    command.env("FLINK_MESOS_FETCHER_TOKEN", "wrong");
    let (code, _, complaint) = finish(command).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains("401") && complaint.contains("to blame: configuration"),
        "{complaint}"
    );
    assert!(complaint.contains(tree.url()), "{complaint}");
}

#[tokio::test]
async fn status_gc_and_verify_print_the_same_with_and_without_the_daemon() {
    for with_daemon in [true, false] {
        let host = Host::new();
        let tree = Tree::served(&host, 1).await;
        let running = if with_daemon { Some(host.start(&[]).await) } else { None };
        prefetch(&host, &tree).await;

        let status = host.json(&["status"]).await;
        assert_eq!(status["daemon"].is_null(), !with_daemon);
        assert_eq!(status["cache"]["bytes"], json!(tree.shared_bytes()));
        assert_eq!(
            (&status["cache"]["trees"], &status["cache"]["trees_in_use"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(status["cache"]["budget_bytes"], json!(20_u64 << 30));

        let verified = host.json(&["verify"]).await;
        assert_eq!((&verified["contents"], &verified["wrong"]), (&json!(2), &json!([])));

        assert_eq!(host.json(&["gc"]).await, json!({ "trees": 0, "contents": 0, "bytes": 0 }));
        let removed = host.json(&["gc", "--keep", "0"]).await;
        assert_eq!(removed, json!({ "trees": 1, "contents": 2, "bytes": tree.shared_bytes() }));
        drop(running);
    }
}

#[tokio::test]
async fn a_damaged_content_makes_verify_fail() {
    for with_daemon in [true, false] {
        let host = Host::new();
        let tree = Tree::served(&host, 1).await;
        prefetch(&host, &tree).await;
        let blob = host
            .cache()
            .join("blobs")
            .join(fetcher_formats::Digest::of(&tree.contents[1]).to_string());
        let mut content = tree.contents[1].clone();
        content[5] ^= 1;
        fs_err::set_permissions(&blob, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        fs_err::write(&blob, content).unwrap();
        let _running = if with_daemon { Some(host.start(&[]).await) } else { None };
        let (code, printed, _) = host.run(&["verify"]).await;
        assert_eq!(code, 1, "{printed}");
        assert!(
            printed.contains("wrong, in quarantine now: ") && printed.contains("tree removed: "),
            "{printed}"
        );
        assert_eq!(host.run(&["verify"]).await.0, 0);
    }
}

#[tokio::test]
async fn status_shows_people_the_state() {
    let host = Host::new();
    let (code, _, complaint) = host.run(&["status"]).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains("no cache at ") && complaint.contains("and no daemon runs"),
        "{complaint}"
    );
    let tree = Tree::served(&host, 1).await;
    prefetch(&host, &tree).await;
    let (_, printed, _) = host.run(&["status"]).await;
    assert!(
        printed.contains("not running") && printed.contains("21.9 MiB of 20.0 GiB in 2 contents"),
        "{printed}"
    );
    let _sidecar = host.start(&[]).await;
    let (_, printed, _) = host.run(&["status"]).await;
    assert!(printed.contains("0 in flight, 0 hits, 0 misses, 0 failed"), "{printed}");
}
