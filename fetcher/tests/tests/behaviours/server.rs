use std::time::Duration;

use common::rate::RateFloor;
use fetcher_formats::{Digest, Manifest};
use fetcher_server::{ArtifactServer, Catalogue, ServerError, ServerOptions};
use fetcher_tests::support::{artifact, get, loopback, noise, request, serve};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn manifest_and_blobs_are_served_by_digest() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(vec![artifact(folder.path(), "lib/a", b"hello")], loopback()).await;
    let token = server.issue_token("tm-1");

    let answer = get(
        &format!("{}/v1/manifests/{}", server.url(), server.manifest()),
        Some(token.expose()),
        &[],
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(Manifest::decode(&answer.body).unwrap().digest(), server.manifest());

    let digest = Digest::of(b"hello");
    let answer =
        get(&format!("{}/v1/blobs/{digest}", server.url()), Some(token.expose()), &[]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::OK, b"hello".as_slice()));
    assert_eq!(answer.header("etag"), format!("\"{digest}\""));
    assert!(answer.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn without_a_valid_token_the_server_reveals_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        serve(vec![artifact(folder.path(), "lib/secret-name", b"hello")], loopback()).await;
    let revoked = server.issue_token("tm-1");
    server.revoke("tm-1");

    let mut answers = Vec::new();
    for digest in [Digest::of(b"hello"), Digest::of(b"unknown")] {
        for token in [None, Some("wrong"), Some(revoked.expose())] {
            for kind in ["blobs", "manifests"] {
                let answer = get(&format!("{}/v1/{kind}/{digest}", server.url()), token, &[]).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
                assert_eq!(answer.header("www-authenticate"), "Bearer");
                answers.push(answer.body);
            }
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the answer reveals what exists");
}

#[tokio::test]
async fn ranges_need_the_right_entity_tag() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(3 << 20, 1);
    let server = serve(vec![artifact(folder.path(), "a", &content)], loopback()).await;
    let token = server.issue_token("tm-1");
    let digest = Digest::of(&content);
    let url = format!("{}/v1/blobs/{digest}", server.url());

    let answer = get(&url, Some(token.expose()), &[("Range", "bytes=1048577-2097151")]).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.header("content-range"), "bytes 1048577-2097151/3145728");
    assert!(answer.body == content[1_048_577..2_097_152]);

    let etag = format!("\"{digest}\"");
    let same = [("Range", "bytes=5-9"), ("If-Range", etag.as_str())];
    assert_eq!(get(&url, Some(token.expose()), &same).await.status, StatusCode::PARTIAL_CONTENT);
    let other = [("Range", "bytes=5-9"), ("If-Range", "\"other\"")];
    assert_eq!(get(&url, Some(token.expose()), &other).await.body.len(), content.len());

    let beyond = get(&url, Some(token.expose()), &[("Range", "bytes=3145728-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */3145728");

    let known = get(&url, Some(token.expose()), &[("If-None-Match", etag.as_str())]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn head_returns_the_size_without_a_body() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(vec![artifact(folder.path(), "a", b"hello")], loopback()).await;
    let token = server.issue_token("tm-1");
    let url = format!("{}/v1/blobs/{}", server.url(), Digest::of(b"hello"));
    let answer = request(Method::HEAD, &url, Some(token.expose()), &[]).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("content-length"), answer.body.len()),
        (StatusCode::OK, "5", 0)
    );
}

#[tokio::test]
async fn other_methods_are_rejected() {
    let server = serve(Vec::new(), loopback()).await;
    let answer = request(Method::DELETE, server.url(), None, &[]).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn a_published_file_needs_its_own_url_and_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(Vec::new(), loopback()).await;
    let source = folder.path().join("binary");
    fs_err::write(&source, b"ELF").unwrap();
    let url = server.publish_file("bin/my executor", source.clone());
    assert!(url.ends_with("/bin/my%20executor"), "{url}");
    assert_eq!(server.publish_file("bin/my executor", source), url);
    assert_eq!(get(&url, None, &[]).await.body, b"ELF");

    let guessed = format!("{}/{}/bin/my%20executor", server.url(), "0".repeat(32));
    assert_eq!(get(&guessed, None, &[]).await.status, StatusCode::NOT_FOUND);
    let climbing = url.replace("bin/my%20executor", "bin/..%2f..%2fetc/passwd");
    assert_eq!(get(&climbing, None, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_changed_after_hashing_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = artifact(folder.path(), "a", b"hello");
    let source = artifact.source.clone();
    let server = serve(vec![artifact], loopback()).await;
    let token = server.issue_token("tm-1");
    let url = format!("{}/v1/blobs/{}", server.url(), Digest::of(b"hello"));

    fs_err::write(&source, b"HELLO").unwrap();
    assert_eq!(get(&url, Some(token.expose()), &[]).await.status, StatusCode::GONE);
    fs_err::remove_file(&source).unwrap();
    let answer = get(&url, Some(token.expose()), &[]).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(
        !String::from_utf8_lossy(&answer.body).contains(folder.path().to_str().unwrap()),
        "local paths leak"
    );
}

#[tokio::test]
async fn the_answer_breaks_off_if_its_file_changes_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(64 << 20, 1);
    let artifact = artifact(folder.path(), "a", &content);
    let source = artifact.source.clone();
    let server = serve(vec![artifact], loopback()).await;
    let token = server.issue_token("tm-1");
    let path = format!("/v1/blobs/{}", Digest::of(&content));

    let mut client = ask(&server, &path, token.expose()).await;
    let mut start = vec![0; 1 << 20];
    client.read_exact(&mut start).await.unwrap();
    fs_err::OpenOptions::new()
        .append(true)
        .open(&source)
        .unwrap()
        .set_len(content.len() as u64 + 1)
        .unwrap();
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest).await;
    assert!(
        read.is_err() || rest.len() + start.len() < content.len(),
        "all bytes were sent under the old digest"
    );
}

#[tokio::test]
async fn transfers_beyond_the_limit_get_a_503() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(64 << 20, 1);
    let options = ServerOptions { max_streams: 1, ..loopback() };
    let server = serve(vec![artifact(folder.path(), "a", &content)], options).await;
    let token = server.issue_token("tm-1");
    let path = format!("/v1/blobs/{}", Digest::of(&content));

    let mut slow = ask(&server, &path, token.expose()).await;
    slow.read_exact(&mut [0; 100]).await.unwrap();
    let answer = get(&format!("{}{path}", server.url()), Some(token.expose()), &[]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "1")
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_get_a_503() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(64 << 20, 1);
    let options = ServerOptions { max_connections: 1, ..loopback() };
    let server = serve(vec![artifact(folder.path(), "a", &content)], options).await;
    let token = server.issue_token("tm-1");
    let mut first =
        ask(&server, &format!("/v1/blobs/{}", Digest::of(&content)), token.expose()).await;
    first.read_exact(&mut [0; 8]).await.unwrap();
    assert_eq!(get(server.url(), None, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn connections_without_a_request_do_not_keep_others_out() {
    let server = serve(Vec::new(), ServerOptions { max_connections: 8, ..loopback() }).await;
    let mut others = Vec::new();
    for sent in ["", "GET / HTTP/1.1\r\nHos", "GET / HTTP/1.1\r\n\r\n"].iter().cycle().take(24) {
        let mut other = TcpStream::connect(server.address()).await.unwrap();
        other.write_all(sent.as_bytes()).await.unwrap();
        others.push(other);
    }
    assert_eq!(get(server.url(), None, &[]).await.status, StatusCode::NOT_FOUND);
    // The oldest one was closed.
    assert_eq!(others[0].read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(64 << 20, 1);
    let floor = RateFloor { bytes_per_second: 1, window: Duration::from_millis(100) };
    let server = serve(
        vec![artifact(folder.path(), "a", &content)],
        ServerOptions { max_streams: 1, floor, ..loopback() },
    )
    .await;
    let token = server.issue_token("tm-1");
    let path = format!("/v1/blobs/{}", Digest::of(&content));

    let _stuck = ask(&server, &path, token.expose()).await;
    let served = async {
        let url = format!("{}{path}", server.url());
        // On a busy machine, the server may take this client for a stuck one too.
        while !request(Method::GET, &url, Some(token.expose()), &[])
            .await
            .is_ok_and(|got| got.status == StatusCode::OK)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), served)
        .await
        .expect("the stuck client kept its place");
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(
        vec![artifact(folder.path(), "a", b"hello"), artifact(folder.path(), "b", b"")],
        loopback(),
    )
    .await;
    let token = server.issue_token("tm-1");
    let blobs = [b"hello".as_slice(), b"", b"hello"].map(|content| {
        let path = format!("/v1/blobs/{}", Digest::of(content));
        format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n", token.expose())
    });
    let requests = blobs.concat() + "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert_eq!(answers.matches("\r\n\r\nhello").count(), 2, "{answers}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_as_such() {
    let server = serve(Vec::new(), loopback()).await;
    let options = ServerOptions { bind: server.address(), ..loopback() };
    let manifest = Manifest::new(Vec::new()).unwrap();
    match ArtifactServer::start(options, manifest, Catalogue::default()).await {
        Err(error @ ServerError::PortInUse { .. }) => assert!(error.to_string().contains("in use")),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two servers on one port"),
    }
}

#[tokio::test]
async fn the_advertised_name_is_in_the_url() {
    let options = ServerOptions { advertise: Some("gateway.example".to_owned()), ..loopback() };
    let server = serve(Vec::new(), options).await;
    assert_eq!(server.url(), format!("http://gateway.example:{}", server.address().port()));
}

#[tokio::test]
async fn shutdown_ends_running_transfers() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise(64 << 20, 1);
    let server = serve(vec![artifact(folder.path(), "a", &content)], loopback()).await;
    let token = server.issue_token("tm-1");
    let mut client =
        ask(&server, &format!("/v1/blobs/{}", Digest::of(&content)), token.expose()).await;
    client.read_exact(&mut [0; 100]).await.unwrap();
    let address = server.address();
    server.shutdown().await;
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest).await;
    assert!(read.is_err() || rest.len() < content.len());
    assert!(TcpStream::connect(address).await.is_err(), "the server still listens");
}

/// Sends a request, and does not read the answer.
async fn ask(server: &ArtifactServer, path: &str, token: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client
}
