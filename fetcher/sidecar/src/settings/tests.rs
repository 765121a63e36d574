#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn read(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fetcher.toml");
    fs_err::write(&path, file).unwrap();
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut sources = Sources::defaults();
    let read = sources.read_file(&path).and_then(|()| sources.read_variables(&variables));
    let settings = read.and_then(|()| sources.settings());
    settings.map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

#[test]
fn without_settings_the_defaults_apply() {
    let settings = read("", &[]).unwrap();
    assert_eq!(settings.budget, 20 << 30);
    assert_eq!((settings.listen, settings.fetches), (None, 16));
    assert_eq!(
        (settings.patience, settings.grace),
        (Duration::from_secs(120), Duration::from_secs(30))
    );
}

#[test]
fn a_later_source_overrides_an_earlier_one() {
    let file = "budget = \"1 GiB\"\nconnections = 8\nfetches = 2\n";
    let settings =
        read(file, &[("FLINK_MESOS_FETCHER_BUDGET", "2 GiB"), ("PATH", "/bin")]).unwrap();
    assert_eq!((settings.budget, settings.connections, settings.fetches), (2 << 30, 8, 2));
    let mut sources = Sources::defaults();
    sources
        .read_variables(&[("FLINK_MESOS_FETCHER_LOG_FORMAT".to_owned(), "text".to_owned())])
        .unwrap();
    sources.read_flag(
        SETTINGS.iter().find(|setting| setting.key == "log-format").unwrap(),
        "json".to_owned(),
    );
    assert_eq!(sources.settings().unwrap().log_format, LogFormat::Json);
}

#[test]
fn an_error_names_its_source_and_what_is_allowed() {
    let cases = [
        (
            "# budget\nbudget = \"lots\"",
            "FILE:2: budget = `lots` is not a size (allowed: a number with B, KiB, MiB",
        ),
        ("budget = 0", "FILE:1: budget = `0` is nothing (allowed: 1 B and more)"),
        (
            "\n\nbugdet = 1",
            "FILE:3: `bugdet` is not a setting (allowed: socket, cache, budget, listen, ",
        ),
        ("cache = \"cache\"", "FILE:1: cache = `cache` is not an absolute path"),
        ("listen = \"7080\"", "FILE:1: listen = `7080` is not an address with a port"),
        ("fetches = 65", "FILE:1: fetches = `65` is out of range (allowed: 1 to 64)"),
        ("patience = \"25 h\"", "FILE:1: patience = `25 h` is not a time"),
        ("log = \"loud\"", "FILE:1: log = `loud` is not a log level"),
        (
            "log-format = \"xml\"",
            "FILE:1: log-format = `xml` is not a format (allowed: text, json)",
        ),
        ("[peers]\na = 1", "FILE:1: `peers` must be a text or a whole number"),
        ("budget = 1\nbudget", "FILE:2: invalid TOML: "),
        ("budget = 1\nbudget = 2", "FILE:2: invalid TOML: "),
    ];
    for (file, expected) in cases {
        let error = read(file, &[]).unwrap_err();
        assert!(error.starts_with(expected), "{file:?}: {error}");
    }
    let error = read("", &[("FLINK_MESOS_FETCHER_GRACE", "soon")]).unwrap_err();
    assert!(
        error.starts_with(
            "environment variable FLINK_MESOS_FETCHER_GRACE: grace = `soon` is not a time"
        ),
        "{error}"
    );
    let error = read("", &[("FLINK_MESOS_FETCHER_CAHCE", "/a")]).unwrap_err();
    assert!(
        error.starts_with(
            "environment variable FLINK_MESOS_FETCHER_CAHCE: `cahce` is not a setting"
        ),
        "{error}"
    );
}

#[test]
fn a_socket_that_is_too_long_or_the_cache_too_is_refused() {
    let longest = format!("/{}", "s".repeat(106));
    assert_eq!(read(&format!("socket = {longest:?}"), &[]).unwrap().socket, Path::new(&longest));
    let error = read(&format!("socket = \"{longest}s\""), &[]).unwrap_err();
    let expected = format!(
        "FILE:1: socket = `{longest}s` is too long for a socket: 108 bytes (allowed: up to 107)"
    );
    assert_eq!(error, expected);
    let error = read("socket = \"/run/x/\"\ncache = \"/run/x\"", &[]).unwrap_err();
    assert_eq!(
        error,
        "FILE:2: cache = `/run/x` is the path of the socket too: name another path for one of them"
    );
}

#[test]
fn the_token_is_not_a_setting() {
    read("", &[(TOKEN_VARIABLE, "secret")]).unwrap();
}

#[test]
fn the_documentation_lists_every_setting() {
    let documentation = include_str!("../../../../docs/fetcher.md");
    assert!(
        documentation.contains(&reference()),
        "docs/fetcher.md should have this table:\n{}",
        reference()
    );
}

proptest! {
    #[test]
    fn sizes_are_read_as_they_are_shown(mebibytes in 1_u64..1024) {
        let shown = human_bytes(mebibytes << 20).to_string();
        prop_assert_eq!(bytes(&shown), Ok(mebibytes << 20));
    }

    #[test]
    fn no_file_causes_a_panic(file in "\\PC{0,200}") {
        _ = read(&file, &[]);
    }
}
