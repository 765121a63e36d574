//! A short secret can be guessed from its digest and its size, so nothing that others may read shows them.

use std::path::Path;
use std::time::Duration;

use fetcher::cache::{Cache, CacheOptions};
use fetcher::{Digest, FetchError, FetchOptions, Manifest, Request, build, materialise_with};
use tokio::sync::watch;

use crate::origin::{Asked, Fault, Origin};
use crate::support::{artifact, noise};

/// A jar and a secret of 777 bytes.
struct Scene {
    folder: tempfile::TempDir,
    manifest: Manifest,
    contents: Vec<Vec<u8>>,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let contents = vec![noise(5000, 1), noise(777, 2)];
        let jar = artifact(folder.path(), "lib/a.jar", &contents[0]);
        let mut secret = artifact(folder.path(), "artifacts/key", &contents[1]);
        secret.secret = true;
        let (manifest, _) = build(vec![jar, secret]).await.unwrap();
        Self { folder, manifest, contents }
    }

    async fn origin(&self, script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Origin {
        Origin::start(&self.manifest, &self.contents, move |_, asked| script(asked)).await
    }

    fn blob(&self) -> String {
        format!("/v1/blobs/{}", Digest::of(&self.contents[1]))
    }

    fn request(&self, origin: &Origin, target: &Path) -> Request {
        let (shared, secrets) = self.manifest.split().unwrap();
        Request {
            urls: vec![origin.url()],
            manifest: shared.digest(),
            secrets: secrets.map(|secrets| secrets.digest()),
            token: "t".parse().unwrap(),
            target: target.to_owned(),
        }
    }

    /// The errors with and without a cache.
    async fn errors(&self, origin: &Origin) -> [FetchError; 2] {
        let options = FetchOptions { patience: Duration::ZERO, ..FetchOptions::default() };
        let request = self.request(origin, &self.folder.path().join("one"));
        let direct = materialise_with(request, options.clone(), watch::Sender::default()).await.unwrap_err();
        let path = self.folder.path().join("cache");
        let cache = Cache::open(CacheOptions { path, budget: 1 << 40 }).unwrap();
        let request = self.request(origin, &self.folder.path().join("two"));
        let cached = cache.materialise(request, options, watch::Sender::default()).await.unwrap_err();
        [direct, cached]
    }
}

#[tokio::test]
async fn an_error_about_a_secret_names_its_path_but_neither_digest_nor_size() {
    let scene = Scene::new().await;
    for (fault, expected) in [
        (Fault::Wrong, "has the wrong content"),
        (Fault::Longer, "has another size"),
        (Fault::Truncate(333), "broke off"),
        (Fault::Status(404, None), "answered 404 Not Found: sorry"),
        (Fault::Status(500, None), "answered 500 Internal Server Error: sorry"),
    ] {
        let blob = scene.blob();
        let origin = scene.origin(move |asked| if asked.path == blob { fault.clone() } else { Fault::None }).await;
        for error in scene.errors(&origin).await {
            let text = format!("{error} {error:?}");
            assert!(text.starts_with(&format!("secret artifacts/key: {} {expected}", origin.url())), "{text}");
            let text = text.replace(&origin.url(), "");
            for hint in ["777", "778", "333", "blobs", &Digest::of(&scene.contents[1]).to_string()] {
                assert!(!text.contains(hint), "{hint} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_about_the_list_of_secrets_has_no_digest_either() {
    let scene = Scene::new().await;
    let secrets = scene.manifest.split().unwrap().1.unwrap();
    let origin = scene.origin(|asked| if asked.path == "/v1/secrets" { Fault::Wrong } else { Fault::None }).await;
    for error in scene.errors(&origin).await {
        let text = format!("{error} {error:?}");
        assert!(text.starts_with(&format!("the list of secrets: {} has the wrong", origin.url())), "{text}");
        assert!(!text.contains(&secrets.digest().to_string()) && !text.contains("sha256"), "{text}");
    }
}

#[tokio::test]
async fn no_peer_is_asked_for_a_secret_even_if_the_server_redirects() {
    let scene = Scene::new().await;
    let peer = scene.origin(|_| Fault::None).await;
    let (blob, address) = (scene.blob(), peer.address());
    let redirect = move |asked: &Asked| if asked.path == blob { Fault::Elsewhere(307, address) } else { Fault::None };
    let origin = scene.origin(redirect).await;
    for error in scene.errors(&origin).await {
        assert!(error.to_string().contains("answered 307"), "{error}");
    }
    assert_eq!(peer.asked(), []);
}
