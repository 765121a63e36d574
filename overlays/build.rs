//! Compiles the worker's description, which travels from scheduler to executor.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/flink_mesos/worker.proto");
    let descriptors = protox::compile(["flink_mesos/worker.proto"], ["proto"])?;
    prost_build::Config::new()
        .btree_map(["."])
        .skip_debug([".flink_mesos.v1.ArtifactSource", ".flink_mesos.v1.Entry"])
        .compile_fds(descriptors)?;
    Ok(())
}
