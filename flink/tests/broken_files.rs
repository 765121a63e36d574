//! Both file formats: files of the fuzzers' corpus, broken at random, must never make a panic, and
//! what can be read must be the same after it was written and read again. `make fuzz` looks longer
//! and is guided by what the code does.
//!
//! What fails is left in the temporary folder; put it into the corpus, where it stays a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use flink::config::{Configuration, ConfigurationError};
use flink::version::FlinkVersion;
use rand::SeedableRng;
use rand::rngs::StdRng;

#[path = "shared/mutation.rs"]
mod mutation;

use mutation::{corpus, mutated};

/// Broken files for each format; `make soak` tries more of them.
const ROUNDS: u64 = 2_000;

#[test]
fn no_config_yaml_breaks_its_reader_or_is_changed_by_writing() {
    fuzz(&Target::new("config.yaml", "2.3.0"));
}

#[test]
fn no_flink_conf_yaml_breaks_its_reader_or_is_changed_by_writing() {
    fuzz(&Target::new("flink-conf.yaml", "1.18.1"));
}

/// A file format: the name of the file, and a Flink version that reads it.
struct Target {
    file: &'static str,
    version: FlinkVersion,
    folder: tempfile::TempDir,
}

/// Each file of the corpus as it is, then broken ones.
fn fuzz(target: &Target) {
    let corpus = corpus(target.file);
    assert!(corpus.len() > 2, "no corpus for {}", target.file);
    let rounds = number("FLINK_MESOS_TEST_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("FLINK_MESOS_TEST_SEED").unwrap_or_default();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut read, mut refused) = (0, 0);
    let broken = (0..rounds).map(|_| mutated(&corpus, &mut random));
    for bytes in corpus.iter().cloned().chain(broken) {
        let result = catch_unwind(AssertUnwindSafe(|| target.try_one(&bytes)));
        let Ok(was_read) = result else {
            panic!("{}: the input is kept in {}", target.file, keep(&bytes).display());
        };
        if was_read { read += 1 } else { refused += 1 }
    }
    println!("{}: {read} were read and written, {refused} refused", target.file);
    // Else the mutations would only test how files are refused, or not break anything.
    assert!(read > rounds / 20, "{}: only {read} of {rounds} could be read", target.file);
    let has_errors = target.file == "config.yaml";
    assert!(
        !has_errors || refused > rounds / 20,
        "{}: only {refused} of {rounds} were refused",
        target.file
    );
}

/// What `make soak` sets to more than usual, or to a fresh seed.
#[expect(clippy::disallowed_methods, reason = "`make soak` says it in the environment")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

impl Target {
    fn new(file: &'static str, version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("written")).unwrap();
        Self { file, version: version.parse().unwrap(), folder }
    }

    /// Whether the file could be read.
    fn try_one(&self, bytes: &[u8]) -> bool {
        fs_err::write(self.folder.path().join(self.file), bytes).unwrap();
        let Ok(config) = Configuration::load(self.folder.path(), &self.version) else {
            return false;
        };
        flink::check::check(&config);
        let written = self.folder.path().join("written");
        match config.write(&written, &self.version) {
            Ok(_) => {}
            // The flat format cannot hold everything.
            Err(ConfigurationError::Unwritable { .. }) if self.file == "flink-conf.yaml" => {
                return true;
            }
            Err(error) => panic!("what was read cannot be written: {error}"),
        }
        let again = Configuration::load(&written, &self.version).unwrap();
        assert_eq!(entries(&config), entries(&again));
        true
    }
}

fn entries(config: &Configuration) -> Vec<(&str, &str)> {
    config.iter().collect()
}

fn keep(bytes: &[u8]) -> PathBuf {
    let (_, path) =
        tempfile::Builder::new().prefix("flink-mesos-fuzz-").tempfile().unwrap().keep().unwrap();
    fs_err::write(&path, bytes).unwrap();
    path
}
