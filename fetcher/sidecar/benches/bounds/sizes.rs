//! The largest manifest, and the archives that need the most memory.

use std::process::Command;
use std::time::Instant;

use fetcher_formats::manifest::MAX_NODES;
use fetcher_formats::{Digest, Manifest};
use fetcher_tests::chain::chain_of_links;
use fetcher_tests::figures::{bound, median};
use fetcher_tests::heavy::{Heavy, MOST, archives, took};

const ROUNDS: usize = 5;

pub(crate) fn manifest() {
    let text = chain_of_links(MAX_NODES, Digest::of(b""));
    let decode = |_| {
        let started = Instant::now();
        let manifest = Manifest::decode(text.as_bytes()).unwrap();
        let took = started.elapsed();
        assert_eq!(manifest.entries().len(), MAX_NODES);
        took.as_secs_f64() * 1000.0
    };
    bound("manifest-largest", median((0..ROUNDS).map(decode)), 200.0, "ms");
}

/// The most memory that any of the archives needs.
pub(crate) fn unpack() {
    let most = archives().into_iter().map(|Heavy { what, format, archive, .. }| {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("archive"), archive).unwrap();
        fs_err::create_dir(folder.path().join("to")).unwrap();
        let mut program = Command::new(std::env::current_exe().unwrap());
        let output =
            program.args(["unpack", &format.to_string()]).arg(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        took(&said).unwrap_or_else(|| panic!("{what}, {format}: {said}"))
    });
    let mib = |kib: u64| kib as f64 / 1024.0;
    bound("unpack-memory", mib(most.max().unwrap()), mib(MOST), "MiB");
}
