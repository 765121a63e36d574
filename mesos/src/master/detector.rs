//! One way to ask for masters, however they are named.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use common::files::read_text;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::{HostPort, MasterUrl, ParseMasterError, ZooKeeperUrl, zookeeper::LeaderWatch};

/// How long [`MasterDetector::current`] waits for an election before it says that there is no
/// leader.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(3);

/// The largest file that names masters, in bytes.
const LARGEST: u64 = 64 << 10;

/// Why no master is known at the moment. Asking again may help.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The file cannot be read.
    #[error("cannot read the file that names the masters: {0}")]
    Read(#[from] io::Error),
    /// The file names no master.
    #[error("file {path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The error in its content.
        source: ParseMasterError,
    },
    /// The file names another file.
    #[error("{0} names another file, allowed are host:port, a list of them, or zk://…")]
    Nested(String),
    /// ZooKeeper names no leader.
    #[error("no leading master at {zookeeper}: {why}")]
    NoLeader {
        /// The ensemble and path, without the password.
        zookeeper: String,
        /// What is known about it.
        why: String,
    },
}

/// Knows at any time which masters to try. ZooKeeper is watched by a task that ends with the
/// detector.
#[derive(Debug)]
pub struct MasterDetector {
    url: MasterUrl,
    https: bool,
    leader: watch::Sender<Option<HostPort>>,
    watched: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    url: ZooKeeperUrl,
    watch: LeaderWatch,
}

impl MasterDetector {
    /// Starts to look. With https a master goes by its host name, which its certificate has, else
    /// by its address.
    ///
    /// Must be called inside of a tokio runtime.
    pub fn start(url: &MasterUrl, https: bool) -> Self {
        let mut detector =
            Self { url: url.clone(), https, leader: watch::Sender::new(None), watched: None };
        if let MasterUrl::ZooKeeper(zookeeper) = url {
            detector.watch(zookeeper);
        }
        detector
    }

    /// The elected master, followed as long as the detector lives. Always `None` for masters that
    /// are named as hosts: there only a master itself knows the leader, and redirects to it.
    pub fn leader(&self) -> watch::Receiver<Option<HostPort>> {
        self.leader.subscribe()
    }

    /// The masters to try now, in this order. Waits a few seconds for ZooKeeper's election.
    pub async fn current(&mut self) -> Result<Vec<HostPort>, DetectError> {
        let url = match &self.url {
            MasterUrl::File(path) => read(path).await?,
            url => url.clone(),
        };
        match url {
            MasterUrl::Hosts(hosts) => {
                self.watched = None;
                self.leader.send_replace(None);
                Ok(hosts)
            }
            MasterUrl::ZooKeeper(zookeeper) => self.elected(zookeeper).await,
            MasterUrl::File(_) => Err(DetectError::Nested(self.url.to_string())),
        }
    }

    async fn elected(&mut self, zookeeper: ZooKeeperUrl) -> Result<Vec<HostPort>, DetectError> {
        let watched = self.watch(&zookeeper);
        let problem = watched.watch.problem();
        let mut leader = self.leader.subscribe();
        let known = timeout(ELECTION_TIMEOUT, leader.wait_for(Option::is_some)).await;
        match known.ok().and_then(Result::ok).and_then(|leader| leader.clone()) {
            Some(leader) => Ok(vec![leader]),
            None => Err(DetectError::NoLeader {
                zookeeper: zookeeper.to_string(),
                why: problem.borrow().clone(),
            }),
        }
    }

    /// The watch of this ensemble, started unless it runs already.
    fn watch(&mut self, zookeeper: &ZooKeeperUrl) -> &Watched {
        let kept = self.watched.take().filter(|watched| watched.url == *zookeeper);
        let watched = kept.unwrap_or_else(|| {
            self.leader.send_replace(None);
            Watched {
                url: zookeeper.clone(),
                watch: LeaderWatch::start(zookeeper.clone(), self.https, self.leader.clone()),
            }
        });
        self.watched.insert(watched)
    }
}

async fn read(path: &Path) -> Result<MasterUrl, DetectError> {
    let named = path.to_owned();
    let text =
        spawn_blocking(move || read_text(&named, LARGEST)).await.map_err(io::Error::other)??;
    text.parse().map_err(|source| DetectError::Content { path: path.to_owned(), source })
}
