//! What an application master does before it can serve a Flink distribution: find, describe and
//! hash its files. Measured for the first start and for a later one with cached hashes.
//!
//! ```text
//! cargo bench -p tests --bench collect -- <flink home>
//! ```
//!
//! Prints one line per row: name, group, ours, peer, ratio, unit, separated by tabs. Values are
//! medians.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};

use fetcher_server::{Artifact, BuildOptions};
use fetcher_tests::figures::median;
use flink::{
    config::{Configuration, Source},
    home::FlinkHome,
};
use overlays::{overlay, worker};
use tokio::time::Instant;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [home] = arguments.as_slice() else {
        panic!("usage: cargo bench -p tests --bench collect -- <flink home>")
    };
    let home = FlinkHome::open(Path::new(home), None).unwrap();
    let mut config = Configuration::load(&home.conf_dir, &home.version).unwrap();
    config.set("mesos.flink.opt", "true", Source::DynamicProperty);
    let folder = tempfile::tempdir().unwrap();
    let hashes = folder.path().join("hashes.json");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let run = |cache: Option<&PathBuf>| {
        let started = Instant::now();
        let spec = overlay::collect(&home, &config, &|_| None).unwrap();
        let (_, files) = worker::template(spec, &home, folder.path()).unwrap();
        let artifacts = files.into_iter().map(|file| Artifact {
            source: file.source,
            target: file.target,
            executable: file.executable,
            secret: file.secret,
        });
        let options = BuildOptions { hash_cache: cache.cloned(), ..BuildOptions::default() };
        runtime.block_on(fetcher_server::build_with(artifacts.collect(), options)).unwrap();
        started.elapsed().as_secs_f64() * 1e3
    };
    row("collect-hash-cold", median((0..5).map(|_| run(None))));
    run(Some(&hashes));
    row("collect-hash-warm", median((0..100).map(|_| run(Some(&hashes)))));
}

fn row(name: &str, milliseconds: f64) {
    println!("{name}\toverlays\t{milliseconds:.2}\t\t\tms");
}
