//! What a TaskManager was started for. It can only register with a JobManager of the same Flink, where it looks for it: one that
//! was taken over and cannot is replaced at once, rather than after the time that it has to register.
//!
//! The jars of Flink, its plugins, and those of an application must be the same on both sides, too: a TaskManager with others
//! registers, and fails jobs later. A takeover is the moment at which its replacement costs least, since every job restarts
//! with the JobManager anyway. With other files of another start (logging, Python, users' own) a TaskManager works on: it keeps
//! them, and people are told.

use super::{
    Core,
    history::Initiator,
    message::{Notice, WorkerId},
    worker::Worker,
};

/// What a TaskManager was started for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of Flink.
    pub flink: String,
    /// Where it looks for the JobManager: an address, or how it finds it.
    pub job_manager: String,
    /// Digest of the files that both must share; unknown in records from before this was kept.
    pub distribution: Option<String>,
    /// Digest of all files that it was started with.
    pub manifest: Option<String>,
}

impl Origin {
    /// Why a TaskManager of this origin cannot register with a JobManager of that one, if so.
    fn misfit(&self, now: &Self) -> Option<String> {
        if self.flink != now.flink {
            Some(format!("it runs Flink {}, and the JobManager is Flink {}", self.flink, now.flink))
        } else if self.job_manager != now.job_manager {
            Some(format!("it looks for the JobManager at {}, which is at {}", self.job_manager, now.job_manager))
        } else if differ(self.distribution.as_deref(), now.distribution.as_deref()) {
            Some("it was started with other jars of Flink, plugins or application than the JobManager's".to_owned())
        } else {
            None
        }
    }
}

/// Whether both are known and not the same.
fn differ(before: Option<&str>, now: Option<&str>) -> bool {
    before.zip(now).is_some_and(|(before, now)| before != now)
}

impl Core {
    /// Replaces those that were taken over and cannot register. Of records that do not tell (they are from before there was
    /// such a thing) nothing is known: those are waited for.
    pub(super) fn replace_misfits(&mut self) {
        let now = &self.settings.origin;
        let misfits = self.fleet.workers().values().filter(|worker| worker.counts()).filter_map(|worker| {
            let why = worker.record.origin.as_ref()?.misfit(now)?;
            Some((worker.record.id.clone(), why))
        });
        for (id, why) in misfits.collect::<Vec<(WorkerId, String)>>() {
            self.kill(&id, why, Initiator::Scheduler);
        }
        self.tell_of_other_files();
    }

    /// Says once how many go on with other files than those of now.
    fn tell_of_other_files(&mut self) {
        if std::mem::replace(&mut self.files_told, true) {
            return;
        }
        let now = self.settings.origin.manifest.as_deref();
        let has_others = |worker: &&Worker| {
            let origin = worker.record.origin.as_ref().filter(|_| worker.counts());
            origin.is_some_and(|origin| differ(origin.manifest.as_deref(), now))
        };
        let count = self.fleet.workers().values().filter(has_others).count();
        if count > 0 {
            self.notice(Notice::OtherFiles(count));
        }
    }
}
