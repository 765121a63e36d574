//! Which of several application masters leads, decided by ZooKeeper.
//!
//! Each holds a session and a lock node; the oldest node leads. ZooKeeper lets the next one lead once it has heard nothing
//! of the leader for the session's timeout. The leader itself stops before that (`hold`): when the last question that
//! ZooKeeper has answered was asked nine tenths of that time ago. And every write checks the lock node.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, info, warn};
use zookeeper_client::{Acls, Client, LockOptions, LockPrefix};

use mesos::backoff::Backoff;

use crate::{
    core::message::State,
    store::{Mirror, Nodes, Store, StoreError, ZooKeeperStore},
};

/// How to reach ZooKeeper and where our nodes are.
#[derive(Clone)]
pub struct ZooKeeperOptions {
    /// `host:port`, with commas between.
    pub quorum: String,
    /// The node below which everything of this cluster's workers is.
    pub base: String,
    /// The node below which Flink 1.13 had the same.
    pub upstream: String,
    /// After this long without contact a session is over.
    pub session_timeout: Duration,
    /// `user:password` for the digest scheme. A secret.
    pub digest: Option<String>,
    /// Only we may read and write our nodes, rather than everybody.
    pub creator_only: bool,
}

impl std::fmt::Debug for ZooKeeperOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZooKeeperOptions")
            .field("quorum", &self.quorum)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The right to act for the cluster, until it is lost.
#[derive(Debug)]
pub struct Leadership {
    /// The store, to which nobody else can write.
    pub store: Store,
    /// What it held.
    pub state: State,
    /// Cancelled when leadership is lost.
    pub deposed: CancellationToken,
    /// Cancels `deposed` when the time has come.
    pub watch: Option<AbortOnDropHandle<()>>,
}

impl Leadership {
    /// There is nobody else who could lead.
    pub fn undisputed(store: Store, state: State) -> Self {
        Self { store, state, deposed: CancellationToken::new(), watch: None }
    }
}

/// One of those who want to lead, as long as its process lives.
#[derive(Debug)]
pub struct Candidate {
    options: ZooKeeperOptions,
    /// ZooKeeper's last transaction before we stood by for the first time.
    since: Option<i64>,
}

impl Candidate {
    /// Of the cluster that the options name.
    pub fn new(options: ZooKeeperOptions) -> Self {
        Self { options, since: None }
    }

    /// Waits to become the leader, however long that takes. `report` is told when there is something to tell.
    pub async fn lead(&mut self, report: impl Fn(&str)) -> Leadership {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        loop {
            match self.try_to_lead(&report).await {
                Ok(leadership) => return leadership,
                Err(e) => {
                    let wait = backoff.next();
                    report(&format!("No state and no election: {e}. Trying on."));
                    sleep(wait).await;
                }
            }
        }
    }

    async fn try_to_lead(&mut self, report: &impl Fn(&str)) -> Result<Leadership, StoreError> {
        let base = self.options.base.clone();
        let failed = |action| {
            let path = base.clone();
            move |source| StoreError::ZooKeeper { action, path, source }
        };
        let client = self.options.connect().await.map_err(failed("connect to ZooKeeper for"))?;
        let nodes = self.options.nodes();
        nodes.make(&client).await.map_err(failed("make"))?;
        let folder = nodes.leader();
        let since = match self.since {
            Some(since) => since,
            // A write that changes nothing tells the time by ZooKeeper's own clock.
            None => client.set_data(&folder, b"", None).await.map_err(failed("write"))?.mzxid,
        };
        self.since = Some(since);
        let prefix = LockPrefix::new_curator(&folder, "latch-").map_err(failed("lock"))?;
        let whoami = format!("{}", std::process::id());
        report("Standing by for the leadership.");
        // Who stands by has the state in memory already when the time comes.
        let mut mirror = Mirror::begin(&client, &nodes).await;
        let waiting = client.lock(prefix, whoami.as_bytes(), LockOptions::new(nodes.acls()));
        let lock = match &mut mirror {
            None => waiting.await,
            Some(mirror) => tokio::select! {
                lock = waiting => lock,
                never = mirror.follow(&client) => match never {},
            },
        };
        let lock = lock.map_err(failed("lock"))?.into_owned();
        let path = lock.lock_path().to_owned();
        let asked = Instant::now();
        client.check_stat(&path).await.map_err(failed("check the lock of"))?;
        let (store, state) = ZooKeeperStore::open(lock, nodes, mirror, since).await?;
        info!("Leading the cluster {}.", self.options.base);
        let deposed = CancellationToken::new();
        let watch = hold(client, path, asked, deposed.clone());
        let watch = Some(AbortOnDropHandle::new(tokio::spawn(watch)));
        Ok(Leadership { store: Store::ZooKeeper(store), state, deposed, watch })
    }
}

impl ZooKeeperOptions {
    async fn connect(&self) -> Result<Client, zookeeper_client::Error> {
        let mut connector = Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        if let Some(digest) = &self.digest {
            connector = connector.with_auth("digest", digest.as_bytes());
        }
        connector.connect(&self.quorum).await
    }

    fn nodes(&self) -> Nodes {
        let acls = if self.creator_only { Acls::creator_all() } else { Acls::anyone_all() };
        Nodes::new(self.base.clone(), self.upstream.clone(), acls)
    }
}

/// Asks for the lock node again and again. Leadership is lost when it is gone, when the session is over, or when ZooKeeper
/// may believe that it is: it counts from when it has heard of us, which was not before we `asked`. (The client library on its
/// own gives a session up only after one and a half times its timeout.)
async fn hold(client: Client, lock: String, mut asked: Instant, deposed: CancellationToken) {
    let timeout = client.session_timeout();
    let why = loop {
        let deadline = asked + timeout * 9 / 10;
        sleep_until(deadline.min(Instant::now() + timeout / 10)).await;
        let asking = Instant::now();
        match timeout_at(deadline, client.check_stat(&lock)).await {
            Ok(Ok(Some(_))) => asked = asking,
            Ok(Ok(None)) => break "its lock node is gone".to_owned(),
            Ok(Err(e)) if client.state().is_terminated() => break e.to_string(),
            Ok(Err(e)) if asking < deadline => debug!("The lock node could not be asked for: {e}."),
            Ok(Err(_)) | Err(_) => break format!("ZooKeeper has not answered for {:.1?}", asked.elapsed()),
        }
    };
    warn!("This application master leads no longer: {why}.");
    deposed.cancel();
}
