#![allow(clippy::unwrap_used)]
use fetcher_formats::manifest::Manifest;

use super::*;

const URL: &str = "http://host:1/v1/blobs/x";

/// One of each, with what its message must name.
fn all() -> Vec<(FetchError, FetchBlame, &'static [&'static str])> {
    let (url, text) = (|| URL.to_owned(), "sorry".to_owned());
    let path: TreePath = "lib/a.jar".parse().unwrap();
    let (expected, seen) = (Digest::of(b""), Digest::of(b"abc"));
    let status = |status| FetchError::Status {
        url: url(),
        status,
        text: "sorry".to_owned(),
        retry_after: None,
    };
    vec![
        (
            FetchError::Address { url: url(), reason: "is odd".to_owned() },
            FetchBlame::Configuration,
            &[URL, "is odd"],
        ),
        (
            FetchError::Refused { url: url(), status: StatusCode::UNAUTHORIZED, text },
            FetchBlame::Configuration,
            &[URL, "401", "sorry"],
        ),
        (status(StatusCode::NOT_FOUND), FetchBlame::Artifact, &[URL, "404", "sorry"]),
        (status(StatusCode::BAD_GATEWAY), FetchBlame::Network, &[URL, "502", "sorry"]),
        (
            FetchError::Network { url: url(), bytes: 17, reason: "reset".to_owned() },
            FetchBlame::Network,
            &[URL, "17 bytes", "reset"],
        ),
        (
            FetchError::Stalled { url: url(), bytes: 17, floor: 1024 },
            FetchBlame::Network,
            &[URL, "17 bytes", "1024"],
        ),
        (
            FetchError::Size { url: url(), expected: 5, seen: 6 },
            FetchBlame::Artifact,
            &[URL, "5", "6"],
        ),
        (
            FetchError::Size { url: url(), expected: 5, seen: 6 }.of_secret("secret a/key"),
            FetchBlame::Artifact,
            &["secret a/key", "http://host:1 has another size"],
        ),
        (
            FetchError::Digest { url: url(), expected, seen, bytes: 17 },
            FetchBlame::Artifact,
            &[URL, "17 bytes", "expected e3b0c442", "sha256 ba7816bf"],
        ),
        (
            FetchError::Manifest { url: url(), source: Manifest::decode(b"x").unwrap_err() },
            FetchBlame::Artifact,
            &[URL, "not a usable manifest"],
        ),
        (
            FetchError::archive(
                UnpackError::Limit { what: "files", limit: 7 },
                &path,
                Path::new("/s"),
            ),
            FetchBlame::Artifact,
            &["lib/a.jar", "more than 7 files"],
        ),
        (
            FetchError::NoSpace { path: "/c".into(), needed: 5, available: 4 },
            FetchBlame::Host,
            &["/c", "5 bytes needed", "4 available"],
        ),
        (
            FetchError::NoInodes { path: "/c".into(), needed: 5, available: 4 },
            FetchBlame::Host,
            &["/c", "5 files, links and folders are needed", "4 are left"],
        ),
        (FetchError::Disk(fs_err::read("/no/such").unwrap_err()), FetchBlame::Host, &["/no/such"]),
        (FetchError::Exists("/s/flink".into()), FetchBlame::Configuration, &["/s/flink"]),
        (FetchError::Stopped, FetchBlame::Host, &["before it was complete"]),
    ]
}

#[test]
fn every_error_names_what_it_is_about_and_who_is_to_blame() {
    for (error, blame, named) in all() {
        let message = error.to_string();
        for name in named {
            assert!(message.contains(name), "{}: no `{name}` in `{message}`", error.kind());
        }
        assert_eq!(error.blame(), blame, "{message}");
    }
}

#[test]
fn an_error_about_a_secret_has_neither_digest_nor_size_nor_url() {
    let url = || format!("http://host:1/v1/blobs/{}", Digest::of(b"abc"));
    let (path, text) = (PathBuf::from("/s"), format!("no file {}", Digest::of(b"abc")));
    let status = StatusCode::NOT_FOUND;
    let full = io::Error::from(io::ErrorKind::StorageFull);
    for (error, expected) in [
        (
            FetchError::Digest {
                url: url(),
                expected: Digest::of(b""),
                seen: Digest::of(b"abc"),
                bytes: 17,
            },
            "secret a/key: http://host:1 has the wrong content",
        ),
        (
            FetchError::Size { url: url(), expected: 17, seen: 18 },
            "secret a/key: http://host:1 has another size",
        ),
        (
            FetchError::Status { url: url(), status, text, retry_after: None },
            "secret a/key: http://host:1 answered 404 Not Found",
        ),
        (
            FetchError::Refused { url: url(), status, text: "over TLS only".to_owned() },
            "secret a/key: http://host:1 answered 404 Not Found: over TLS only",
        ),
        (
            FetchError::Network { url: url(), bytes: 17, reason: "reset".to_owned() },
            "secret a/key: http://host:1 broke off: reset",
        ),
        (
            FetchError::Network {
                url: "/v1/secrets".to_owned(),
                bytes: 17,
                reason: "late".to_owned(),
            },
            "secret a/key: the artifact server broke off: late",
        ),
        (
            FetchError::Stalled { url: url(), bytes: 17, floor: 1024 },
            "secret a/key: http://host:1 stalled: less than 1024 bytes per second",
        ),
    ] {
        let (blame, kind) = (error.blame(), error.kind());
        let shown = error.of_secret("secret a/key");
        assert_eq!(
            (shown.to_string().as_str(), shown.blame(), shown.kind()),
            (expected, blame, kind)
        );
        assert!(!format!("{shown:?}").contains("17"), "{shown:?}");
    }
    let FetchError::NoSpace { needed, .. } = FetchError::disk(full, &path, 17) else {
        panic!("another error")
    };
    assert_eq!(needed, 4096);
}

#[test]
fn every_error_has_its_own_kind() {
    let mut kinds: Vec<_> = all().iter().map(|(error, ..)| error.kind()).collect();
    kinds.dedup();
    let count = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    // The status occurs twice, because either side may be to blame.
    assert_eq!((kinds.len(), count), (13, 13));
}

#[test]
fn a_long_url_is_cut_and_its_control_characters_are_escaped() {
    let url = || format!("http://host/\u{1b}[2J\n{}", "x".repeat(1 << 20));
    let (expected, seen) = (Digest::of(b""), Digest::of(b"abc"));
    let (status, text) = (StatusCode::FORBIDDEN, "sorry".to_owned());
    let errors = || {
        [
            FetchError::Address { url: url(), reason: "is odd".to_owned() },
            FetchError::Refused { url: url(), status, text: text.clone() },
            FetchError::Status { url: url(), status, text: text.clone(), retry_after: None },
            FetchError::Network { url: url(), bytes: 17, reason: "reset".to_owned() },
            FetchError::Stalled { url: url(), bytes: 17, floor: 1024 },
            FetchError::Size { url: url(), expected: 5, seen: 6 },
            FetchError::Digest { url: url(), expected, seen, bytes: 17 },
            FetchError::Manifest { url: url(), source: Manifest::decode(b"x").unwrap_err() },
        ]
    };
    let of_secrets = errors().map(|error| error.of_secret("secret a/key"));
    for error in errors().into_iter().chain(of_secrets) {
        let shown = error.to_string();
        assert!(shown.contains("http://host/\\u{1b}[2J\\nxxx"), "{shown}");
        assert!(shown.chars().count() < 500 && shown.contains('…'), "{shown}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
