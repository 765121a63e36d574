//! The set-up: it installs everything, a second run costs nothing, and it fails with advice.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tests::{Line, cache_folder, flink_home, python, wordcount_jar};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("setup")
}

fn set_up(cache: &Path, parts: &[&str]) -> Output {
    Command::new(folder().join("setup"))
        .args(parts)
        .env("FLINK_MESOS_CACHE", cache)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A cache that contains only Flink.
fn cache_with_flink() -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap();
    for line in [Line::V1_18, Line::V1_20, Line::V2] {
        let home = flink_home(line);
        fs_err::os::unix::fs::symlink(&home, cache.path().join(home.file_name().unwrap())).unwrap();
    }
    cache
}

#[test]
fn a_second_set_up_does_nothing_and_takes_less_than_two_seconds_of_a_processor() {
    // Processor time of the script and all that it starts; on a busy machine, the clock shows
    // nothing.
    let script = "TIMEFORMAT='%U %S'; time \"$0\"";
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .arg(folder().join("setup"))
        .env("FLINK_MESOS_CACHE", cache_folder())
        .env("LC_ALL", "C");
    let output = bash.output().unwrap();
    assert!(output.status.success(), "{}", out(&output));
    let used: f64 = String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .map(|n| n.parse::<f64>().unwrap())
        .sum();
    assert!(used < 2.0, "{}", out(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1, "{}", out(&output));
}

#[test]
fn the_flink_distributions_are_complete() {
    for line in [Line::V1_18, Line::V1_20, Line::V2] {
        let home = flink_home(line);
        let dist = format!("lib/flink-dist-{}.jar", line.version());
        let config = if line == Line::V1_18 { "conf/flink-conf.yaml" } else { "conf/config.yaml" };
        for file in [
            dist.as_str(),
            config,
            "conf/log4j.properties",
            "bin/flink",
            "bin/config.sh",
            "plugins",
            "opt",
        ] {
            assert!(home.join(file).exists(), "{file} is missing in {}", home.display());
        }
        let said = Command::new(home.join("bin/flink"))
            .arg("--version")
            .env("FLINK_CONF_DIR", home.join("conf"))
            .output();
        let said = out(&said.unwrap());
        assert!(said.contains(&format!("Version: {}", line.version())), "{said}");
        assert!(wordcount_jar(line).is_file());
    }
}

#[test]
fn the_third_party_client_can_be_imported() {
    assert!(Command::new(python()).args(["-c", "import avmesos"]).status().unwrap().success());
}

#[test]
fn a_part_is_installed_again_only_when_its_result_is_gone() {
    let cache = cache_with_flink();
    let jar = cache.path().join(format!("jobs/wordcount-{}.jar", Line::V2.version()));
    for (again, why) in
        [(true, "nothing is there"), (false, "all is there"), (true, "the result is gone")]
    {
        let output = set_up(cache.path(), &["jobs"]);
        assert!(output.status.success(), "{}", out(&output));
        assert_eq!(out(&output).contains("jobs: done"), again, "{why}: {}", out(&output));
        assert!(jar.is_file());
        if !again {
            fs_err::remove_dir_all(cache.path().join("jobs")).unwrap();
        }
    }
}

#[test]
fn a_part_that_fails_says_what_to_do_and_leaves_nothing_half_made() {
    let cache = tempfile::tempdir().unwrap();
    let output = set_up(cache.path(), &["jobs"]);
    assert!(!output.status.success());
    assert!(
        out(&output).contains("what to do: run: tests/setup/setup oldest flink-1 flink-2 jobs"),
        "{}",
        out(&output)
    );
    let left: Vec<_> =
        fs_err::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"]);
}

#[test]
fn an_unknown_part_is_refused_with_the_names_of_all() {
    let cache = tempfile::tempdir().unwrap();
    let output = set_up(cache.path(), &["flink-3"]);
    assert!(!output.status.success());
    assert!(
        out(&output).contains(
            "debian mesos flink-1 flink-2 upstream oldest jobs python stores nextest deny"
        ),
        "{}",
        out(&output)
    );
}

#[test]
fn no_script_names_a_host() {
    for entry in fs_err::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "an address in {}",
            path.display()
        );
    }
}

/// The output of `make check` about advisories, with a `cargo-deny` that runs these scripts for
/// `fetch` and `check`.
fn advisories(fetch: &str, check: &str, deny: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (program, settings) = (folder.path().join("cargo-deny"), folder.path().join("deny.toml"));
    let text = format!("#!/bin/sh\ncase $1 in fetch) {fetch} ;; *) {check} ;; esac\n");
    fs_err::write(&program, text).unwrap();
    fs_err::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    fs_err::write(&settings, deny).unwrap();
    let mut script = Command::new(self::folder().join("advisories"));
    script.env("CARGO_DENY", &program).env("DENY_TOML", &settings).env("ADVISORIES_PATIENCE", "1");
    script.output().unwrap()
}

#[test]
fn an_advisory_fails_the_check_and_an_unreachable_database_gives_a_notice() {
    let output = advisories("true", "echo 'error[vulnerability]'; exit 1", "");
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    let output = advisories("true", "true", "until 9999-01-01");
    assert!(output.status.success() && out(&output).is_empty(), "{}", out(&output));
    // Refused at once, or never answered.
    for fetch in ["echo 'no route'; exit 1", "exec sleep 1000"] {
        let output = advisories(fetch, "exit 1", "");
        assert!(
            output.status.success() && out(&output).contains("NOT CHECKED: advisories"),
            "{}",
            out(&output)
        );
    }
}

#[test]
fn an_advisory_that_was_ignored_until_a_day_fails_the_check_from_then_on() {
    let output = advisories("true", "true", "reason = \"until 2020-01-01: later\"");
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(
        out(&output).contains("lets an advisory pass until 2020-01-01 only"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_forbidden_phrase_is_found_with_its_line_and_what_to_write_instead() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    fs_err::write(
        &page,
        "# Page\n\nThe option goes before the file, for ever. `for ever` is code.\n",
    )
    .unwrap();
    let english = Path::new(env!("CARGO_MANIFEST_DIR")).join("lint/english");
    let output = Command::new(&english).arg(&page).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    let found = |text: &str| out(&output).matches(&format!("page.md:3: {text}")).count();
    assert_eq!(found("\"for ever\": write forever"), 1, "{}", out(&output));
    assert_eq!(found("\"goes before the file\": write overrides"), 1, "{}", out(&output));
    let output = Command::new(&english).output().unwrap();
    assert!(output.status.success(), "{}", out(&output));
}

#[test]
fn a_spell_checker_that_cannot_be_installed_gives_a_notice_and_fails_no_check() {
    let cache = tempfile::tempdir().unwrap();
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lint/spelling"));
    script.env("FLINK_MESOS_CACHE", cache.path()).env("PIP_NO_INDEX", "1");
    let output = script.output().unwrap();
    assert!(
        output.status.success() && out(&output).contains("NOT CHECKED: spelling"),
        "{}",
        out(&output)
    );
}
