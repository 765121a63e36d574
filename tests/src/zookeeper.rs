//! The real ZooKeeper: one server, or several that elect their leader.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Keeper, Program, ReservedPort, wait_until};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const JARS: &str = "/usr/share/java/zookeeper.jar";
/// Jars that its TLS needs and that its own jar does not list.
const TLS_JARS: &str = "/usr/share/java/netty-codec.jar:/usr/share/java/netty-resolver.jar";
const PATIENCE: Duration = Duration::from_secs(60);
/// During its start, it accepts connections that it never answers.
const ONE_ANSWER: Duration = Duration::from_secs(2);

/// A ZooKeeper for one test; its data is kept across `kill` and `restart`. Dropping it ends it.
///
/// Mesos masters with a session there exit when it is away for longer than their session timeout of
/// two seconds. In production, a supervisor restarts them.
#[derive(Debug)]
pub struct RealZooKeeper {
    keeper: Keeper,
    servers: Vec<Server>,
    work: TempDir,
}

#[derive(Debug)]
struct Server {
    pid: i32,
    port: ReservedPort,
    /// Ports for the other servers of an ensemble.
    peers: [ReservedPort; 2],
    folder: PathBuf,
    /// System properties of its JVM.
    properties: Vec<String>,
}

/// How to start a ZooKeeper. `Default` is one server without authentication.
#[derive(Clone, Debug)]
pub struct RealZooKeeperOptions {
    /// Number of servers; must be odd.
    pub servers: usize,
    /// More lines for `zoo.cfg`.
    pub configuration: Vec<String>,
    /// System properties of the servers' JVMs, `name=value`.
    pub properties: Vec<String>,
}

impl Default for RealZooKeeperOptions {
    fn default() -> Self {
        Self { servers: 1, configuration: Vec::new(), properties: Vec::new() }
    }
}

impl RealZooKeeper {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(RealZooKeeperOptions::default()).await
    }

    /// Starts this many servers and waits until one of them leads.
    pub async fn start_ensemble(servers: usize) -> Self {
        Self::start_with(RealZooKeeperOptions { servers, ..Default::default() }).await
    }

    /// Starts servers with these options and waits until all answer.
    pub async fn start_with(options: RealZooKeeperOptions) -> Self {
        assert!(Path::new(JARS).exists(), "{JARS} is missing: run `make setup`");
        let keeper = Keeper::start();
        let work = TempDir::with_prefix("real-zookeeper-").expect("a temporary folder");
        let server = |number: usize| Server {
            pid: 0,
            port: ReservedPort::new(),
            peers: [ReservedPort::new(), ReservedPort::new()],
            folder: work.path().join(number.to_string()),
            properties: options.properties.clone(),
        };
        let mut servers: Vec<_> = (1..=options.servers).map(server).collect();
        let mut ensemble = options.configuration.join("\n");
        if servers.len() > 1 {
            for (number, server) in (1..).zip(&servers) {
                let [peers, election] = &server.peers;
                let (peers, election) = (peers.number(), election.number());
                write!(ensemble, "\nserver.{number}=127.0.0.1:{peers}:{election}").expect("text");
            }
            ensemble += "\ninitLimit=20\nsyncLimit=10";
        }
        for (number, server) in (1..).zip(&mut servers) {
            server.configure(number, &ensemble);
            server.pid = keeper.run(&server.program());
        }
        let this = Self { keeper, servers, work };
        for server in &this.servers {
            this.until_it_serves(server).await;
        }
        this
    }

    /// Its files: snapshots and transaction logs contain all current and past node data.
    pub fn work_dir(&self) -> &Path {
        self.work.path()
    }

    /// The addresses for clients: "127.0.0.1:port", separated by commas.
    pub fn connect_string(&self) -> String {
        let servers: Vec<_> = self.servers.iter().map(Server::address).collect();
        servers.join(",")
    }

    /// The URL of a node in Mesos's notation: `url("/mesos")` is "zk://127.0.0.1:port/mesos".
    pub fn url(&self, path: &str) -> String {
        format!("zk://{}{path}", self.connect_string())
    }

    /// Kills all servers as `kill -9` does.
    pub async fn kill(&self) {
        for server in &self.servers {
            self.keeper.kill(server.pid).await;
        }
    }

    /// Sends a signal to all servers: SIGSTOP and SIGCONT make a ZooKeeper that does not answer for
    /// a while.
    pub fn signal(&self, signal: Signal) {
        for server in &self.servers {
            self.keeper.signal(server.pid, signal);
        }
    }

    /// Kills the leading server, or the only one.
    pub async fn kill_leader(&self) {
        let leader = wait_until("a ZooKeeper server leads", PATIENCE, async || {
            for server in &self.servers {
                let mode = timeout(ONE_ANSWER, server.mode()).await.ok().flatten();
                if mode.is_some_and(|mode| mode == "leader" || mode == "standalone") {
                    return Some(server.pid);
                }
            }
            None
        })
        .await;
        self.keeper.kill(leader).await;
    }

    /// Restarts killed servers with the same data and ports.
    pub async fn restart(&mut self) {
        for server in &mut self.servers {
            if self.keeper.ended(server.pid).is_some() {
                server.pid = self.keeper.run(&server.program());
            }
        }
        for server in &self.servers {
            self.until_it_serves(server).await;
        }
    }

    async fn until_it_serves(&self, server: &Server) {
        wait_until("ZooKeeper serves", PATIENCE, async || {
            if let Some(how) = self.keeper.ended(server.pid) {
                let log = fs_err::read_to_string(server.folder.join("log")).unwrap_or_default();
                panic!("ZooKeeper ended ({how:?}):\n{log}");
            }
            timeout(ONE_ANSWER, server.mode()).await.ok().flatten()
        })
        .await;
    }
}

impl Server {
    fn configure(&self, number: usize, more: &str) {
        let data = self.folder.join("data");
        fs_err::create_dir_all(&data).expect("a folder for the data");
        fs_err::write(data.join("myid"), number.to_string())
            .expect("the server's number is written");
        let configuration = format!(
            "tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir={}\nclientPort={}\n\
             clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n{more}\n",
            data.display(),
            self.port.number()
        );
        fs_err::write(self.folder.join("zoo.cfg"), configuration)
            .expect("the configuration is written");
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// The server's role, once it serves.
    async fn mode(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).await.ok()?;
        stream.write_all(b"srvr").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
    }

    fn program(&self) -> Program {
        let mut program = Program::new("java", &self.folder.join("log"));
        // Starts in a third of a second, and stays small.
        let flags = [
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dzookeeper.jmx.log4j.disable=true",
        ];
        program.arguments.extend(flags.map(str::to_owned));
        program.arguments.extend(self.properties.iter().map(|property| format!("-D{property}")));
        let jars = format!("{JARS}:{TLS_JARS}");
        let server = ["-cp", &jars, "org.apache.zookeeper.server.quorum.QuorumPeerMain"];
        program.arguments.extend(server.map(str::to_owned));
        program.arguments.push(self.folder.join("zoo.cfg").display().to_string());
        program
    }
}
