//! Which of several application masters leads, decided by ZooKeeper.
//!
//! Each holds a session and a lock node; the oldest node leads. ZooKeeper lets the next one lead once it has heard nothing
//! of the leader for the session's timeout. The leader itself stops before that (`hold`): when the last question that
//! ZooKeeper has answered was asked nine tenths of that time ago. And every write checks the lock node.

mod options;
mod relay;
mod trial;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, info, warn};
use zookeeper_client::{Client, Error, LockOptions, LockPrefix};

use common::backoff::Backoff;

use self::relay::Relay;
pub use self::{
    options::{Access, ZooKeeperOptions},
    relay::{Server, Tls},
    trial::{TrialError, try_out},
};
use crate::{
    core::message::State,
    store::{Mirror, Store, StoreError, ZooKeeperStore},
};

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
    relay: Option<Arc<Relay>>,
}

impl Candidate {
    /// Of the cluster that the options name.
    pub fn new(options: ZooKeeperOptions) -> Self {
        Self { options, since: None, relay: None }
    }

    /// Waits to become the leader, however long that takes. `report` is told when there is something to tell. Fails when
    /// ZooKeeper does not let us, or holds what is no state: neither heals.
    pub async fn lead(&mut self, report: impl Fn(&str)) -> Result<Leadership, StoreError> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        loop {
            match self.try_to_lead(&report).await {
                Ok(leadership) => return Ok(leadership),
                Err(
                    e @ (StoreError::Corrupt { .. }
                    | StoreError::ZooKeeper {
                        source: Error::AuthFailed | Error::NoAuth | Error::InvalidAcl, ..
                    }),
                ) => return Err(e),
                Err(e) => {
                    let wait = backoff.next();
                    report(&format!("Cannot read the state or take part in the election: {e}. Retrying."));
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
        let client = self.options.connect(&quorum).await.map_err(failed("connect to ZooKeeper for"))?;
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
        report("Another application master leads; this one is a standby.");
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

    /// Where the client connects.
    async fn quorum(&mut self) -> Result<String, StoreError> {
        let Some(tls) = &self.options.access.tls else { return Ok(self.options.quorum.clone()) };
        let failed = |source| StoreError::Io { action: "listen on", path: "127.0.0.1".into(), source };
        let relay = match self.relay.take() {
            Some(relay) => relay,
            None => Arc::new(Relay::start(tls).await.map_err(failed)?),
        };
        Ok(self.relay.insert(relay).quorum.clone())
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
            Ok(Err(e)) if asking < deadline => debug!("Cannot read the lock node: {e}"),
            Ok(Err(_)) | Err(_) => break format!("ZooKeeper has not answered for {:.1?}", asked.elapsed()),
        }
    };
    warn!("This application master no longer leads: {why}");
    deposed.cancel();
}
