//! `make test` gives the same verdict every time: what tests draw by chance, they draw from fixed
//! seeds.

use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, RngSeed};

#[test]
fn property_tests_draw_from_a_fixed_seed() {
    assert!(
        matches!(Config::default().rng_seed, RngSeed::Fixed(_)),
        "see [env] in .cargo/config.toml"
    );
}

#[test]
fn no_test_draws_a_fresh_seed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for member in [
        "mesos",
        "mesos/local",
        "flink",
        "overlays",
        "fetcher",
        "fetcher/sidecar",
        "executor",
        "scheduler",
        "appmaster",
        "tests",
    ] {
        sources(&root.join(member).join("tests"), &mut files);
    }
    assert!(files.len() > 50, "{files:?}");
    let fresh = ["rand::random", "rand::rng()", "from_os_rng", "RngSeed::Random"];
    let is_fresh = |text: &str| fresh.iter().any(|call| text.contains(call));
    let wrong: Vec<_> = files
        .iter()
        .filter(|file| !file.ends_with(file!()))
        .filter(|file| is_fresh(&fs_err::read_to_string(file).unwrap()))
        .collect();
    assert!(wrong.is_empty(), "fresh seeds in {wrong:?}: take FLINK_MESOS_TEST_SEED");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
