use std::os::unix::fs::PermissionsExt as _;

use fetcher_client::{CacheOptions, FetchError, FetchOptions, Ways, obtain};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::host::{Host, Sidecar, Tree, is_root, quick, skip};

#[tokio::test]
async fn without_a_sidecar_the_hosts_cache_is_used() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(materialised.shared.unwrap().path.starts_with(host.path("own-cache")));
}

#[tokio::test]
async fn without_a_sidecar_and_a_cache_the_server_is_used() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    let request = tree.request(&host.path("flink"));
    let materialised =
        obtain(request, quick(), Ways::default(), watch::Sender::default()).await.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(materialised.shared.is_none());
}

#[tokio::test]
async fn an_unusable_cache_fails_no_worker() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    fs_err::create_dir(host.path("own-cache")).unwrap();
    fs_err::set_permissions(host.path("own-cache"), std::fs::Permissions::from_mode(0o777))
        .unwrap();
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(materialised.shared.is_none());
}

#[tokio::test]
async fn a_sidecar_that_closes_the_connection_fails_no_worker() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    fs_err::create_dir(host.path("run")).unwrap();
    let listener = UnixListener::bind(host.socket()).unwrap();
    let breaking = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
    });
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    breaking.await.unwrap();
    tree.assert_arrived(&materialised.target);
}

#[tokio::test]
async fn a_sidecar_that_is_busy_with_others_fails_no_worker() {
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    fs_err::create_dir(host.path("run")).unwrap();
    let listener = UnixListener::bind(host.socket()).unwrap();
    let waiting = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let progress =
            b"{\"progress\":{\"files_done\":0,\"files\":0,\"bytes_done\":0,\"bytes\":0}}\n";
        while socket.write_all(progress).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let options =
        FetchOptions { sidecar_patience: std::time::Duration::from_millis(200), ..quick() };
    let ways = Ways { socket: Some(host.socket()), ..Ways::default() };
    let request = tree.request(&host.path("flink"));
    let materialised = obtain(request, options, ways, watch::Sender::default()).await.unwrap();
    waiting.await.unwrap();
    tree.assert_arrived(&materialised.target);
}

#[tokio::test]
async fn a_sidecar_with_a_cache_that_others_can_write_to_is_not_trusted() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    fs_err::set_permissions(host.cache().join("trees"), std::fs::Permissions::from_mode(0o777))
        .unwrap();
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    assert!(materialised.shared.unwrap().path.starts_with(host.path("own-cache")));
}

#[tokio::test]
async fn a_sidecar_of_another_user_is_not_used() {
    if !is_root() {
        return skip("a sidecar of another user: needs root");
    }
    let host = Host::new();
    let tree = Tree::served(&host, 1).await;
    // Folders of that user.
    for name in ["run", "cache"] {
        fs_err::create_dir(host.path(name)).unwrap();
        nix::unistd::chown(&host.path(name), Some(65534.into()), None).unwrap();
    }
    let copy = host.path("flink-mesos-fetcher");
    crate::host::copy_program(crate::host::program(), &copy);
    let mut command = tokio::process::Command::new(&copy);
    command
        .args(["--log-format", "json", "--socket"])
        .arg(host.socket())
        .arg("--cache")
        .arg(host.cache());
    command.uid(65534).gid(65534).kill_on_drop(true);
    let sidecar = Sidecar::start(command).await;
    let materialised = host.obtain(&tree, "flink").await.unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(materialised.shared.unwrap().path.starts_with(host.path("own-cache")));
    assert!(!sidecar.log().contains("tree"), "{}", sidecar.log());
    let (code, _, complaint) = host.run(&["status"]).await;
    assert_eq!(code, 1);
    assert!(
        complaint
            .contains("runs as user 65534, but only root and the executor's own user are trusted"),
        "{complaint}"
    );
}

#[tokio::test]
async fn an_error_of_every_way_is_reported_in_the_servers_text() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await.with_token("wrong");
    let ways = Ways {
        socket: Some(host.socket()),
        caches: vec![CacheOptions { path: host.path("own-cache"), budget: 1 << 40 }],
    };
    let request = tree.request(&host.path("flink"));
    let error = obtain(request, quick(), ways, watch::Sender::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    assert!(!host.path("flink").exists());
}
