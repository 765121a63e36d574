//! Compiles the records of the store.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/flink_mesos/state.proto");
    let descriptors = protox::compile(["flink_mesos/state.proto"], ["proto"])?;
    prost_build::Config::new().btree_map(["."]).compile_fds(descriptors)?;
    Ok(())
}
