//! What is installed beside the programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

use std::{path::Path, process::Command};

use fs_err::{self as fs, os::unix::fs::symlink};
use tests::{Line, binary, flink_home};

#[test]
fn the_script_of_flink_1_13_starts_a_session_of_the_distribution_that_it_lies_in() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("bin")).unwrap();
    for folder in ["lib", "conf"] {
        symlink(flink_home(Line::V1_20).join(folder), home.path().join(folder)).unwrap();
    }
    let script = home.path().join("bin/mesos-appmaster.sh");
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/bin/mesos-appmaster.sh");
    fs::copy(packaged, &script).unwrap();
    let programs = binary("flink-mesos").parent().unwrap().display().to_string();
    let output = Command::new(&script)
        .args(["-Dtaskmanager.memory.process.size=1g", "-Dmesos.master=no:such:master"])
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
        .env_remove("FLINK_HOME")
        .env_remove("FLINK_CONF_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("no:such:master"), "{said}");
}
