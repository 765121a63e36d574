use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use common::rate::RateFloor;
use fetcher_client::{
    Cache, CacheOptions, FetchBlame, FetchError, FetchOptions, Materialised, Request,
    materialise_with,
};
use fetcher_formats::{Digest, Manifest};
use fetcher_server::{ArtifactServer, PeerOptions, PeerServer, ServerOptions, build};
use fetcher_tests::origin::{Fault, Origin};
use fetcher_tests::support::{Answer, artifact, becomes, get, loopback, noise, request};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

const MIB: usize = 1 << 20;
const FOLLOW: (&str, &str) = ("Flink-Mesos-Peer", "follow");

/// A large file, a medium one, a small one and a secret, on a server that redirects clients to
/// peers above one stream.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) contents: Vec<Vec<u8>>,
    pub(crate) server: ArtifactServer,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let contents =
            vec![noise(21 * MIB, 1), noise(3 * MIB, 2), noise(5000, 3), b"secret".to_vec()];
        let mut artifacts: Vec<_> =
            [("lib/large.jar", 0), ("lib/a.jar", 1), ("lib/small.jar", 2), ("conf/keytab", 3)]
                .map(|(target, content)| artifact(folder.path(), target, &contents[content]))
                .to_vec();
        artifacts[3].secret = true;
        let (manifest, catalogue) = build(artifacts).await.unwrap();
        let options = ServerOptions { peers_above: 1, ..loopback() };
        let server = ArtifactServer::start(options, manifest.clone(), catalogue).await.unwrap();
        Self { folder, manifest, contents, server }
    }

    /// Bytes of the tree without its secret.
    fn size(&self) -> u64 {
        self.contents[..3].iter().map(|content| content.len() as u64).sum()
    }

    /// Occupies one stream of the server for as long as the result lives.
    async fn keep_busy(&self) -> TcpStream {
        let source = self.folder.path().join("filler");
        // More than all buffers hold, without work for the disk.
        fs_err::File::create(&source).unwrap().set_len(1 << 30).unwrap();
        let url = self.server.publish_file("filler", source);
        let path = url.strip_prefix(self.server.url()).unwrap();
        let mut client = TcpStream::connect(self.server.address()).await.unwrap();
        client.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        client
    }

    async fn peer(&self, name: &str) -> (Cache, PeerServer) {
        let cache =
            Cache::open(CacheOptions { path: self.folder.path().join(name), budget: 1 << 40 })
                .unwrap();
        let options =
            PeerOptions { bind: SocketAddr::from(([127, 0, 0, 1], 0)), ..PeerOptions::default() };
        (cache.clone(), PeerServer::start(options, cache, None).await.unwrap())
    }

    async fn fetch(
        &self,
        cache: &Cache,
        name: &str,
        options: FetchOptions,
    ) -> Result<Materialised, FetchError> {
        cache.materialise(self.request(name), options, watch::Sender::default()).await
    }

    fn request(&self, name: &str) -> Request {
        Request {
            urls: vec![self.server.url().to_owned()],
            manifest: self.server.manifest(),
            secrets: self.server.secrets(),
            token: self.server.issue_token("tm"),
            target: self.folder.path().join(name),
        }
    }

    fn assert_arrived(&self, target: &Path) {
        for (path, content) in
            [("lib/large.jar", 0), ("lib/a.jar", 1), ("lib/small.jar", 2), ("conf/keytab", 3)]
        {
            assert!(fs_err::read(target.join(path)).unwrap() == self.contents[content], "{path}");
        }
    }

    /// Requests a content from the server.
    async fn get(&self, content: usize, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}/v1/blobs/{}", self.server.url(), Digest::of(&self.contents[content]));
        get(&url, Some(self.server.issue_token("tm").expose()), headers).await
    }

    pub(crate) async fn announce(
        &self,
        method: Method,
        digest: Digest,
        holder: &str,
        token: Option<&str>,
    ) -> Answer {
        let url = format!("{}/v1/holders/{digest}", self.server.url());
        request(method, &url, token, &[("Flink-Mesos-Holder", holder)]).await.unwrap()
    }

    /// A peer that answers every request with `fault`, and that has announced everything to the
    /// server.
    async fn bad_peer(&self, fault: Fault) -> Origin {
        let peer = Origin::start(&self.manifest, &self.contents, move |_, _| fault.clone()).await;
        let token = self.server.issue_token("tm");
        let answer = self
            .announce(
                Method::PUT,
                self.server.manifest(),
                &peer.address().to_string(),
                Some(token.expose()),
            )
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        peer
    }

    async fn holders_become(&self, count: usize) {
        becomes(|| self.server.holders(), count).await;
    }
}

/// The defaults, with shorter waits for tests.
fn quick() -> FetchOptions {
    FetchOptions {
        backoff: (Duration::from_millis(1), Duration::from_millis(50)),
        ..FetchOptions::default()
    }
}

#[tokio::test]
async fn a_busy_server_redirects_clients_to_a_host_with_the_content() {
    let scene = Scene::new().await;
    let ((first, first_peer), (second, _)) =
        (scene.peer("first").await, scene.peer("second").await);
    let options = FetchOptions { announce: Some(first_peer.address()), ..quick() };
    scene.fetch(&first, "one", options).await.unwrap();
    scene.holders_become(1).await;
    becomes(|| scene.server.bytes_sent(), scene.size() + 6).await;
    let _busy = scene.keep_busy().await;

    let done = scene.fetch(&second, "two", quick()).await.unwrap();
    scene.assert_arrived(&done.target);
    becomes(|| first_peer.bytes_sent(), scene.size()).await;
    // Only the secret came from the server.
    becomes(|| scene.server.bytes_sent(), scene.size() + 2 * 6).await;
}

#[tokio::test]
async fn peers_work_without_a_cache_too() {
    let scene = Scene::new().await;
    let (first, peer) = scene.peer("first").await;
    let options = FetchOptions { announce: Some(peer.address()), ..quick() };
    scene.fetch(&first, "one", options).await.unwrap();
    scene.holders_become(1).await;
    let _busy = scene.keep_busy().await;
    let done =
        materialise_with(scene.request("two"), quick(), watch::Sender::default()).await.unwrap();
    scene.assert_arrived(&done.target);
    becomes(|| peer.bytes_sent(), scene.size()).await;
}

#[tokio::test]
async fn three_hosts_at_once_cost_the_server_little_more_than_one() {
    let scene = Scene::new().await;
    let hosts = [scene.peer("a").await, scene.peer("b").await, scene.peer("c").await];
    // A server without load would serve all of them itself, however slow this machine is.
    let _busy = scene.keep_busy().await;
    let fetches = hosts.iter().enumerate().map(|(at, (cache, peer))| {
        let options = FetchOptions { announce: Some(peer.address()), ..quick() };
        let (scene, name) = (&scene, format!("target-{at}"));
        async move { scene.fetch(cache, &name, options).await }
    });
    for done in futures_util::future::try_join_all(fetches).await.unwrap() {
        scene.assert_arrived(&done.target);
    }
    let from_peers = || hosts.iter().map(|(_, peer)| peer.bytes_sent()).sum::<u64>();
    becomes(|| scene.server.bytes_sent() + from_peers() >= 3 * (scene.size() + 6), true).await;
    let sent = scene.server.bytes_sent();
    assert!(
        2 * sent < 5 * scene.size(),
        "{sent} bytes from the server for a tree of {}",
        scene.size()
    );
}

#[tokio::test]
async fn a_bad_peer_is_dropped_and_reported_and_the_fetch_succeeds() {
    for fault in [
        Fault::Wrong,
        Fault::Truncate(1000),
        Fault::Stall(1000),
        Fault::Longer,
        Fault::Status(500, None),
    ] {
        let scene = Scene::new().await;
        let peer = scene.bad_peer(fault.clone()).await;
        let _busy = scene.keep_busy().await;
        let floor = RateFloor { bytes_per_second: 1000, window: Duration::from_millis(500) };
        let options = FetchOptions { peer_floor: floor, ..quick() };
        let done =
            materialise_with(scene.request("flink"), options, watch::Sender::default()).await;
        let done = done.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        scene.assert_arrived(&done.target);
        let asked = peer.asked().len();
        assert!(
            (1..=4).contains(&asked),
            "{fault:?}: asked {asked} times: once per connection is enough"
        );
        scene.holders_become(0).await;
    }
}

#[tokio::test]
async fn a_peer_that_is_gone_does_not_matter() {
    let scene = Scene::new().await;
    drop(scene.bad_peer(Fault::None).await);
    let _busy = scene.keep_busy().await;
    let done =
        materialise_with(scene.request("flink"), quick(), watch::Sender::default()).await.unwrap();
    scene.assert_arrived(&done.target);
    scene.holders_become(0).await;
}

#[tokio::test]
async fn a_peer_that_removed_a_content_is_not_asked_for_it_again() {
    let scene = Scene::new().await;
    let peer = scene.bad_peer(Fault::Status(404, None)).await;
    let _busy = scene.keep_busy().await;
    let done =
        materialise_with(scene.request("flink"), quick(), watch::Sender::default()).await.unwrap();
    scene.assert_arrived(&done.target);
    scene.holders_become(0).await;
    assert!(peer.asked().len() >= 3, "lacking one content says nothing about the others");
}

#[tokio::test]
async fn a_busy_peer_is_not_a_bad_one() {
    let scene = Scene::new().await;
    let _peer = scene.bad_peer(Fault::Status(503, Some(1))).await;
    let _busy = scene.keep_busy().await;
    let done =
        materialise_with(scene.request("flink"), quick(), watch::Sender::default()).await.unwrap();
    scene.assert_arrived(&done.target);
    assert_eq!(scene.server.holders(), 1);
}

/// The last bytes came from the server, which is not to blame here.
#[tokio::test]
async fn wrong_content_of_the_server_itself_is_the_artifacts_fault() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(MIB, 1);
    let (manifest, _) = build(vec![artifact(folder.path(), "a", &content)]).await.unwrap();
    let peer = Origin::start(&manifest, std::slice::from_ref(&content), |_, _| Fault::Wrong).await;
    let to = peer.address();
    let liar = Origin::start(&manifest, &[content], move |before, asked| match before {
        _ if asked.path.contains("manifests") => Fault::None,
        0 => Fault::Elsewhere(307, to),
        _ => Fault::Wrong,
    })
    .await;
    let request = Request {
        urls: vec![liar.url()],
        manifest: manifest.digest(),
        secrets: None,
        token: "t".parse().unwrap(),
        target: folder.path().join("flink"),
    };
    let error = materialise_with(request, quick(), watch::Sender::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::Digest { .. }), "{error}");
    assert_eq!(error.blame(), FetchBlame::Artifact);
    assert!(error.to_string().contains(&liar.url()), "{error}");
}

#[tokio::test]
async fn a_peer_never_sees_the_token() {
    let scene = Scene::new().await;
    let peer = scene.bad_peer(Fault::None).await;
    let _busy = scene.keep_busy().await;
    materialise_with(scene.request("flink"), quick(), watch::Sender::default()).await.unwrap();
    let asked = peer.asked();
    assert!(asked.len() >= 3 && asked.iter().all(|asked| asked.token.is_empty()), "{asked:?}");
}

#[tokio::test]
async fn any_other_redirect_is_an_error_and_sends_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(MIB, 1);
    let (manifest, _) = build(vec![artifact(folder.path(), "a", &content)]).await.unwrap();
    let elsewhere =
        Origin::start(&manifest, std::slice::from_ref(&content), |_, _| Fault::None).await;
    let to = elsewhere.address();
    let origin = Origin::start(&manifest, &[content], move |_, _| Fault::Elsewhere(302, to)).await;
    let request = Request {
        urls: vec![origin.url()],
        manifest: manifest.digest(),
        secrets: None,
        token: "t".parse().unwrap(),
        target: folder.path().join("flink"),
    };
    let error = materialise_with(request, quick(), watch::Sender::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::Status { status: StatusCode::FOUND, .. }), "{error}");
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
}

#[tokio::test]
async fn a_redirect_names_the_holder_and_frees_the_connection() {
    let scene = Scene::new().await;
    let peer = scene.bad_peer(Fault::None).await;
    let _busy = scene.keep_busy().await;
    let url = format!("{}/v1/blobs/{}", scene.server.url(), Digest::of(&scene.contents[1]));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let client = client.tls_certs_only([]).build().unwrap();
    let token = scene.server.issue_token("tm");
    let asked = client
        .get(url)
        .bearer_auth(token.expose())
        .header(FOLLOW.0, FOLLOW.1)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), StatusCode::TEMPORARY_REDIRECT);
    let name =
        scene.manifest.entries().iter().find(|entry| entry.path.as_str() == "lib/a.jar").unwrap();
    let expected = format!("http://{}/v1/blobs/{}", peer.address(), name.blob().unwrap().name());
    assert_eq!(asked.headers()["location"].to_str().unwrap(), expected);
}

#[tokio::test]
async fn a_client_that_cannot_follow_is_never_redirected() {
    let scene = Scene::new().await;
    let _peer = scene.bad_peer(Fault::None).await;
    let _busy = scene.keep_busy().await;
    assert_eq!(scene.get(1, &[]).await.status, StatusCode::OK);
    let (name, options) = ("flink", FetchOptions { follow_peers: false, ..quick() });
    materialise_with(scene.request(name), options, watch::Sender::default()).await.unwrap();
    assert_eq!(scene.server.holders(), 1);
}

#[tokio::test]
async fn without_holders_no_client_is_redirected() {
    let scene = Scene::new().await;
    let _busy = scene.keep_busy().await;
    for content in 0..3 {
        assert_eq!(scene.get(content, &[FOLLOW]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_server_that_is_not_busy_serves_itself() {
    let scene = Scene::new().await;
    let peer = scene.bad_peer(Fault::None).await;
    assert_eq!(scene.get(1, &[FOLLOW]).await.status, StatusCode::OK);
    assert!(peer.asked().is_empty());
}

#[tokio::test]
async fn a_secret_is_never_redirected() {
    let scene = Scene::new().await;
    let token = scene.server.issue_token("tm");
    let peer = scene.bad_peer(Fault::None).await;
    let digest = Digest::of(b"secret");
    let answer = scene
        .announce(Method::PUT, digest, &peer.address().to_string(), Some(token.expose()))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let _busy = scene.keep_busy().await;
    assert_eq!(scene.get(3, &[FOLLOW]).await.body, b"secret");
    assert!(peer.asked().is_empty());
}
