#![allow(clippy::unwrap_used)]
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

const V1_18: FlinkVersion = FlinkVersion { major: 1, minor: 18, patch: 1 };
const V1_20: FlinkVersion = FlinkVersion { major: 1, minor: 20, patch: 5 };
const V2: FlinkVersion = FlinkVersion { major: 2, minor: 3, patch: 0 };

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs_err::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn the_flink_version_says_which_of_two_files_is_read() {
    let both = folder(&[(FLAT, "from: flat\n"), (YAML, "from: yaml\n")]);
    for (version, file) in [(V1_18, "flat"), (V1_20, "flat"), (V2, "yaml")] {
        assert_eq!(
            Configuration::load(both.path(), &version).unwrap().get("from"),
            Some(file),
            "{version}"
        );
    }
    let yaml = folder(&[(YAML, "from: yaml\n")]);
    assert_eq!(Configuration::load(yaml.path(), &V1_20).unwrap().get("from"), Some("yaml"));
}

#[test]
fn a_folder_without_the_right_file_is_an_error_that_names_both() {
    let yaml = folder(&[(YAML, "from: yaml\n")]);
    let error = Configuration::load(yaml.path(), &V1_18).unwrap_err().to_string();
    assert!(
        error.contains(yaml.path().to_str().unwrap()) && error.contains("flink-conf.yaml"),
        "{error}"
    );
    let error = Configuration::load(folder(&[]).path(), &V2).unwrap_err().to_string();
    assert!(error.contains("config.yaml") && !error.contains("flink-conf"), "{error}");
}

#[test]
fn an_unparsable_file_is_an_error_with_file_and_line() {
    let folder = folder(&[(YAML, "a: b\nc: [d\n")]);
    let error = Configuration::load(folder.path(), &V2).unwrap_err().to_string();
    assert!(error.contains("config.yaml:2: unclosed bracket"), "{error}");
    fs_err::write(folder.path().join(YAML), b"a: b\nc: \xff\n").unwrap();
    let error = Configuration::load(folder.path(), &V2).unwrap_err().to_string();
    assert!(error.ends_with("config.yaml:2: not UTF-8"), "{error}");
}

#[test]
fn a_value_knows_its_file_and_line() {
    let folder = folder(&[(YAML, "rest:\n  port: 8081\n")]);
    let config = Configuration::load(folder.path(), &V2).unwrap();
    let expected = format!("{}:2", folder.path().join(YAML).display());
    assert_eq!(config.source("rest.port").unwrap().to_string(), expected);
}

#[test]
fn a_file_keeps_its_keys_order_and_types_when_it_is_written_again() {
    let text = "b: 1\na.z: '1'\na.b: [x, 'y z', 2]\nt: true\nu: 'true'\n";
    let (from, to) = (folder(&[(YAML, text)]), folder(&[]));
    let path = Configuration::load(from.path(), &V2).unwrap().write(to.path(), &V2).unwrap();
    assert_eq!(
        fs_err::read_to_string(path).unwrap(),
        "b: 1\na.z: '1'\na.b: [x, y z, 2]\nt: true\nu: 'true'\n"
    );
}

#[test]
fn the_written_file_is_for_its_owner_only() {
    let to = folder(&[]);
    let path = Configuration::new().write(to.path(), &V2).unwrap();
    assert_eq!(fs_err::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_the_old_format_cannot_hold_is_refused_by_key_and_never_shown() {
    let mut config = Configuration::new();
    config.set("some.password", "hush#hush", Source::DynamicProperty);
    let to = folder(&[]);
    let error = config.write(to.path(), &V1_18).unwrap_err().to_string();
    assert!(
        error.contains("some.password") && error.contains("1.18.1") && !error.contains("hush"),
        "{error}"
    );
    assert!(config.write(to.path(), &V1_20).is_ok());
}

#[test]
fn a_file_that_would_be_read_instead_is_an_error() {
    let to = folder(&[(FLAT, "a: b\n")]);
    assert!(
        Configuration::new()
            .write(to.path(), &V1_20)
            .unwrap_err()
            .to_string()
            .contains("flink-conf.yaml")
    );
    assert!(Configuration::new().write(to.path(), &V2).is_ok());
}

const KEYS: &str = "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}";

proptest! {
    #[test]
    fn any_configuration_is_read_back_from_config_yaml(
        entries in prop::collection::vec((KEYS, any::<String>()), 0..8)
    ) {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(key, value, Source::DynamicProperty);
        }
        let to = folder(&[]);
        config.write(to.path(), &V1_20).unwrap();
        let read = Configuration::load(to.path(), &V1_20).unwrap();
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), config.iter().collect::<Vec<_>>());
    }
}
