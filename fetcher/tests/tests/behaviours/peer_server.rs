use std::net::SocketAddr;
use std::sync::Arc;

use fetcher_client::{Cache, CacheOptions, FetchOptions, Request};
use fetcher_formats::{Digest, Entry, Manifest};
use fetcher_server::{Metrics, PeerOptions, PeerServer, build};
use fetcher_tests::origin::{Fault, Origin};
use fetcher_tests::support::{artifact, becomes, get, noise, request};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

const MIB: usize = 1 << 20;

/// A peer server whose cache has a large file and a small one, but never the secret.
struct Scene {
    folder: tempfile::TempDir,
    manifest: Manifest,
    contents: Vec<Vec<u8>>,
    cache: Cache,
    server: PeerServer,
}

impl Scene {
    async fn new() -> Self {
        Self::with(PeerOptions::default()).await
    }

    async fn with(options: PeerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let contents = vec![noise(40 * MIB, 1), noise(5000, 2), b"secret".to_vec()];
        let mut artifacts: Vec<_> = [("lib/large.jar", 0), ("bin/small", 1), ("conf/keytab", 2)]
            .map(|(target, content)| artifact(folder.path(), target, &contents[content]))
            .to_vec();
        artifacts[1].executable = true;
        artifacts[2].secret = true;
        let (manifest, _) = build(artifacts).await.unwrap();
        let origin = Origin::start(&manifest, &contents, |_, _| Fault::None).await;
        let cache =
            Cache::open(CacheOptions { path: folder.path().join("cache"), budget: 1 << 40 })
                .unwrap();
        let wanted = Request {
            urls: vec![origin.url()],
            manifest: manifest.split().unwrap().0.digest(),
            secrets: None,
            token: "t".parse().unwrap(),
            target: folder.path().join("unused"),
        };
        cache.prefetch(wanted, FetchOptions::default(), watch::Sender::default()).await.unwrap();
        let options = PeerOptions { bind: SocketAddr::from(([127, 0, 0, 1], 0)), ..options };
        let metrics: Metrics = Arc::new(|| Box::pin(async { "bytes 7\n".to_owned() }));
        let server = PeerServer::start(options, cache.clone(), Some(metrics)).await.unwrap();
        Self { folder, manifest, contents, cache, server }
    }

    fn url(&self, path: &str) -> String {
        let entry = self.manifest.entries().iter().find(|entry| entry.path.as_str() == path);
        self.at(&format!("/v1/blobs/{}", entry.and_then(Entry::blob).unwrap().name()))
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }
}

#[tokio::test]
async fn contents_of_the_cache_are_served_whole_and_in_parts() {
    let scene = Scene::new().await;
    assert!(get(&scene.url("bin/small"), None, &[]).await.body == scene.contents[1]);
    let large = scene.url("lib/large.jar");
    let part = get(&large, None, &[("Range", "bytes=1000000-9999999")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert!(part.body == scene.contents[0][1_000_000..10_000_000]);
    becomes(|| scene.server.bytes_sent(), 5000 + 9_000_000).await;

    let etag = part.header("etag").to_owned();
    assert_eq!(
        get(&large, None, &[("If-None-Match", &etag)]).await.status,
        StatusCode::NOT_MODIFIED
    );
    let head = request(Method::HEAD, &large, None, &[]).await.unwrap();
    assert_eq!(head.header("content-length"), (40 * MIB).to_string());
    let beyond = get(&large, None, &[("Range", "bytes=41943040-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn contents_outside_the_cache_are_not_served() {
    let scene = Scene::new().await;
    let (secret, unknown) = (Digest::of(b"secret"), Digest::of(b"unknown"));
    let manifest = scene.manifest.split().unwrap().0.digest();
    // A large file is known by its chunks' digests, not by its own.
    let claimed = Digest::of(&scene.contents[0]);
    for path in [
        format!("/v1/blobs/{secret}"),
        format!("/v1/blobs/{unknown}"),
        format!("/v1/blobs/{unknown}.chunks"),
        format!("/v1/blobs/{claimed}"),
        format!("/v1/manifests/{manifest}"),
        "/v1/blobs/../manifests".to_owned(),
        format!("/v1/blobs/..%2fmanifests%2f{manifest}"),
        "/v1/secrets".to_owned(),
        "/".to_owned(),
        "/etc/passwd".to_owned(),
    ] {
        assert_eq!(get(&scene.at(&path), None, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let put = request(Method::PUT, &scene.url("bin/small"), None, &[]).await.unwrap();
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_content_that_was_made_writable_is_not_served() {
    let scene = Scene::new().await;
    let digest = Digest::of(&scene.contents[1]);
    let path = scene.folder.path().join(format!("cache/blobs/{digest}.x"));
    fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(get(&scene.url("bin/small"), None, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn transfers_beyond_the_limit_get_a_503() {
    let scene = Scene::with(PeerOptions { max_streams: 1, ..PeerOptions::default() }).await;
    let large = scene.url("lib/large.jar");
    let _slow = begin(&scene, &large).await;
    let answer = get(&large, None, &[]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "1")
    );
    assert_eq!(scene.server.streams(), 1);
}

#[tokio::test]
async fn a_content_that_is_evicted_while_being_served_still_arrives() {
    let scene = Scene::new().await;
    let large = scene.url("lib/large.jar");
    let (mut client, mut received) = begin(&scene, &large).await;
    scene.cache.collect_garbage(0).await.unwrap();
    assert_eq!(get(&large, None, &[]).await.status, StatusCode::NOT_FOUND, "it was not evicted");
    client.read_to_end(&mut received).await.unwrap();
    assert!(received.ends_with(&scene.contents[0]));
}

/// A transfer that has begun, and the bytes received so far. It pauses until it is read.
async fn begin(scene: &Scene, url: &str) -> (TcpStream, Vec<u8>) {
    let path = url.strip_prefix(&scene.at("")).unwrap();
    let mut client = TcpStream::connect(scene.server.address()).await.unwrap();
    client
        .write_all(format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut received = vec![0; 100];
    client.read_exact(&mut received).await.unwrap();
    (client, received)
}

#[tokio::test]
async fn metrics_and_health_are_served_on_the_same_port() {
    let scene = Scene::new().await;
    assert_eq!(get(&scene.at("/metrics"), None, &[]).await.body, b"bytes 7\n");
    assert_eq!(get(&scene.at("/healthz"), None, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn shutdown_ends_running_transfers() {
    let scene = Scene::new().await;
    let (mut client, mut received) = begin(&scene, &scene.url("lib/large.jar")).await;
    scene.server.shutdown().await;
    let read = client.read_to_end(&mut received).await;
    assert!(read.is_err() || received.len() < scene.contents[0].len());
}

#[tokio::test]
async fn one_address_never_gets_more_than_its_share_of_the_transfers() {
    let options = PeerOptions { max_streams: 2, max_streams_each: 1, ..PeerOptions::default() };
    let scene = Scene::with(options).await;
    let large = scene.url("lib/large.jar");
    let _slow = begin(&scene, &large).await;
    assert_eq!(get(&large, None, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(scene.server.streams(), 1, "there was room for another address");
}

#[tokio::test]
async fn an_unhealthy_process_reports_it() {
    let healthy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let scene = Scene::with(PeerOptions { healthy, ..PeerOptions::default() }).await;
    assert_eq!(get(&scene.at("/healthz"), None, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
