//! The peers: nginx with one worker and sendfile; curl, sha256sum, tar and cp; the artifact server
//! of Flink 1.13.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::run;

/// A running nginx that serves a folder.
pub(crate) struct Nginx {
    process: Child,
    address: SocketAddr,
}

impl Nginx {
    pub(crate) fn start(root: &Path, scratch: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (folder, root) = (scratch.display(), root.display());
        // An nginx that is not installed lacks the folders in /var that it would use.
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary =
            temporary.map(|name| format!("{name}_temp_path {folder}/nginx.{name}; ")).concat();
        let configuration = format!(
            "worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err; user root;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ {temporary}access_log off; sendfile on; tcp_nopush on; server {{ listen {address}; root {root}; }} }}\n"
        );
        let file = scratch.join("nginx.conf");
        fs_err::write(&file, configuration).unwrap();
        let errors = scratch.join("nginx.err");
        let mut command = Command::new("nginx");
        let process = command
            .arg("-e")
            .arg(errors)
            .arg("-c")
            .arg(file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { process, address };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }

    /// The worker process, which does the work.
    pub(crate) fn worker(&self) -> u32 {
        let process = self.process.id();
        let children =
            fs_err::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        children.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The worker ends with nginx only after a signal.
        run(Command::new("kill").arg(self.process.id().to_string()));
        self.process.wait().unwrap();
    }
}

/// The artifact server of Flink's own Mesos support, with one file.
pub(crate) struct Upstream {
    process: Child,
    pub(crate) url: String,
}

impl Upstream {
    /// `home` is a Flink 1.13.
    pub(crate) fn start(home: &Path, file: &Path) -> Self {
        let mut java = Command::new("java");
        java.arg("-cp").arg(home.join("lib/*")).args(JAVA_OPTIONS);
        java.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/fetch/UpstreamServer.java"))
            .arg(file);
        let mut process = java.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "Flink's artifact server does not start");
        Self { process, url: url.trim().to_owned() }
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Flink 1.13 predates Java's module restrictions.
const JAVA_OPTIONS: [&str; 4] = [
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "-Dlog4j2.disable.jmx=true",
];

/// The least that any fetch costs: a download over loopback that is dropped, and one copy of the
/// tree.
pub(crate) fn floor(url: &str, home: &Path, folders: &[&str], target: &Path) {
    fs_err::create_dir_all(target).unwrap();
    let folders: Vec<String> =
        folders.iter().map(|folder| home.join(folder).display().to_string()).collect();
    shell(&format!(
        "curl -sSf -o /dev/null {url} && cp -r {} {}",
        folders.join(" "),
        target.display()
    ));
}

/// `curl | tar xz`
pub(crate) fn curl_tar(url: &str, target: &Path) {
    fs_err::create_dir_all(target).unwrap();
    shell(&format!("curl -sSf {url} | tar xz -C {}", target.display()));
}

/// `curl`, then `sha256sum`, then `tar xz`
pub(crate) fn curl_sha256_tar(url: &str, target: &Path) {
    fs_err::create_dir_all(target).unwrap();
    let folder = target.display();
    shell(&format!(
        "curl -sSf -o {folder}/a.tgz {url} && sha256sum {folder}/a.tgz && tar xzf {folder}/a.tgz -C {folder}"
    ));
}

/// `gzip -dc`, with the output dropped.
pub(crate) fn inflate(archive: &Path) {
    run(Command::new("gzip").arg("-dc").arg(archive).stdout(Stdio::null()));
}

fn shell(script: &str) {
    run(Command::new("sh").args(["-ec", script]).stdout(Stdio::null()));
}
