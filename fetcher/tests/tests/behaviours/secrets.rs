//! A short secret can be guessed from its digest and its size, so nothing that others may read
//! shows them.

use fetcher_client::{FetchError, materialise_with};
use fetcher_formats::Digest;
use fetcher_tests::origin::{Asked, Fault, Origin};
use fetcher_tests::scene::{Scene, impatient};
use fetcher_tests::support::noise;
use tokio::sync::watch;

/// A jar and a secret of 777 bytes.
async fn scene() -> Scene {
    Scene::of(vec![noise(5000, 1), noise(777, 2)], &[("lib/a.jar", 0), ("artifacts/key", 1)]).await
}

/// The path of the secret on the server.
fn path_of_secret(scene: &Scene) -> String {
    format!("/v1/blobs/{}", Digest::of(&scene.contents[1]))
}

/// The errors with and without a cache.
async fn errors(scene: &Scene, origin: &Origin) -> [FetchError; 2] {
    let direct =
        materialise_with(scene.request(origin, "one"), impatient(), watch::Sender::default()).await;
    let cached = scene.fetch_through(&scene.cache(), origin, "two").await;
    [direct.unwrap_err(), cached.unwrap_err()]
}

#[tokio::test]
async fn an_error_about_a_secret_names_its_path_but_neither_digest_nor_size() {
    let scene = scene().await;
    for (fault, expected) in [
        (Fault::Wrong, "has the wrong content"),
        (Fault::Longer, "has another size"),
        (Fault::Truncate(333), "broke off"),
        (Fault::Status(404, None), "answered 404 Not Found: sorry"),
        (Fault::Status(500, None), "answered 500 Internal Server Error: sorry"),
    ] {
        let blob = path_of_secret(&scene);
        let origin = scene
            .origin(move |asked| if asked.path == blob { fault.clone() } else { Fault::None })
            .await;
        for error in errors(&scene, &origin).await {
            let text = format!("{error} {error:?}");
            assert!(
                text.starts_with(&format!("secret artifacts/key: {} {expected}", origin.url())),
                "{text}"
            );
            let text = text.replace(&origin.url(), "");
            for hint in ["777", "778", "333", "blobs", &Digest::of(&scene.contents[1]).to_string()]
            {
                assert!(!text.contains(hint), "{hint} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_about_the_list_of_secrets_has_no_digest_either() {
    let scene = scene().await;
    let secrets = scene.manifest.split().unwrap().1.unwrap();
    let origin = scene
        .origin(|asked| if asked.path == "/v1/secrets" { Fault::Wrong } else { Fault::None })
        .await;
    for error in errors(&scene, &origin).await {
        let text = format!("{error} {error:?}");
        assert!(
            text.starts_with(&format!("the list of secrets: {} has the wrong", origin.url())),
            "{text}"
        );
        assert!(
            !text.contains(&secrets.digest().to_string()) && !text.contains("sha256"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn no_peer_is_asked_for_a_secret_even_if_the_server_redirects() {
    let scene = scene().await;
    let peer = scene.origin(|_| Fault::None).await;
    let (blob, address) = (path_of_secret(&scene), peer.address());
    let redirect = move |asked: &Asked| {
        if asked.path == blob { Fault::Elsewhere(307, address) } else { Fault::None }
    };
    let origin = scene.origin(redirect).await;
    for error in errors(&scene, &origin).await {
        assert!(error.to_string().contains("answered 307"), "{error}");
    }
    assert_eq!(peer.asked(), []);
}
