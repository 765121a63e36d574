//! The Java classes in the program.

use std::{path::Path, process::Command};

#[test]
fn the_jar_of_our_java_classes_is_what_their_sources_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appmaster/java");
    let made = tempfile::NamedTempFile::new().unwrap();
    fs_err::remove_file(made.path()).unwrap();
    let built = Command::new(folder.join("build"))
        .arg(made.path())
        .env("FLINK_HOME", tests::flink_home(tests::Line::V1_18))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let same =
        fs_err::read(made.path()).unwrap() == fs_err::read(folder.join("flinkmesos.jar")).unwrap();
    assert!(same, "the sources have changed: run appmaster/java/build");
}
