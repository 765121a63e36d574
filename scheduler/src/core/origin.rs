//! What a TaskManager was started for: it can register only with a JobManager of the same Flink, at
//! the address it knows.
//!
//! The jars of Flink, its plugins and the application must also match on both sides: a TaskManager
//! with other jars registers, and fails jobs later.

use std::fmt;

/// What a TaskManager was started for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of Flink.
    pub flink: String,
    /// Where it looks for the JobManager: an address, or the way to find it.
    pub job_manager: String,
    /// Whether it speaks TLS with the JobManager; unknown in records of earlier versions.
    pub tls: Option<bool>,
    /// Digest of the files that both must share; unknown in records of earlier versions.
    pub distribution: Option<String>,
    /// Digest of all files it was started with.
    pub manifest: Option<String>,
}

/// Why a TaskManager cannot register with the current JobManager, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It runs one version of Flink, and the JobManager is another one.
    Flink(String, String),
    /// It looks for the JobManager at one address, which is at another one.
    JobManager(String, String),
    /// Only one of both speaks TLS: the TaskManager if this is true.
    Tls(bool),
    /// It was started with other jars.
    Jars,
}

impl Origin {
    /// Why a TaskManager of this origin cannot register with the current JobManager, if so.
    pub(super) fn misfit(&self, now: &Self) -> Option<Misfit> {
        if self.flink != now.flink {
            Some(Misfit::Flink(self.flink.clone(), now.flink.clone()))
        } else if self.job_manager != now.job_manager {
            Some(Misfit::JobManager(self.job_manager.clone(), now.job_manager.clone()))
        } else if let Some(tls) = self.tls.filter(|tls| now.tls == Some(!tls)) {
            Some(Misfit::Tls(tls))
        } else if differ(self.distribution.as_deref(), now.distribution.as_deref()) {
            Some(Misfit::Jars)
        } else {
            None
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flink(its, now) => {
                write!(f, "it runs Flink {its}, and the JobManager is Flink {now}")
            }
            Self::JobManager(its, now) => {
                write!(f, "it looks for the JobManager at {its}, which is at {now}")
            }
            Self::Tls(true) => f.write_str("it speaks TLS, which the JobManager does not"),
            Self::Tls(false) => f.write_str("it speaks no TLS, which the JobManager requires"),
            Self::Jars => f.write_str(
                "it was started with other jars of Flink, plugins or application than the \
                 JobManager's",
            ),
        }
    }
}

/// Whether both are known and differ.
pub(super) fn differ(before: Option<&str>, now: Option<&str>) -> bool {
    before.zip(now).is_some_and(|(before, now)| before != now)
}
