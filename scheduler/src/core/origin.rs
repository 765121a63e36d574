//! What a TaskManager was started for. It can register only with a JobManager of the same Flink, at the address it
//! knows. After a takeover, one that cannot register is replaced at once instead of after the registration timeout.
//!
//! The jars of Flink, its plugins and the application must also match on both sides: a TaskManager with other jars
//! registers, and fails jobs later. Replacing it costs least at a takeover, since every job restarts with the
//! JobManager anyway. A TaskManager whose other files differ (logging, Python, users' own) still works: it keeps them,
//! and this is reported.

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
    /// Where it looks for the JobManager: an address, or the way to find it.
    pub job_manager: String,
    /// Digest of the files that both must share; unknown in records of earlier versions.
    pub distribution: Option<String>,
    /// Digest of all files it was started with.
    pub manifest: Option<String>,
}

impl Origin {
    /// Why a TaskManager of this origin cannot register with the current JobManager, if so.
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

/// Whether both are known and differ.
fn differ(before: Option<&str>, now: Option<&str>) -> bool {
    before.zip(now).is_some_and(|(before, now)| before != now)
}

impl Core {
    /// Replaces workers that were taken over and cannot register. Records of earlier versions do not say; those workers
    /// get the usual time to register.
    pub(super) fn replace_misfits(&mut self) {
        let now = &self.settings.origin;
        let misfits = self.fleet.workers().values().filter(|worker| worker.counts()).filter_map(|worker| {
            let why = worker.record.origin.as_ref()?.misfit(now)?;
            Some((worker.record.id.clone(), why))
        });
        for (id, why) in misfits.collect::<Vec<(WorkerId, String)>>() {
            self.kill(&id, why, Initiator::Scheduler);
        }
        self.report_other_files();
    }

    /// Reports once how many workers continue with other files than the current ones.
    fn report_other_files(&mut self) {
        if std::mem::replace(&mut self.other_files_reported, true) {
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
