//! What a TaskManager was started for. It can only register with a JobManager of the same Flink, where it looks for it: one that
//! was taken over and cannot is replaced at once, rather than after the time that it has to register.

use super::{Core, history::Initiator, message::WorkerId};

/// What a TaskManager was started for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of Flink.
    pub flink: String,
    /// Where it looks for the JobManager: an address, or how it finds it.
    pub job_manager: String,
}

impl Origin {
    /// Why a TaskManager of this origin cannot register with a JobManager of that one, if so.
    fn misfit(&self, now: &Self) -> Option<String> {
        if self.flink != now.flink {
            Some(format!("it runs Flink {}, and the JobManager is Flink {}", self.flink, now.flink))
        } else if self.job_manager != now.job_manager {
            Some(format!("it looks for the JobManager at {}, which is at {}", self.job_manager, now.job_manager))
        } else {
            None
        }
    }
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
    }
}
