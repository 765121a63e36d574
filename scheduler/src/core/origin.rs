//! What a TaskManager was started for: it can register only with a JobManager of the same Flink, at
//! the address it knows.
//!
//! The jars of Flink, its plugins and the application must also match on both sides: a TaskManager
//! with other jars registers, and fails jobs later.

/// What a TaskManager was started for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of Flink.
    pub flink: String,
    /// Where it looks for the JobManager: an address, or the way to find it.
    pub job_manager: String,
    /// Digest of the files that both must share; unknown in records of earlier versions.
    pub distribution: Option<String>,
    /// Digest of all files it was started with.
    pub manifest: Option<String>,
}

impl Origin {
    /// Why a TaskManager of this origin cannot register with the current JobManager, if so.
    pub(super) fn misfit(&self, now: &Self) -> Option<String> {
        if self.flink != now.flink {
            Some(format!("it runs Flink {}, and the JobManager is Flink {}", self.flink, now.flink))
        } else if self.job_manager != now.job_manager {
            Some(format!(
                "it looks for the JobManager at {}, which is at {}",
                self.job_manager, now.job_manager
            ))
        } else if differ(self.distribution.as_deref(), now.distribution.as_deref()) {
            Some("it was started with other jars of Flink, plugins or application than the JobManager's".to_owned())
        } else {
            None
        }
    }
}

/// Whether both are known and differ.
pub(super) fn differ(before: Option<&str>, now: Option<&str>) -> bool {
    before.zip(now).is_some_and(|(before, now)| before != now)
}
