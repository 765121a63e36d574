use fetcher_formats::Digest;
use reqwest::{Method, StatusCode};

use crate::peers::Scene;

#[tokio::test]
async fn without_a_valid_token_announcements_are_rejected_and_reveal_nothing() {
    let scene = Scene::new().await;
    let mut bodies = Vec::new();
    for digest in [scene.server.manifest(), Digest::of(&scene.contents[0]), Digest::of(b"unknown")]
    {
        for method in [Method::PUT, Method::DELETE] {
            for token in [None, Some("wrong")] {
                let answer = scene.announce(method.clone(), digest, "127.0.0.1:7070", token).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
                bodies.push(answer.body);
            }
        }
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the answer reveals what exists");
    assert_eq!(scene.server.holders(), 0);
}

#[tokio::test]
async fn an_invalid_address_is_rejected() {
    let scene = Scene::new().await;
    let token = scene.server.issue_token("tm");
    let long = "1".repeat(8000);
    for holder in [
        "",
        "10.0.0.1:7070",
        "169.254.169.254:80",
        "127.0.0.1:0",
        "file:///etc/passwd",
        "localhost:1",
        &long,
    ] {
        let digest = Digest::of(&scene.contents[0]);
        let answer = scene.announce(Method::PUT, digest, holder, Some(token.expose())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{holder}");
    }
    assert_eq!(scene.server.holders(), 0);
}

#[tokio::test]
async fn content_outside_the_tree_cannot_be_announced() {
    let scene = Scene::new().await;
    let token = scene.server.issue_token("tm");
    let answer = scene
        .announce(Method::PUT, Digest::of(b"unknown"), "127.0.0.1:7070", Some(token.expose()))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
