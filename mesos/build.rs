//! Compiles the Mesos v1 messages in `proto/` with protox: no protoc on the build machine.

#![expect(clippy::disallowed_methods, reason = "cargo hands OUT_DIR over in the environment")]

use std::{env, error::Error, fs, path::PathBuf};

use prost_build::Config;
use protox::prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["mesos/v1/mesos.proto", "mesos/v1/scheduler.proto", "mesos/v1/executor.proto"];
    for file in files {
        println!("cargo:rerun-if-changed=proto/{file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    Config::new().btree_map(["."]).bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
