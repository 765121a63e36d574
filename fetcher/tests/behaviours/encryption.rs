//! The certificates beside this file are for these tests only: an authority whose key nobody has any more, and a server
//! called localhost, both good for a hundred years.

use std::path::{Path, PathBuf};

use fetcher::{
    ArtifactServer, Digest, FetchError, FetchOptions, Identity, Request, ServerError, ServerOptions, build,
    materialise_with,
};
use reqwest::StatusCode;
use tokio::sync::watch;

use crate::support::{artifact, get, loopback, noise, serve};

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviours/certificates").join(name)
}

fn encrypted() -> ServerOptions {
    let identity = Identity { certificate: certificate("server.pem"), key: certificate("server.key") };
    ServerOptions { identity: Some(identity), advertise: Some("localhost".to_owned()), ..loopback() }
}

async fn fetch(server: &ArtifactServer, target: &Path, trusted: Option<&str>) -> Result<(), FetchError> {
    let request = Request {
        urls: vec![server.url().to_owned()],
        manifest: server.manifest(),
        token: server.issue_token("tm"),
        target: target.to_owned(),
    };
    let trusted = trusted.map(|name| fs_err::read(certificate(name)).unwrap());
    let patience = std::time::Duration::ZERO;
    let options = FetchOptions { trusted, patience, ..FetchOptions::default() };
    materialise_with(request, options, watch::Sender::default()).await.map(drop)
}

#[tokio::test]
async fn a_tree_comes_over_tls_when_the_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise((17 << 20) + 3, 1);
    let artifacts = vec![artifact(folder.path(), "lib/a.jar", &content), artifact(folder.path(), "empty", b"")];
    let server = serve(artifacts, encrypted()).await;
    assert!(server.url().starts_with("https://localhost:"));
    fetch(&server, &folder.path().join("flink"), Some("authority.pem")).await.unwrap();
    assert!(fs_err::read(folder.path().join("flink/lib/a.jar")).unwrap() == content);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(vec![artifact(folder.path(), "a", b"content")], encrypted()).await;
    let error = fetch(&server, &folder.path().join("flink"), Some("server.pem")).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn secrets_go_over_loopback_or_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut secret = artifact(folder.path(), "conf/keytab", b"secret");
    secret.secret = true;
    let plain = serve(vec![secret.clone()], loopback()).await;
    let token = plain.issue_token("tm");
    let url = format!("{}/v1/blobs/{}", plain.url(), Digest::of(b"secret"));
    assert_eq!(get(&url, Some(token.expose()), &[]).await.status, StatusCode::OK);
    let server = serve(vec![secret], encrypted()).await;
    fetch(&server, &folder.path().join("flink"), Some("authority.pem")).await.unwrap();
}

#[tokio::test]
async fn a_java_key_store_is_refused_with_the_way_to_convert_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keystore.jks");
    for (start, words) in [
        ([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2].as_slice(), ["JKS", "keytool -importkeystore -srckeystore"]),
        (&[0x30, 0x82, 0x0a, 0x46, 0x02, 0x01, 0x03, 0x30], ["PKCS#12", "openssl pkcs12 -in"]),
    ] {
        fs_err::write(&store, start).unwrap();
        let error = refused(Identity { certificate: store.clone(), key: certificate("server.key") }).await;
        assert!(words.iter().all(|word| error.contains(word)) && error.contains("keystore.jks"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_certificate_or_key_is_named() {
    let (server, key) = (certificate("server.pem"), certificate("server.key"));
    for (certificate, key, named) in [
        (key.clone(), key.clone(), "server.key"),
        (server.clone(), server.clone(), "server.pem"),
        (certificate("authority.pem"), key.clone(), "server.key"),
        (certificate("gone.pem"), key, "gone.pem"),
    ] {
        let error = refused(Identity { certificate, key }).await;
        assert!(error.contains(named), "{error}");
    }
}

async fn refused(identity: Identity) -> String {
    let (manifest, catalogue) = build(Vec::new()).await.unwrap();
    let options = ServerOptions { identity: Some(identity), ..loopback() };
    match ArtifactServer::start(options, manifest, catalogue).await {
        Err(error @ ServerError::Tls(_)) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("started without a usable certificate"),
    }
}
