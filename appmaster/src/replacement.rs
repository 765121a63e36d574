//! `job --replace`: the job of a running cluster moves to this one.
//!
//! ```text
//!   old cluster:  job runs ─────────────────▶ stopped with a savepoint ··········▶ ends
//!                                                      │                  ▲ done
//!   this one:     TaskManagers start ─▶ they run ──────┴─▶ job starts ─▶ job runs
//! ```
//!
//! At no time do both run the job: the old one has stopped before this one starts, and continues only
//! once this one has stopped, or was silent for so long that it must have. Until the job runs here,
//! any failure ends this cluster, and the old one continues from its savepoint.

mod old;
mod steps;

use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::{mpsc, oneshot};

use self::old::Old;
use crate::{
    cli::Contact,
    clusters::client,
    control::{
        client::ControlError,
        hand_over::{HandOverState, Step},
    },
    environment::Lookup,
    failure::Failure,
    flink_rest::FlinkRest,
};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The old cluster: its name, its framework id, or the URL of its control API.
    pub old: String,
    /// The folder for the savepoint.
    pub folder: Option<String>,
    /// How long it may take until the job runs here.
    pub timeout: Duration,
}

/// The replacement of a cluster that was found and can be replaced.
#[derive(Debug)]
pub struct Replacement {
    old: Old,
    folder: Option<String>,
    timeout: Duration,
    /// The slots that the job has there.
    slots: u64,
    /// The TaskManagers there.
    workers: usize,
}

/// What the application master says to the replacement.
#[derive(Debug)]
pub(crate) enum Order {
    /// The job has finished here already.
    Finished,
    /// Give up, for this reason.
    GiveUp(String),
}

/// What the replacement says to the application master.
#[derive(Debug)]
pub(crate) enum Report {
    /// Start the job from this savepoint.
    Start(String),
    /// End the JobManager, and answer once it has ended.
    StopJobManager(oneshot::Sender<()>),
    /// The job runs here, and the old cluster ends.
    Replaced,
    /// The cluster was not replaced: why, and what happened.
    GivenUp(String),
}

/// The ends of a running replacement.
#[derive(Debug)]
pub(crate) struct Channels {
    /// Sent a message once enough TaskManagers run.
    pub(crate) ready: oneshot::Sender<()>,
    /// For orders.
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    /// Its reports.
    pub(crate) reports: mpsc::Receiver<Report>,
}

impl Replacement {
    /// Looks for the old cluster, and asks it whether its job can be handed over to the cluster with
    /// this name.
    ///
    /// # Errors
    /// There is none, or it cannot be replaced.
    pub async fn prepare(wish: Wish, new: &str, lookup: &Lookup) -> Result<Self, Failure> {
        let (cluster, at) =
            if wish.old.contains("://") { (None, Some(wish.old)) } else { (Some(wish.old), None) };
        let contact = Contact { cluster, at, ..Contact::default() };
        let client = client(contact, lookup).await.map_err(|error| error.context("--replace"))?;
        let name = client.status().await.map_err(Failure::from)?.cluster;
        if name == new {
            return Err(Failure::usage(anyhow!(
                "--replace: this cluster would have the name of the old one, {name:?}: give it another one with \
                 -Dmesos.resourcemanager.framework.name=NAME, and with high availability another \
                 high-availability.cluster-id"
            )));
        }
        let old = Old { client, name, new: new.to_owned() };
        match old.ask(Step::Check, None).await {
            Ok(HandOverState::Possible { slots, workers, .. }) => {
                Ok(Self { old, folder: wish.folder, timeout: wish.timeout, slots, workers })
            }
            Ok(_) => Err(Failure::other(anyhow!("cluster {:?} cannot be replaced", old.name))),
            Err(error) => Err(refusal(&old.name, error)),
        }
    }

    /// The old cluster's name.
    pub(crate) fn old(&self) -> &str {
        &self.old.name
    }

    /// How many TaskManagers with this number of slots the job needs.
    pub(crate) fn workers(&self, slots: u64) -> usize {
        let needed = usize::try_from(self.slots.div_ceil(slots.max(1))).unwrap_or(usize::MAX);
        if needed == 0 { self.workers } else { needed }
    }

    /// Begins. `rest` is the JobManager's API, once one runs here.
    pub(crate) fn begin(self, rest: FlinkRest) -> Channels {
        let (ready, is_ready) = oneshot::channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let (report, reports) = mpsc::channel(4);
        tokio::spawn(steps::run(self, rest, is_ready, ordered, report));
        Channels { ready, orders, reports }
    }
}

/// Why the old cluster cannot be replaced.
fn refusal(name: &str, error: ControlError) -> Failure {
    if error.is_unknown() {
        return Failure::usage(anyhow!(
            "--replace: cluster {name:?} runs an earlier flink-mesos, which cannot hand over its job: stop the job with \
             `flink-mesos jobs savepoint --stop --cluster {name}`, then start it here with --from-savepoint"
        ));
    }
    match error {
        ControlError::Refused { status, reason, .. } => {
            let error = anyhow!("--replace: cluster {name:?} cannot be replaced: {reason}");
            if status == 400 { Failure::usage(error) } else { Failure::other(error) }
        }
        error => Failure::from(error),
    }
}
