//! Election of the leader among several application masters, with ZooKeeper.
//!
//! Each holds a session and a lock node; the oldest node leads. ZooKeeper lets the next one lead
//! when the leader's session has timed out. The leader itself stops earlier (`hold`): once nine
//! tenths of the timeout have passed since it sent the last request that ZooKeeper answered. And
//! every write checks the lock node.

mod announcement;
mod node;
mod options;
mod tls_relay;
mod trial;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, info, warn};
use zookeeper_client::{Client, Error, LockOptions, LockPrefix};

use common::backoff::Backoff;

use self::tls_relay::Relay;
pub use self::{
    announcement::announced,
    node::read_node,
    options::{Access, ZooKeeperOptions},
    tls_relay::{Server, Tls},
    trial::{TrialError, servers, try_out},
};
use crate::{
    core::state::State,
    store::{Mirror, Store, StoreError, ZooKeeperStore},
};

/// The right to act for the cluster, until it is lost.
#[derive(Debug)]
pub struct Leadership {
    /// The store; nobody else can write to it.
    pub store: Store,
    /// The stored state.
    pub state: State,
    /// Cancelled when leadership is lost.
    pub deposed: CancellationToken,
    /// Cancels `deposed` when leadership is lost.
    pub watch: Option<AbortOnDropHandle<()>>,
}

impl Leadership {
    /// Announces to others how to reach this leader. They can read it, so no secret may be in it.
    /// Nothing waits until it is written.
    pub fn announce(&self, text: Vec<u8>) {
        if let Store::ZooKeeper(store) = &self.store {
            let (client, lock) = (store.client().clone(), store.lock_path().to_owned());
            tokio::spawn(async move {
                if let Err(error) = client.set_data(&lock, &text, None).await {
                    warn!(%error, "Commands cannot find this application master through ZooKeeper");
                }
            });
        }
    }

    /// Leadership without competitors.
    pub fn undisputed(store: Store, state: State) -> Self {
        Self { store, state, deposed: CancellationToken::new(), watch: None }
    }
}

/// A candidate for leadership, for as long as its process runs.
#[derive(Debug)]
pub struct Candidate {
    options: ZooKeeperOptions,
    /// ZooKeeper's last transaction when this candidate first became a standby.
    since: Option<i64>,
    relay: Option<Arc<Relay>>,
}

impl Candidate {
    /// A candidate for the cluster that the options name.
    pub fn new(options: ZooKeeperOptions) -> Self {
        Self { options, since: None, relay: None }
    }

    /// Waits to become the leader, however long that takes. Progress is passed to `report`. Fails
    /// if ZooKeeper rejects us, or if the stored state is invalid: retrying would not help.
    pub async fn lead(&mut self, report: impl Fn(&str)) -> Result<Leadership, StoreError> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        loop {
            match self.try_to_lead(&report).await {
                Ok(leadership) => return Ok(leadership),
                Err(
                    e @ (StoreError::Corrupt { .. }
                    | StoreError::ZooKeeper {
                        source: Error::AuthFailed | Error::NoAuth | Error::InvalidAcl,
                        ..
                    }),
                ) => return Err(e),
                Err(e) => {
                    let wait = backoff.next();
                    report(&format!(
                        "Cannot read the state or take part in the election: {e}. Retrying."
                    ));
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
        let quorum = self.quorum().await?;
        let client =
            self.options.connect(&quorum).await.map_err(failed("connect to ZooKeeper for"))?;
        let nodes = self.options.nodes();
        nodes.make(&client).await.map_err(failed("make"))?;
        let folder = nodes.leader();
        let since = match self.since {
            Some(since) => since,
            // A write without changes returns the time of ZooKeeper's own clock.
            None => client.set_data(&folder, b"", None).await.map_err(failed("write"))?.mzxid,
        };
        self.since = Some(since);
        let prefix = LockPrefix::new_curator(&folder, "latch-").map_err(failed("lock"))?;
        let whoami = format!("{}", std::process::id());
        report("Another application master leads; this one is a standby.");
        // A standby mirrors the state, so it is in memory when it leads.
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
        info!("Leading the cluster {}", self.options.base);
        let deposed = CancellationToken::new();
        let watch = hold(client, path, asked, deposed.clone());
        let relay = self.relay.clone();
        let watch = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            watch.await;
            drop(relay);
        })));
        Ok(Leadership { store: Store::ZooKeeper(Box::new(store)), state, deposed, watch })
    }

    /// The servers that the client connects to.
    async fn quorum(&mut self) -> Result<String, StoreError> {
        let Some(tls) = &self.options.access.tls else { return Ok(self.options.quorum.clone()) };
        let failed =
            |source| StoreError::Io { action: "listen on", path: "127.0.0.1".into(), source };
        let relay = match self.relay.take() {
            Some(relay) => relay,
            None => Arc::new(Relay::start(tls).await.map_err(failed)?),
        };
        Ok(self.relay.insert(relay).quorum.clone())
    }
}

/// Reads the lock node again and again. Leadership is lost if the node is gone, if the session has
/// ended, or if ZooKeeper may consider it ended: its timeout counts from our last request, sent at
/// `asked` or later. (The client library itself gives a session up only after one and a half times
/// its timeout.)
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
            Ok(Err(e)) if asking < deadline => debug!("Cannot read the lock node: {e}"),
            Ok(Err(_)) | Err(_) => {
                break format!("ZooKeeper has not answered for {:.1?}", asked.elapsed());
            }
        }
    };
    warn!("This application master no longer leads: {why}");
    deposed.cancel();
}
