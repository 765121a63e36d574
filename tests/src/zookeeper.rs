//! The real ZooKeeper, one server.

use std::{path::Path, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{Keeper, Program, ReservedPort, wait_until};

const JARS: &str = "/usr/share/java/zookeeper.jar";
const PATIENCE: Duration = Duration::from_secs(30);
/// While it starts it takes connections that it never answers.
const ONE_ANSWER: Duration = Duration::from_millis(250);

/// A ZooKeeper server of its own; its data survives `kill` and `restart`. Dropping it ends it.
///
/// Mesos masters whose session it was end themselves when it is away for longer than their session's two seconds, as
/// in production, where something starts them again.
#[derive(Debug)]
pub struct RealZooKeeper {
    keeper: Keeper,
    pid: i32,
    port: ReservedPort,
    work: TempDir,
}

impl RealZooKeeper {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Self {
        assert!(Path::new(JARS).exists(), "{JARS} is missing: run `make setup`");
        let (keeper, port) = (Keeper::start(), ReservedPort::new());
        let work = TempDir::with_prefix("real-zookeeper-").expect("a temporary folder");
        let configuration = format!(
            "tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir={}\nclientPort={}\n\
             clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n",
            work.path().join("data").display(),
            port.number()
        );
        fs_err::write(work.path().join("zoo.cfg"), configuration).expect("the configuration is written");
        let pid = keeper.run(&server(work.path()));
        let this = Self { keeper, pid, port, work };
        this.until_it_serves().await;
        this
    }

    /// Where clients connect: "127.0.0.1:port".
    pub fn connect_string(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// The address of a node as Mesos writes it: `url("/mesos")` is "zk://127.0.0.1:port/mesos".
    pub fn url(&self, path: &str) -> String {
        format!("zk://{}{path}", self.connect_string())
    }

    /// Kills the server as `kill -9` does.
    pub async fn kill(&self) {
        self.keeper.kill(self.pid).await;
    }

    /// Starts it again over the same data, on the same port.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.pid = self.keeper.run(&server(self.work.path()));
        self.until_it_serves().await;
    }

    async fn until_it_serves(&self) {
        wait_until("ZooKeeper serves", PATIENCE, async || {
            if let Some(how) = self.keeper.ended(self.pid) {
                let log = fs_err::read_to_string(self.work.path().join("log")).unwrap_or_default();
                panic!("ZooKeeper ended ({how:?}):\n{log}");
            }
            timeout(ONE_ANSWER, self.mode()).await.ok().flatten()
        })
        .await;
    }

    /// What the server says of its role, once it serves.
    async fn mode(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.connect_string()).await.ok()?;
        stream.write_all(b"srvr").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
    }
}

fn server(work: &Path) -> Program {
    let mut program = Program::new("java", &work.join("log"));
    // Starts in a third of a second, and stays small.
    let flags = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.jmx.log4j.disable=true"];
    program.arguments.extend(flags.map(str::to_owned));
    let server = ["-cp", JARS, "org.apache.zookeeper.server.ZooKeeperServerMain"];
    program.arguments.extend(server.map(str::to_owned));
    program.arguments.push(work.join("zoo.cfg").display().to_string());
    program
}
