//! Our side: a server, and fetches from it, each as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use fetcher_client::{Cache, CacheOptions, FetchOptions, Request, materialise};
use fetcher_formats::Format;
use fetcher_server::{Archive, Artifact, ArtifactServer, BuildOptions, ServerOptions, build_with};
use tokio::sync::watch;

use crate::this_program;

/// The folders of a distribution; a Flink in use also has logs.
pub(crate) const DISTRIBUTION: [&str; 5] = ["bin", "conf", "lib", "opt", "plugins"];

/// A running server of a folder's files, or of one archive.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) url: String,
    manifest: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(kind: &str, path: &Path) -> Self {
        let mut process =
            this_program().args(["serve", kind]).arg(path).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let [url, manifest, token] = arguments.try_into().unwrap();
        Self { process, url, manifest, token }
    }

    /// A fetch into `target`, through a cache if given.
    pub(crate) fn fetch(&self, target: &Path, cache: Option<&Path>) -> std::process::Command {
        let mut command = this_program();
        command.args(["fetch", &self.url, &self.manifest, &self.token]).arg(target).args(cache);
        command.stdout(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::main]
pub(crate) async fn serve(arguments: &[&str]) {
    let [kind, path] = arguments else { panic!("serve distribution|folder|archive <path>") };
    let root = PathBuf::from(path);
    let archive =
        || Archive { source: root.clone(), target: "flink".to_owned(), format: Format::TarGz };
    let archives = if *kind == "archive" { vec![archive()] } else { Vec::new() };
    let artifacts = match *kind {
        "distribution" => {
            DISTRIBUTION.iter().flat_map(|folder| files(&root, &root.join(folder))).collect()
        }
        "folder" => files(&root, &root),
        _ => Vec::new(),
    };
    let (manifest, catalogue) =
        build_with(artifacts, BuildOptions { archives, ..BuildOptions::default() }).await.unwrap();
    let options =
        ServerOptions { bind: "127.0.0.1:0".parse().unwrap(), ..ServerOptions::default() };
    let server = ArtifactServer::start(options, manifest, catalogue).await.unwrap();
    println!("{} {} {}", server.url(), server.manifest(), server.issue_token("bench").expose());
    std::future::pending::<()>().await;
}

fn files(root: &Path, folder: &Path) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let source = entry.unwrap().path();
        if source.is_dir() {
            artifacts.extend(files(root, &source));
        } else {
            let target = source.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            artifacts.push(Artifact { source, target, executable: false, secret: false });
        }
    }
    artifacts
}

/// Peak resident memory of this process, in KB.
fn most_memory_kb() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Fetches, and prints the peak memory in KB.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn fetch(arguments: &[&str]) {
    let [url, manifest, token, target, cache @ ..] = arguments else {
        panic!("fetch <url> <manifest> <token> <target>")
    };
    let request = Request {
        urls: vec![(*url).to_owned()],
        manifest: manifest.parse().unwrap(),
        secrets: None,
        token: token.parse().unwrap(),
        target: PathBuf::from(target),
    };
    match cache {
        [] => drop(materialise(request, watch::Sender::default()).await.unwrap()),
        [path, ..] => {
            let cache =
                Cache::open(CacheOptions { path: PathBuf::from(path), budget: 1 << 40 }).unwrap();
            drop(
                cache
                    .materialise(request, FetchOptions::default(), watch::Sender::default())
                    .await
                    .unwrap(),
            );
        }
    }
    println!("{}", most_memory_kb());
}
