//! A host with a sidecar, and a tree to fetch.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fetcher_client::{
    CacheOptions, FetchError, FetchOptions, Materialised, Progress, Request, Ways, obtain,
};
use fetcher_formats::{Digest, Manifest};
use fetcher_server::{ArtifactServer, ServerOptions, build};
use fetcher_tests::origin::{Fault, Gate, Origin};
use fetcher_tests::support::{artifact, loopback, noise, serve};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anything should take, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SECRET: &[u8] = b"a secret that belongs in no cache";

/// The user id of another user.
pub(crate) const NOBODY: u32 = 65534;

/// The sidecar's program.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_flink-mesos-fetcher"))
}

/// Copies a program that will be executed. Another process copies it: children that other tests
/// start could inherit our open file, and the kernel executes no file that is open for writing.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// Reports that a test was skipped. Printed directly, so that it is not captured; the test runner
/// counts such lines.
pub(crate) fn skip(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The folders of one host.
pub(crate) struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Other users need access too.
        fs_err::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/fetcher.sock")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// The program with this host's settings and an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.env_clear().args(["--config", "/dev/null"]).args(arguments);
        command.arg("--socket").arg(self.socket()).arg("--cache").arg(self.cache());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end; returns the exit code, its output and its errors.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(self.command(arguments)).await
    }

    /// Runs a command that must succeed, and parses its JSON output.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let (code, printed, complaints) =
            self.run(&[&["--output", "json"], arguments].concat()).await;
        assert_eq!(code, 0, "{complaints}");
        serde_json::from_str(&printed).unwrap()
    }

    pub(crate) async fn start(&self, arguments: &[&str]) -> Sidecar {
        Sidecar::start(self.command(&[&["daemon", "--log-format", "json"], arguments].concat()))
            .await
    }

    /// Fetches a tree into `target`, as an executor does.
    pub(crate) async fn obtain(
        &self,
        tree: &Tree,
        target: &str,
    ) -> Result<Materialised, FetchError> {
        self.obtain_watched(tree, target, watch::Sender::default()).await
    }

    pub(crate) async fn obtain_watched(
        &self,
        tree: &Tree,
        target: &str,
        progress: watch::Sender<Progress>,
    ) -> Result<Materialised, FetchError> {
        let cache = CacheOptions { path: self.path("own-cache"), budget: 1 << 40 };
        let ways = Ways { socket: Some(self.socket()), caches: vec![cache] };
        obtain(tree.request(&self.path(target)), quick(), ways, progress).await
    }

    /// Fetches a tree as `flink`, and runs the action once a part of it was received.
    pub(crate) async fn obtain_while<T>(
        &self,
        tree: &Tree,
        other: impl Future<Output = T>,
    ) -> (Result<Materialised, FetchError>, T) {
        let (sender, mut progress) = watch::channel(Progress::default());
        let once_begun = async {
            timeout(PATIENCE, progress.wait_for(|progress| progress.bytes_done > 0))
                .await
                .unwrap()
                .unwrap();
            other.await
        };
        tokio::join!(self.obtain_watched(tree, "flink", sender), once_begun)
    }
}

/// A connection to the sidecar at `socket` with a request sent.
pub(crate) async fn post(socket: &str, path: &str, body: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    );
    stream
        .write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
        .await
        .unwrap();
    stream
}

/// Requests this many trees from `url`, which are never sent. One of them is `manifest`, which
/// others fetch from elsewhere.
pub(crate) async fn ask_for_what_never_comes(
    socket: &str,
    manifest: &str,
    url: &str,
    count: usize,
) -> Vec<UnixStream> {
    let mut asked = Vec::new();
    for number in 0..count {
        let manifest = if number == 0 {
            manifest.to_owned()
        } else {
            Digest::of(&number.to_le_bytes()).to_string()
        };
        let body =
            format!(r#"{{"manifest":"{manifest}","urls":["{url}"],"token":"{}"}}"#, "t".repeat(32));
        asked.push(post(socket, "/v1/fetch", &body).await);
    }
    asked
}

/// Options with short waits.
pub(crate) fn quick() -> FetchOptions {
    FetchOptions { patience: Duration::ZERO, ..FetchOptions::default() }
}

pub(crate) async fn finish(mut command: Command) -> (i32, String, String) {
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A running daemon.
pub(crate) struct Sidecar {
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
    lines: watch::Receiver<usize>,
}

impl Sidecar {
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (sender, receiver) = watch::channel(0);
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().unwrap().push(line);
                sender.send_modify(|count| *count += 1);
            }
        });
        let mut sidecar = Self { process, log, lines: receiver };
        sidecar.says("flink-mesos-fetcher ").await;
        sidecar
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().unwrap().try_into().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits for a line of the log.
    pub(crate) async fn says(&mut self, part: &str) -> Value {
        let log = Arc::clone(&self.log);
        let found = || log.lock().unwrap().iter().find(|line| line.contains(part)).cloned();
        let waited = timeout(PATIENCE, self.lines.wait_for(|_| found().is_some())).await;
        let heard = waited.is_ok_and(|waited| waited.is_ok()) || found().is_some();
        assert!(heard, "`{part}` is not in the log:\n{}", self.log());
        serde_json::from_str(&found().unwrap()).unwrap()
    }

    /// Its address for other machines.
    pub(crate) async fn address(&mut self) -> String {
        let hello = self.says("flink-mesos-fetcher ").await;
        hello["fields"]["listen"].as_str().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for it to exit.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap()
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }
}

/// A tree with a large file, a small one and a secret.
pub(crate) struct Tree {
    pub(crate) manifest: Manifest,
    pub(crate) contents: Vec<Vec<u8>>,
    urls: Vec<String>,
    token: String,
    server: Option<ArtifactServer>,
    _origin: Option<Origin>,
}

const FILES: [&str; 3] = ["lib/large.jar", "lib/small.jar", "conf/keytab"];

fn contents(seed: u64) -> Vec<Vec<u8>> {
    vec![noise(21 << 20, seed), noise(900 << 10, seed + 1), SECRET.to_vec()]
}

fn artifacts(folder: &Path, contents: &[Vec<u8>]) -> Vec<fetcher_server::Artifact> {
    let mut artifacts: Vec<_> = FILES
        .iter()
        .zip(contents)
        .map(|(target, content)| artifact(folder, target, content))
        .collect();
    artifacts[2].secret = true;
    artifacts
}

impl Tree {
    /// A tree served by the real artifact server.
    pub(crate) async fn served(host: &Host, seed: u64) -> Self {
        let folder = host.path(&format!("artifacts-{seed}"));
        fs_err::create_dir(&folder).unwrap();
        let contents = contents(seed);
        let (manifest, _) = build(artifacts(&folder, &contents)).await.unwrap();
        // With peers from the second stream on.
        let options = ServerOptions { peers_above: 1, ..loopback() };
        let server = serve(artifacts(&folder, &contents), options).await;
        let token = server.issue_token("taskmanager-1-1").expose().to_owned();
        Self {
            manifest,
            contents,
            urls: vec![server.url().to_owned()],
            token,
            server: Some(server),
            _origin: None,
        }
    }

    /// A tree served by an origin that sends no file before the gate opens.
    pub(crate) async fn gated(host: &Host, gate: &Gate) -> Self {
        let folder = host.path("gated");
        fs_err::create_dir(&folder).unwrap();
        let contents = contents(77);
        let (manifest, _) = build(artifacts(&folder, &contents)).await.unwrap();
        let gate = gate.clone();
        let origin = Origin::start(&manifest, &contents, move |_, asked| {
            // The first half of the large file is sent in any case.
            let is_first = asked.range.as_ref().is_some_and(|range| range.start == 0);
            let is_held = asked.path.starts_with("/v1/blobs/") && !is_first;
            if is_held { Fault::Held(gate.clone()) } else { Fault::None }
        })
        .await;
        Self {
            manifest,
            contents,
            urls: vec![origin.url()],
            token: "token".to_owned(),
            server: None,
            _origin: Some(origin),
        }
    }

    /// Digest of the manifest without the secret.
    pub(crate) fn digest(&self) -> Digest {
        self.manifest.split().unwrap().0.digest()
    }

    /// Digest of the manifest of the secret.
    pub(crate) fn secrets(&self) -> Digest {
        self.manifest.split().unwrap().1.unwrap().digest()
    }

    pub(crate) fn url(&self) -> &str {
        &self.urls[0]
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.server.as_ref().unwrap().bytes_sent()
    }

    /// Waits until the server knows this many holders.
    pub(crate) async fn holders_become(&self, count: usize) {
        let server = self.server.as_ref().unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while server.holders() != count {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{} holders instead of {count}",
                server.holders()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Occupies one stream of the server for as long as the result lives.
    pub(crate) async fn keep_busy(&self, host: &Host) -> TcpStream {
        let server = self.server.as_ref().unwrap();
        let source = host.path("filler");
        fs_err::write(&source, noise(64 << 20, 9)).unwrap();
        let url = server.publish_file("filler", source);
        let path = url.strip_prefix(server.url()).unwrap();
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        client
    }

    /// The same tree with another token.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self }
    }

    pub(crate) fn request(&self, target: &Path) -> Request {
        Request {
            urls: self.urls.clone(),
            manifest: self.digest(),
            secrets: Some(self.secrets()),
            token: self.token.parse().unwrap(),
            target: target.to_owned(),
        }
    }

    pub(crate) fn assert_arrived(&self, target: &Path) {
        for (path, content) in FILES.iter().zip(&self.contents) {
            assert!(fs_err::read(target.join(path)).unwrap() == *content, "{path}");
        }
    }

    /// Bytes of the tree without its secret.
    pub(crate) fn shared_bytes(&self) -> u64 {
        (self.contents[0].len() + self.contents[1].len()) as u64
    }
}
