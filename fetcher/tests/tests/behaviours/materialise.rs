use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fetcher_client::{FetchError, Materialised, Progress, Request, materialise};
use fetcher_formats::{Digest, Manifest, Token};
use fetcher_server::{Artifact, ArtifactServer, build};
use fetcher_tests::support::{artifact, folder_is_empty, loopback, noise, serve};
use tokio::sync::watch;

/// A large file, small ones, a copy, a link, an executable and a secret.
fn tree(folder: &Path) -> Vec<Artifact> {
    let mut artifacts = vec![
        artifact(folder, "lib/large.jar", &noise((21 << 20) + 77, 1)),
        artifact(folder, "lib/a.jar", b"small"),
        artifact(folder, "plugins/x/copy.jar", b"small"),
        artifact(folder, "lib/empty", b""),
        artifact(folder, "bin/run.sh", b"#!/bin/sh\n"),
        artifact(folder, "conf/keytab", b"secret"),
    ];
    artifacts[4].executable = true;
    artifacts[5].secret = true;
    artifacts
}

fn digests(server: &ArtifactServer) -> (Digest, Option<Digest>) {
    (server.manifest(), server.secrets())
}

async fn fetch(
    url: &str,
    (manifest, secrets): (Digest, Option<Digest>),
    token: Token,
    target: &Path,
) -> Result<Materialised, FetchError> {
    let request =
        Request { urls: vec![url.to_owned()], manifest, secrets, token, target: target.to_owned() };
    materialise(request, watch::Sender::default()).await
}

#[tokio::test]
async fn a_tree_arrives_as_it_was_built() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = tree(folder.path());
    let server = serve(artifacts.clone(), loopback()).await;
    let target = folder.path().join("flink");
    let done =
        fetch(server.url(), digests(&server), server.issue_token("tm"), &target).await.unwrap();

    assert_eq!(done.manifest, build(artifacts.clone()).await.unwrap().0);
    for artifact in &artifacts {
        let arrived = target.join(&artifact.target);
        assert!(
            fs_err::read(&arrived).unwrap() == fs_err::read(&artifact.source).unwrap(),
            "{}",
            artifact.target
        );
    }
    let mode =
        |path: &str| fs_err::metadata(target.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("lib/a.jar"), 0o444);
    assert_eq!(mode("bin/run.sh"), 0o555);
    assert_eq!(mode("conf/keytab"), 0o600);
    assert_eq!((mode(""), mode("plugins/x")), (0o755, 0o755));
}

#[tokio::test]
async fn links_arrive_as_links() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    for name in ["lib", "plugins"] {
        fs_err::create_dir_all(tree.join(name)).unwrap();
    }
    fs_err::write(tree.join("lib/a-1.jar"), b"jar").unwrap();
    fs_err::os::unix::fs::symlink("../lib/a-1.jar", tree.join("plugins/a.jar")).unwrap();
    let artifacts = ["lib/a-1.jar", "plugins/a.jar"].map(|target| Artifact {
        source: tree.join(target),
        target: target.to_owned(),
        executable: false,
        secret: false,
    });

    let server = serve(artifacts.to_vec(), loopback()).await;
    let target = folder.path().join("flink");
    fetch(server.url(), digests(&server), server.issue_token("tm"), &target).await.unwrap();
    assert_eq!(
        fs_err::read_link(target.join("plugins/a.jar")).unwrap(),
        Path::new("../lib/a-1.jar")
    );
    assert_eq!(fs_err::read(target.join("plugins/a.jar")).unwrap(), b"jar");
}

#[tokio::test]
async fn every_fetch_of_a_tree_looks_the_same_to_java() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(tree(folder.path()), loopback()).await;
    let mut times = Vec::new();
    for name in ["one", "other"] {
        let target = folder.path().join(name);
        fetch(server.url(), digests(&server), server.issue_token("tm"), &target).await.unwrap();
        times.push(fs_err::metadata(target.join("lib/large.jar")).unwrap().mtime());
    }
    assert_eq!(times[0], times[1]);
}

#[tokio::test]
async fn progress_ends_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(tree(folder.path()), loopback()).await;
    let (sender, receiver) = watch::channel(Progress::default());
    let request = Request {
        urls: vec![format!("{}/", server.url())],
        manifest: server.manifest(),
        secrets: server.secrets(),
        token: server.issue_token("tm"),
        target: folder.path().join("flink"),
    };
    materialise(request, sender).await.unwrap();
    let seen = *receiver.borrow();
    let bytes = (21 << 20) + 77 + 5 + 10 + 6;
    assert_eq!(seen, Progress { files_done: 5, files: 5, bytes_done: bytes, bytes });
}

#[tokio::test]
async fn an_existing_target_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(tree(folder.path()), loopback()).await;
    let target = folder.path().join("flink");
    fs_err::create_dir(&target).unwrap();
    let error =
        fetch(server.url(), digests(&server), server.issue_token("tm"), &target).await.unwrap_err();
    assert!(matches!(error, FetchError::Exists(_)), "{error}");
}

#[tokio::test]
async fn a_dropped_fetch_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(tree(folder.path()), loopback()).await;
    let place = tempfile::tempdir().unwrap();
    let (sender, mut progress) = watch::channel(Progress::default());
    let request = Request {
        urls: vec![server.url().to_owned()],
        manifest: server.manifest(),
        secrets: server.secrets(),
        token: server.issue_token("tm"),
        target: place.path().join("flink"),
    };
    tokio::select! {
        _ = materialise(request, sender) => panic!("the fetch ended before it was dropped"),
        begun = progress.wait_for(|progress| progress.bytes_done > 0) => drop(begun.unwrap()),
    }
    folder_is_empty(place.path()).await;
}

#[tokio::test]
async fn a_wrong_token_is_a_configuration_error_that_hides_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(tree(folder.path()), loopback()).await;
    let token: Token = "not-the-token".parse().unwrap();
    let error = fetch(server.url(), digests(&server), token, &folder.path().join("flink"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    assert_eq!(error.blame(), fetcher_client::FetchBlame::Configuration);
    assert!(!format!("{error} {error:?}").contains("not-the-token"));
}

#[tokio::test]
async fn an_invalid_address_is_reported() {
    for url in ["", "ftp://host/", "host:8080", "http://"] {
        let token: Token = "t".parse().unwrap();
        let error = fetch(url, (Digest::of(b""), None), token, Path::new("/nowhere/flink"))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn an_address_with_a_password_is_refused_and_the_password_is_not_shown() {
    for url in [
        "http://user:hunter2@host:80/",
        "ftp://hunter2@host",
        "http://user:hunt@er2@host/?q",
        "hunter2@host",
    ] {
        let token: Token = "t".parse().unwrap();
        let error = fetch(url, (Digest::of(b""), None), token, Path::new("/nowhere/flink"))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{error}");
        assert!(
            !error.to_string().contains("hunt") && error.to_string().contains("***@host"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_empty_manifest_makes_an_empty_tree() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, _) = build(Vec::new()).await.unwrap();
    assert_eq!(manifest, Manifest::decode(&manifest.encode()).unwrap());
    let server = serve(Vec::new(), loopback()).await;
    let target = folder.path().join("flink");
    fetch(server.url(), digests(&server), server.issue_token("tm"), &target).await.unwrap();
    folder_is_empty(&target).await;
}
