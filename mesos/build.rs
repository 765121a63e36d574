//! Compiles the Mesos v1 messages in `proto/` with protox: no protoc on the build machine.

#![expect(clippy::disallowed_methods, reason = "cargo hands OUT_DIR over in the environment")]

use std::{env, error::Error, fs, path::PathBuf};

use prost_build::Config;
use protox::prost::Message as _;

/// Large parts of the messages that come by the thousand, which few of them have: they would be
/// moved about empty.
const SELDOM: &[&str] = &[".mesos.v1.Resource.disk", ".mesos.v1.Resource.reservation"];

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "mesos/v1/mesos.proto",
        "mesos/v1/scheduler.proto",
        "mesos/v1/executor.proto",
        "mesos/v1/master.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed=proto/{file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = Config::new();
    config.btree_map(["."]).bytes(["."]);
    for field in SELDOM {
        config.boxed(field);
    }
    config.compile_fds(descriptors)?;
    Ok(())
}
