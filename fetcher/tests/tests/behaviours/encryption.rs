//! Certificates for these tests only: an authority whose key no longer exists, and a server named
//! localhost, both valid for a hundred years.

use std::path::{Path, PathBuf};

use fetcher_client::{FetchError, FetchOptions, Request, materialise_with};
use fetcher_formats::Digest;
use fetcher_server::{ArtifactServer, Identity, ServerError, ServerOptions, build};
use fetcher_tests::support::{artifact, get, loopback, noise, serve};
use reqwest::StatusCode;
use tokio::sync::watch;

pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviours/certificates").join(name)
}

pub(crate) fn encrypted() -> ServerOptions {
    let identity =
        Identity::Pem { certificate: certificate("server.pem"), key: certificate("server.key") };
    ServerOptions {
        identity: Some(identity),
        advertise: Some("localhost".to_owned()),
        ..loopback()
    }
}

async fn fetch(
    server: &ArtifactServer,
    target: &Path,
    trusted: Option<&str>,
) -> Result<(), FetchError> {
    let trusted = trusted.map(|name| fs_err::read(certificate(name)).unwrap());
    fetch_with(server, target, trusted).await
}

async fn fetch_with(
    server: &ArtifactServer,
    target: &Path,
    trusted: Option<Vec<u8>>,
) -> Result<(), FetchError> {
    let request = Request {
        urls: vec![server.url().to_owned()],
        manifest: server.manifest(),
        secrets: server.secrets(),
        token: server.issue_token("tm"),
        target: target.to_owned(),
    };
    let patience = std::time::Duration::ZERO;
    let options = FetchOptions { trusted, patience, ..FetchOptions::default() };
    materialise_with(request, options, watch::Sender::default()).await.map(drop)
}

#[tokio::test]
async fn a_tree_is_fetched_over_tls_if_the_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let content = noise((17 << 20) + 3, 1);
    let artifacts =
        vec![artifact(folder.path(), "lib/a.jar", &content), artifact(folder.path(), "empty", b"")];
    let server = serve(artifacts, encrypted()).await;
    assert!(server.url().starts_with("https://localhost:"));
    fetch(&server, &folder.path().join("flink"), Some("authority.pem")).await.unwrap();
    assert!(fs_err::read(folder.path().join("flink/lib/a.jar")).unwrap() == content);
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_gets_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(vec![artifact(folder.path(), "a", b"content")], encrypted()).await;
    let error = fetch(&server, &folder.path().join("flink"), Some("server.pem")).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn only_published_files_are_served_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions { plain_published: Some(loopback().bind), ..encrypted() };
    let server = serve(vec![artifact(folder.path(), "a", b"content")], options).await;
    let url = server.publish_file("executor", artifact(folder.path(), "b", b"program").source);
    assert!(url.starts_with("http://localhost:"), "{url}");
    assert_eq!(get(&url, None, &[]).await.body, b"program");
    let plain = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let token = server.issue_token("tm");
    let blob = format!("{plain}/v1/blobs/{}", Digest::of(b"content"));
    assert_eq!(get(&blob, Some(token.expose()), &[]).await.status, StatusCode::UNAUTHORIZED);
    server.shutdown().await;
}

#[tokio::test]
async fn secrets_are_sent_over_loopback_or_tls() {
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

/// Key stores made from `server.pem`, `server.key` and `authority.pem` with `openssl pkcs12` (also
/// with `-legacy`) and `keytool -importkeystore`; `authority.p12` is a trust store made with
/// `keytool -importcert`.
mod key_stores {
    use fetcher_server::{Password, Trust};

    use super::*;

    fn store(name: &str, password: &str) -> Identity {
        Identity::KeyStore { path: certificate(name), password: Password::new(password) }
    }

    #[tokio::test]
    async fn key_stores_of_openssl_and_keytool_work() {
        for name in ["server.p12", "server-legacy.p12", "server-keytool.p12"] {
            let folder = tempfile::tempdir().unwrap();
            let options = ServerOptions { identity: Some(store(name, "changeit")), ..encrypted() };
            let server = serve(vec![artifact(folder.path(), "a", b"content")], options).await;
            fetch(&server, &folder.path().join("flink"), Some("authority.pem")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_key_pair_made_by_keytool_is_self_signed() {
        // `keytool -genkeypair` with `-keyalg EC` and `RSA`. Java omits the public half of EC keys.
        for name in ["server-java-ec.p12", "server-java-rsa.p12"] {
            let folder = tempfile::tempdir().unwrap();
            let identity = store(name, "changeit");
            let trust = Trust::in_itself(&identity).unwrap();
            trust.check(&identity, "localhost").unwrap();
            let options = ServerOptions { identity: Some(identity), ..encrypted() };
            let server = serve(vec![artifact(folder.path(), "a", b"content")], options).await;
            fetch_with(&server, &folder.path().join("flink"), Some(trust.to_pem().into_bytes()))
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn clients_accept_certificates_signed_by_the_trust_store() {
        let folder = tempfile::tempdir().unwrap();
        let trust =
            Trust::read(&certificate("authority.p12"), Some(&Password::new("changeit"))).unwrap();
        assert_eq!(trust, Trust::read(&certificate("authority.pem"), None).unwrap());
        let server = serve(vec![artifact(folder.path(), "a", b"content")], encrypted()).await;
        let trusted = Some(trust.to_pem().into_bytes());
        fetch_with(&server, &folder.path().join("flink"), trusted).await.unwrap();
    }

    #[tokio::test]
    async fn a_wrong_password_or_a_store_without_a_key_is_reported() {
        let error = refused(store("server.p12", "wrong")).await;
        assert!(error.contains("server.p12 cannot be opened with this password"), "{error}");
        assert!(!error.contains("wrong"), "{error}");
        let error = refused(store("authority.p12", "changeit")).await;
        assert!(error.contains("authority.p12 contains no private key"), "{error}");
        let error = refused(store("server.pem", "changeit")).await;
        assert!(error.contains("server.pem is no PKCS#12 key store"), "{error}");
    }

    #[test]
    fn a_certificate_that_clients_would_reject_is_reported_at_the_start() {
        let identity = store("server.p12", "changeit");
        let trust = Trust::read(&certificate("authority.pem"), None).unwrap();
        for host in ["localhost", "127.0.0.1"] {
            trust.check(&identity, host).unwrap();
        }
        let error = trust.check(&identity, "am.example.org").unwrap_err().to_string();
        assert!(
            error.contains("under the name am.example.org") && error.contains("subjectAltName"),
            "{error}"
        );
        let stranger = Trust::read(&certificate("server.pem"), None).unwrap();
        let error = stranger.check(&identity, "localhost").unwrap_err().to_string();
        assert!(error.contains("the trust store must contain"), "{error}");
        // This store includes its authority.
        Trust::in_itself(&identity).unwrap().check(&identity, "localhost").unwrap();
    }

    #[tokio::test]
    async fn a_store_in_javas_own_format_is_rejected_with_the_command_to_convert_it() {
        let path = certificate("server.jks");
        let error = refused(store("server.jks", "changeit")).await;
        let command = format!(
            "keytool -importkeystore -srckeystore {0} -destkeystore {0}.p12 -deststoretype pkcs12",
            path.display()
        );
        assert!(error.contains("JKS") && error.ends_with(&command), "{error}");
    }

    #[test]
    fn debug_output_hides_a_password() {
        assert!(!format!("{:?}", store("server.p12", "changeit")).contains("changeit"));
    }
}

#[tokio::test]
async fn a_key_store_in_place_of_pem_is_rejected_with_the_command_to_convert_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keystore.jks");
    for (start, parts) in [
        (
            [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2].as_slice(),
            ["JKS", "keytool -importkeystore -srckeystore"],
        ),
        (&[0x30, 0x82, 0x0a, 0x46, 0x02, 0x01, 0x03, 0x30], ["PKCS#12", "openssl pkcs12 -in"]),
    ] {
        fs_err::write(&store, start).unwrap();
        let error =
            refused(Identity::Pem { certificate: store.clone(), key: certificate("server.key") })
                .await;
        assert!(
            parts.iter().all(|part| error.contains(part)) && error.contains("keystore.jks"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_certificate_or_key_is_named() {
    let (server, key) = (certificate("server.pem"), certificate("server.key"));
    for (certificate, key, named) in [
        (key.clone(), key.clone(), "server.key"),
        (server.clone(), server.clone(), "server.pem"),
        (certificate("authority.pem"), key.clone(), "server.key"),
        (certificate("gone.pem"), key, "gone.pem"),
    ] {
        let error = refused(Identity::Pem { certificate, key }).await;
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
