//! A worker's artifacts: a stand-in for Flink, from an artifact server behind a gate that can be
//! closed.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use fetcher_server::{Artifact, ArtifactServer, ServerOptions};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// An artifact server behind a gate.
pub struct Artifacts {
    /// The files' folder.
    pub folder: TempDir,
    /// The server.
    pub server: ArtifactServer,
    /// The URL through the gate.
    pub url: String,
    /// The java home of workers.
    pub java_home: PathBuf,
    open: watch::Sender<bool>,
    _gate: JoinSet<()>,
}

impl Artifacts {
    /// Stand-ins for Flink and java.
    pub async fn serve() -> Self {
        let folder = TempDir::new().unwrap();
        let java = folder.path().join("java");
        make_java(&java);
        let files = make_flink(&folder.path().join("dist"));
        Self::in_folder(folder, files, java).await
    }

    /// Serves these files, for this java.
    pub async fn of_files(files: Vec<Artifact>, java_home: PathBuf) -> Self {
        Self::in_folder(TempDir::new().unwrap(), files, java_home).await
    }

    async fn in_folder(folder: TempDir, files: Vec<Artifact>, java_home: PathBuf) -> Self {
        let (manifest, catalogue) = fetcher_server::build(files).await.unwrap();
        let options =
            ServerOptions { bind: "127.0.0.1:0".parse().unwrap(), ..ServerOptions::default() };
        let server = ArtifactServer::start(options, manifest, catalogue).await.unwrap();
        let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", gate.local_addr().unwrap());
        let (open, is_open) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_gate(gate, server.address(), is_open));
        Self { folder, server, url, java_home, open, _gate: tasks }
    }

    /// While the gate is closed, requests for artifacts wait.
    pub fn open_gate(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn keep_gate(gate: TcpListener, server: std::net::SocketAddr, open: watch::Receiver<bool>) {
    let mut visitors = JoinSet::new();
    loop {
        let (mut visitor, _) = gate.accept().await.unwrap();
        let mut open = open.clone();
        visitors.spawn(async move {
            open.wait_for(|open| *open).await.unwrap();
            let mut server = TcpStream::connect(server).await.unwrap();
            copy_bidirectional(&mut visitor, &mut server).await.ok();
        });
    }
}

/// A java that runs the script from the worker's environment.
fn make_java(home: &Path) {
    let program = home.join("bin/java");
    fs_err::create_dir_all(home.join("bin")).unwrap();
    fs_err::write(home.join("release"), "JAVA_VERSION=\"17.0.9\"\n").unwrap();
    fs_err::write(&program, "#!/bin/bash\nexec /bin/bash -c \"$FAKE_TASK_MANAGER\"\n").unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The parts of a distribution that are read before Flink itself runs.
fn make_flink(home: &Path) -> Vec<Artifact> {
    let files = [
        ("lib/flink-dist-1.20.5.jar", "a jar"),
        ("conf/config.yaml", ""),
        ("conf/log4j-console.properties", "rootLogger.level = INFO\n"),
    ];
    let artifact = |(target, content): (&str, &str)| {
        let source = home.join(target);
        fs_err::create_dir_all(source.parent().unwrap()).unwrap();
        fs_err::write(&source, content).unwrap();
        Artifact { source, target: target.into(), executable: false, secret: false }
    };
    files.into_iter().map(artifact).collect()
}
