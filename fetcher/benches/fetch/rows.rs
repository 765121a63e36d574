//! The rows, one function each.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use fetcher::Digest;

use crate::ours::{DISTRIBUTION, Server};
use crate::peers::{Nginx, clients, curl_sha256_tar, curl_tar};
use crate::{cpu_seconds, median, run, seconds};

const ROUNDS: usize = 5;
const EXECUTORS: usize = 16;
const CLIENTS: usize = 8;
/// Size of the file that is served, in megabytes.
const SERVED_MB: usize = 200;

/// What every row works with.
struct Bench {
    scratch: tempfile::TempDir,
    tree: Server,
    archive: Server,
    nginx: Nginx,
}

pub(crate) fn all(home: &Path, wanted: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("flink.tgz");
    run(Command::new("tar").arg("czf").arg(&archive).arg("-C").arg(home).args(DISTRIBUTION));
    let served = scratch.path().join("served/file");
    fs_err::create_dir(scratch.path().join("served")).unwrap();
    fs_err::write(&served, noise(SERVED_MB << 20)).unwrap();
    let bench = Bench {
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
const ROWS: [(&str, Row); 5] =
    [("fetch-cold", cold), ("fetch-warm", warm), ("fetch-herd-host", herd), ("serve", serve), ("unpack", unpack)];

fn row(name: &str, ours: f64, peer: f64, ratio: f64, unit: &str) {
    println!("{name}\tfetch\t{ours:.4}\t{peer:.4}\t{ratio:.2}\t{unit}");
}

/// Ours and the peer in turns, each on what `prepare` leaves; the medians of their seconds.
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

fn warm(bench: &Bench) {
    let (target, cache) = (bench.path("target"), bench.path("cache"));
    clear(&[&target, &cache]);
    run(&mut bench.tree.fetch(&target, Some(&cache)));
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) =
        turns(|| clear(&[&target]), || run(&mut bench.tree.fetch(&target, Some(&cache))), || curl_tar(&url, &target));
    row("fetch-warm", ours, peer, peer / ours, "s");
}

/// Here the peer is one cold fetch of ours.
fn herd(bench: &Bench) {
    let (targets, cache) = (bench.path("targets"), bench.path("cache"));
    let prepare = || {
        clear(&[&targets, &cache]);
        fs_err::create_dir(&targets).unwrap();
    };
    let fetch = |at: usize| bench.tree.fetch(&targets.join(at.to_string()), Some(&cache)).spawn().unwrap();
    let executors = |count| {
        let executors: Vec<Child> = (0..count).map(fetch).collect();
        for mut executor in executors {
            assert!(executor.wait().unwrap().success());
        }
    };
    let (herd, one) = turns(prepare, || executors(EXECUTORS), || executors(1));
    row("fetch-herd-host", herd, one, one / herd, "s");
}

/// Both by bytes per second and by bytes per second of the server's processor time; the smaller ratio counts.
fn serve(bench: &Bench) {
    let served = bench.scratch.path().join("served");
    let digest = Digest::of(&fs_err::read(served.join("file")).unwrap());
    let server = Server::start("folder", &served);
    let (our_url, peer_url) = (format!("{}/v1/blobs/{digest}", server.url), bench.nginx.url("served/file"));
    let (our_process, peer_process) = (server.process.id(), bench.nginx.worker());
    let before = (cpu_seconds(our_process), cpu_seconds(peer_process));
    let (ours, peer) =
        turns(|| {}, || clients(CLIENTS, &our_url, Some(&server.token)), || clients(CLIENTS, &peer_url, None));
    let (our_cpu, peer_cpu) = (cpu_seconds(our_process) - before.0, cpu_seconds(peer_process) - before.1);
    let megabytes = (CLIENTS * SERVED_MB) as f64;
    row("serve", megabytes / ours, megabytes / peer, (peer / ours).min(peer_cpu / our_cpu), "MB/s");
}

fn unpack(bench: &Bench) {
    let target = bench.path("target");
    let url = bench.nginx.url("flink.tgz");
    let (ours, peer) =
        turns(|| clear(&[&target]), || run(&mut bench.archive.fetch(&target, None)), || curl_sha256_tar(&url, &target));
    row("unpack", ours, peer, peer / ours, "s");
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

/// Content that no server or disk can make smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..size).map(|_| next()).collect()
}
