//! Which of several application masters leads, decided by ZooKeeper.
//!
//! Each holds a session and a lock node; the oldest node leads. A leader whose session ends is deposed: the client itself
//! counts the session as over once it could not reach ZooKeeper for the session timeout, before ZooKeeper lets the next one
//! lead, and every write checks the lock node.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};
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

impl ZooKeeperOptions {
    /// Waits to become the leader, however long that takes. `report` is told when there is something to tell.
    pub async fn lead(&self, report: impl Fn(&str)) -> Leadership {
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

    async fn try_to_lead(&self, report: &impl Fn(&str)) -> Result<Leadership, StoreError> {
        let failed = |action| move |source| StoreError::ZooKeeper { action, path: self.base.clone(), source };
        let mut connector = Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        if let Some(digest) = &self.digest {
            connector = connector.with_auth("digest", digest.as_bytes());
        }
        let client = connector.connect(&self.quorum).await.map_err(failed("connect to ZooKeeper for"))?;
        let acls = if self.creator_only { Acls::creator_all() } else { Acls::anyone_all() };
        let nodes = Nodes::new(self.base.clone(), acls);
        nodes.make(&client).await.map_err(failed("make"))?;
        let folder = nodes.leader();
        let prefix = LockPrefix::new_curator(&folder, "latch-").map_err(failed("lock"))?;
        let whoami = format!("{}", std::process::id());
        report("Standing by for the leadership.");
        // Who stands by has the state in memory already when the time comes.
        let mut mirror = Mirror::begin(&client, &nodes).await;
        let waiting = client.lock(prefix, whoami.as_bytes(), LockOptions::new(acls));
        let lock = match &mut mirror {
            None => waiting.await,
            Some(mirror) => tokio::select! {
                lock = waiting => lock,
                never = mirror.follow(&client) => match never {},
            },
        };
        let lock = lock.map_err(failed("lock"))?.into_owned();
        let (store, state) = ZooKeeperStore::open(lock, nodes, mirror).await?;
        info!("Leading the cluster {}.", self.base);
        let deposed = CancellationToken::new();
        let watch = Some(AbortOnDropHandle::new(tokio::spawn(watch(store.client().clone(), deposed.clone()))));
        Ok(Leadership { store: Store::ZooKeeper(store), state, deposed, watch })
    }
}

async fn watch(client: Client, deposed: CancellationToken) {
    let mut states = client.state_watcher();
    // The watcher itself must not keep the session alive.
    drop(client);
    loop {
        let state = states.changed().await;
        if state.is_terminated() {
            warn!("The ZooKeeper session has ended ({state}): this application master leads no longer.");
            return deposed.cancel();
        }
        info!("ZooKeeper: {state}.");
    }
}
