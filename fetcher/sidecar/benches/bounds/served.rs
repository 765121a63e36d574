//! The artifact server: a fetch beside a crowd of connections from the same address.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use fetcher_client::{Request, materialise};
use fetcher_tests::crowd::Crowd;
use fetcher_tests::figures::{bound, median};
use fetcher_tests::support::{artifact, loopback, noise, serve as start};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::fact;

const ROUNDS: usize = 15;
const FILES: u64 = 24;
const SIZE: usize = 4 << 20;

/// A server in a process of its own.
struct Server {
    process: Child,
    address: String,
    manifest: String,
    token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let mut process = program.arg("serve").arg(folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let [address, manifest, token] = arguments.try_into().unwrap();
        Self { process, address, manifest, token }
    }

    /// Milliseconds to fetch everything.
    fn fetch(&self, runtime: &Runtime) -> f64 {
        let target = tempfile::tempdir().unwrap();
        let request = Request {
            urls: vec![format!("http://{}", self.address)],
            manifest: self.manifest.parse().unwrap(),
            secrets: None,
            token: self.token.parse().unwrap(),
            target: target.path().join("flink"),
        };
        let started = Instant::now();
        runtime.block_on(materialise(request, watch::Sender::default())).unwrap();
        started.elapsed().as_secs_f64() * 1000.0
    }

    /// Resident memory in MB, and open files.
    fn holds(&self) -> (f64, f64) {
        let process = Path::new("/proc").join(self.process.id().to_string());
        let status = fs_err::read_to_string(process.join("status")).unwrap();
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        (
            kib.map_or(0.0, |kib: f64| kib / 1024.0),
            fs_err::read_dir(process.join("fd")).unwrap().count() as f64,
        )
    }
}

/// The server's process.
#[tokio::main(worker_threads = 2)]
pub(crate) async fn serve(folder: &str) {
    common::descriptors::raise().unwrap();
    let contents = (0..FILES).map(|number| {
        artifact(folder.as_ref(), &format!("lib/{number}.jar"), &noise(SIZE, number))
    });
    let server = start(contents.collect(), loopback()).await;
    println!("{} {} {}", server.address(), server.manifest(), server.issue_token("bench").expose());
    std::future::pending::<()>().await;
}

pub(crate) fn measure() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let server = Server::start(folder.path());
    let rounds = || median((0..ROUNDS).map(|_| server.fetch(&runtime)));
    rounds();
    let (quiet, (memory, _)) = (rounds(), server.holds());
    let crowd = Crowd::at(&server.address);
    let (beside, (more, files)) = (rounds(), server.holds());
    drop(crowd);
    bound("fetch-in-a-crowd", beside, quiet * 1.5, "ms, the bound is 1.5 times the quiet time");
    fact("server-in-a-crowd-memory", more - memory, "MB more");
    fact("server-in-a-crowd-files", files, "open files");
}
