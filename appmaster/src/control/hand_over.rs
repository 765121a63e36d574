//! How a cluster gives its job to the one that replaces it: the steps of the command `hand-over`,
//! and its answers.

use serde::{Deserialize, Serialize};

/// What the new cluster wants of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Say whether the job can be handed over, and what it needs. Nothing changes.
    Check,
    /// Stop the job with a savepoint.
    Begin,
    /// Say how far it is, and wait for longer: the new cluster lives.
    Wait,
    /// End: the job runs in the new cluster.
    Done,
    /// Continue the job from its savepoint.
    TakeBack,
}

/// A request of the new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOverRequest {
    /// The new cluster.
    pub to: String,
    /// What it wants.
    pub step: Step,
    /// The folder for the savepoint.
    pub folder: Option<String>,
}

/// How far a hand-over is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum HandOverState {
    /// There is none yet, and it is possible.
    Possible {
        /// The job's id.
        job: String,
        /// The job's name.
        name: String,
        /// The slots that it has.
        slots: u64,
        /// The registered TaskManagers.
        workers: usize,
    },
    /// The job is being stopped with a savepoint.
    Saving,
    /// The job has stopped, and its state is here.
    Saved {
        /// The savepoint's path.
        savepoint: String,
    },
    /// There is no savepoint, for this reason. The job keeps running.
    Failed {
        /// Why.
        reason: String,
    },
    /// No hand-over to this cluster: it never began, or the job was taken back.
    None,
    /// The job was handed over, and the cluster ends.
    Done,
}
