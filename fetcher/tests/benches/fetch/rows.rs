//! The rows, one function each.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fetcher_formats::Digest;
use fetcher_tests::figures::median;

use crate::clients::clients;
use crate::ours::{DISTRIBUTION, Server};
use crate::peers::{Nginx, Upstream, curl_sha256_tar, curl_tar, floor, inflate};
use crate::{cpu_seconds, run, seconds};

const ROUNDS: usize = 5;
const EXECUTORS: usize = 16;
const CLIENTS: usize = 8;
/// Size of the served file, in megabytes.
const SERVED_MB: usize = 200;

/// The inputs of every row.
struct Bench {
    scratch: tempfile::TempDir,
    home: PathBuf,
    /// The last Flink with its own Mesos support.
    upstream: PathBuf,
    tree: Server,
    archive: Server,
    nginx: Nginx,
}

pub(crate) fn all(home: &Path, upstream: &Path, wanted: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("flink.tgz");
    run(Command::new("tar").arg("czf").arg(&archive).arg("-C").arg(home).args(DISTRIBUTION));
    let served = scratch.path().join("served/file");
    fs_err::create_dir(scratch.path().join("served")).unwrap();
    fs_err::write(&served, noise(SERVED_MB << 20)).unwrap();
    let bench = Bench {
        home: home.to_owned(),
        upstream: upstream.to_owned(),
        tree: Server::start("distribution", home),
        archive: Server::start("archive", &archive),
        nginx: Nginx::start(scratch.path(), scratch.path()),
        scratch,
    };
    let is_wanted = |name| wanted.is_empty() || wanted.contains(&name);
    for (name, row) in ROWS {
        if is_wanted(name) {
            row(&bench);
        }
    }
}

type Row = fn(&Bench);
const ROWS: [(&str, Row); 9] = [
    ("fetch-cold", cold),
    ("fetch-cold-floor", cold_floor),
    ("fetch-warm", warm),
    ("fetch-herd-host", herd),
    ("fetch-memory", memory),
    ("serve", serve),
    ("serve-upstream", serve_upstream),
    ("unpack", unpack),
    ("unpack-floor", unpack_floor),
];

fn row(name: &str, ours: f64, peer: f64, ratio: f64, unit: &str) {
    println!("{name}\tfetch\t{ours:.4}\t{peer:.4}\t{ratio:.2}\t{unit}");
}

/// Runs ours and the peer in turns, each after `prepare`; returns the medians of their seconds.
fn turns(prepare: impl Fn(), ours: impl Fn(), peer: impl Fn()) -> (f64, f64) {
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        prepare();
        our_times.push(seconds(&ours));
        prepare();
        peer_times.push(seconds(&peer));
    }
    (median(our_times), median(peer_times))
}

fn cold(bench: &Bench) {
    let (target, cache) = (bench.path("target"), bench.path("cache"));
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) = turns(
        || clear(&[&target, &cache]),
        || run(&mut bench.tree.fetch(&target, Some(&cache))),
        || curl_tar(&url, &target),
    );
    row("fetch-cold", ours, peer, peer / ours, "s");
}

/// Here the peer is the work that no fetch can avoid.
fn cold_floor(bench: &Bench) {
    let (target, cache) = (bench.path("target"), bench.path("cache"));
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) = turns(
        || clear(&[&target, &cache]),
        || run(&mut bench.tree.fetch(&target, Some(&cache))),
        || floor(&url, &bench.home, &DISTRIBUTION, &target),
    );
    row("fetch-cold-floor", ours, peer, peer / ours, "s");
}

fn warm(bench: &Bench) {
    let (target, cache) = (bench.path("target"), bench.path("cache"));
    clear(&[&target, &cache]);
    run(&mut bench.tree.fetch(&target, Some(&cache)));
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) = turns(
        || clear(&[&target]),
        || run(&mut bench.tree.fetch(&target, Some(&cache))),
        || curl_tar(&url, &target),
    );
    row("fetch-warm", ours, peer, peer / ours, "s");
}

/// Here the peer is a single cold fetch of ours.
fn herd(bench: &Bench) {
    let (targets, cache) = (bench.path("targets"), bench.path("cache"));
    let prepare = || {
        clear(&[&targets, &cache]);
        fs_err::create_dir(&targets).unwrap();
    };
    let fetch =
        |at: usize| bench.tree.fetch(&targets.join(at.to_string()), Some(&cache)).spawn().unwrap();
    let executors = |count| {
        let executors: Vec<Child> = (0..count).map(fetch).collect();
        for mut executor in executors {
            assert!(executor.wait().unwrap().success());
        }
    };
    let (herd, one) = turns(prepare, || executors(EXECUTORS), || executors(1));
    row("fetch-herd-host", herd, one, one / herd, "s");
}

/// Peak memory of the fetch that needs the most: an archive that is unpacked while it is being
/// downloaded.
fn memory(bench: &Bench) {
    let (target, cache) = (bench.path("target"), bench.path("cache"));
    let most = [&bench.tree, &bench.archive].map(|server| {
        clear(&[&target, &cache]);
        let output = server.fetch(&target, Some(&cache)).stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1024.0
    });
    println!("fetch-memory\tfetch\t{:.1}\t\t\tMB", most.into_iter().fold(0.0, f64::max));
}

fn serve(bench: &Bench) {
    serve_beside(bench, "serve", &bench.nginx.url("served/file"), bench.nginx.worker());
}

fn serve_upstream(bench: &Bench) {
    let upstream = Upstream::start(&bench.upstream, &bench.path("served/file"));
    // Warm up the JVM, which compiles its code while it runs.
    (0..ROUNDS).for_each(|_| clients(CLIENTS, &upstream.url, None));
    serve_beside(bench, "serve-upstream", &upstream.url, upstream.process());
}

/// Compares bytes per second, and bytes per second of the server's CPU time; the smaller ratio
/// counts.
fn serve_beside(bench: &Bench, name: &str, peer_url: &str, peer_process: u32) {
    let served = bench.path("served");
    let digest = Digest::of(&fs_err::read(served.join("file")).unwrap());
    let server = Server::start("folder", &served);
    let (our_url, our_process) = (format!("{}/v1/blobs/{digest}", server.url), server.process.id());
    let before = (cpu_seconds(our_process), cpu_seconds(peer_process));
    let (ours, peer) = turns(
        || {},
        || clients(CLIENTS, &our_url, Some(&server.token)),
        || clients(CLIENTS, peer_url, None),
    );
    let (our_cpu, peer_cpu) =
        (cpu_seconds(our_process) - before.0, cpu_seconds(peer_process) - before.1);
    let megabytes = (CLIENTS * SERVED_MB) as f64;
    row(name, megabytes / ours, megabytes / peer, (peer / ours).min(peer_cpu / our_cpu), "MB/s");
}

fn unpack(bench: &Bench) {
    let target = bench.path("target");
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) = turns(
        || clear(&[&target]),
        || run(&mut bench.archive.fetch(&target, None)),
        || curl_sha256_tar(&url, &target),
    );
    row("unpack", ours, peer, peer / ours, "s");
}

/// Here the peer only inflates, and drops the output.
fn unpack_floor(bench: &Bench) {
    let target = bench.path("target");
    let archive = bench.path("flink.tgz");
    let (ours, peer) = turns(
        || clear(&[&target]),
        || run(&mut bench.archive.fetch(&target, None)),
        || inflate(&archive),
    );
    row("unpack-floor", ours, peer, peer / ours, "s");
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

fn clear(folders: &[&Path]) {
    for folder in folders.iter().filter(|folder| folder.exists()) {
        fs_err::remove_dir_all(folder).unwrap();
    }
}

/// Content that cannot be compressed.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..size).map(|_| next()).collect()
}
