#![allow(clippy::unwrap_used)]
use fetcher_formats::{Digest, Format, TreePath};
use flink::{config::Source, options};
use proptest::prelude::*;

use super::{sources::PREFIX, *};

fn read(options: &[(&str, &str)]) -> Result<TaskUris, String> {
    let mut config = Configuration::new();
    for (key, value) in options {
        config.set(*key, *value, Source::DynamicProperty);
    }
    Report::of(|report| TaskUris::read(&config, report))
}

#[test]
fn no_uri_is_a_secret_so_an_error_may_name_its_digest() {
    for option in ["secret=true", "sha256=00&secret"] {
        let error = read(&[(TASKS_URIS.key(), &format!("/etc/key#{option}"))]).unwrap_err();
        assert!(
            error.contains("unknown option `secret`") && error.contains("mesos.secret-artifacts."),
            "{error}"
        );
    }
}

#[test]
fn more_uris_than_any_user_needs_are_refused() {
    let list =
        |count: usize| (0..count).map(|i| format!("http://h/{i}")).collect::<Vec<_>>().join(",");
    assert_eq!(read(&[(TASKS_URIS.key(), &list(1000))]).unwrap().uris.len(), 1000);
    assert!(
        read(&[(TASKS_URIS.key(), &list(1001))])
            .unwrap_err()
            .contains("1001 URIs, allowed are 1000")
    );
}

fn uris(text: &str) -> Vec<TaskUri> {
    read(&[(TASKS_URIS.key(), text)]).unwrap().uris
}

fn error(text: &str) -> String {
    read(&[(TASKS_URIS.key(), text)]).unwrap_err()
}

#[test]
fn upstreams_plain_list_means_what_mesos_did_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.txt");
    fs_err::write(&file, "").unwrap();
    let uris = uris(&format!("http://h/a.tgz, s3://b/c.jar ,{},", file.display()));
    let seen: Vec<_> =
        uris.iter().map(|uri| (uri.extract, uri.executable, uri.destination.as_ref())).collect();
    let place = |text: &str| text.parse::<TreePath>().unwrap();
    let (jar, txt) = (place("c.jar"), place("e.txt"));
    let expected =
        [(Some(Format::TarGz), false, None), (None, false, Some(&jar)), (None, false, Some(&txt))];
    assert_eq!(seen, expected);
    assert!(read(&[]).unwrap().uris.is_empty());
}

#[test]
fn each_uri_has_options_of_its_own() {
    let digest = Digest::of(b"x");
    let text = format!(
        "http://h/a.zip#extract=false&destination=d/n.zip&sha256={digest},http://h/run#executable=true"
    );
    let [first, second] = <[TaskUri; 2]>::try_from(uris(&text)).unwrap();
    assert_eq!((first.sha256, first.extract), (Some(digest), None));
    assert_eq!(first.destination.unwrap().as_str(), "d/n.zip");
    assert!(second.executable && !first.executable);
    let unpacked = uris("http://h/a.jar#extract=true&destination=classes");
    assert_eq!(unpacked[0].extract, Some(Format::Zip));
}

#[test]
fn a_bad_option_names_uri_option_and_what_is_allowed() {
    for (text, parts) in [
        (
            "http://u:hush@h/a#cache=true",
            vec!["http://***@h/a", "`cache`", "sha256, extract, executable, destination"],
        ),
        ("http://h/a#extract=yes", vec!["http://h/a", "extract=yes", "true, false"]),
        ("http://h/a#executable=true&executable=true", vec!["executable", "twice"]),
        ("http://h/a#sha256=12", vec!["http://h/a", "sha256"]),
        ("http://h/a#destination=../x", vec!["destination", "`..`"]),
        ("http://h/a#destination=conf/x", vec!["`conf` is reserved", "log"]),
        ("http://h/flink", vec!["`flink` is reserved"]),
        ("http://h/a.tar.xz", vec!["a.tar.xz", "cannot be unpacked", ".tar.zst", "extract=false"]),
        ("http://h/a.txt#extract=true", vec!["a.txt", "cannot be unpacked"]),
        ("http://h/a.zip#extract=true&executable=true", vec!["exclude each other"]),
        ("ftp://h/a", vec!["ftp://h/a", "allowed", "https://"]),
        ("http://h/a,s3://b/a", vec!["http://h/a and s3://b/a", "destination="]),
        ("http://h/a,http://h/b#destination=a/b", vec!["conflict in the sandbox"]),
    ] {
        let error = error(text);
        assert!(
            error.starts_with(TASKS_URIS.key()) && parts.iter().all(|part| error.contains(part)),
            "{text}: {error}"
        );
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn an_archive_in_another_format_may_stay_packed() {
    assert_eq!(uris("http://h/a.tar.xz#extract=false")[0].extract, None);
}

#[test]
fn sources_have_settings_and_unknown_ones_are_refused() {
    let some =
        [("mesos.source.s3.endpoint", "http://s3"), ("mesos.source.s3.secret-access-key", "hush")];
    let uris = read(&some).unwrap();
    assert!(uris.settings.contains_key(&Scheme::S3) && !format!("{uris:?}").contains("hush"));
    for (key, part) in [
        ("mesos.source.s3.bucket", "allowed: endpoint"),
        ("mesos.source.ftp.user", "allowed: file"),
    ] {
        let error = read(&[(key, "x")]).unwrap_err();
        assert!(error.starts_with(key) && error.contains(part), "{error}");
    }
}

#[test]
fn every_setting_of_a_source_is_in_the_table_of_options() {
    for scheme in Scheme::ALL {
        for name in Settings::names(scheme) {
            let key = format!("{PREFIX}{scheme}.{name}");
            assert!(options::find(&key).is_some(), "{key}");
        }
    }
}

proptest! {
    #[test]
    fn no_list_breaks_the_parser(text in "[a-z:/#&=,.@?%]{0,40}") {
        _ = read(&[(TASKS_URIS.key(), &text)]);
    }
}
