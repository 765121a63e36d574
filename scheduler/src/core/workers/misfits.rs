//! After a takeover, a worker whose TaskManager cannot register is replaced at once instead of
//! after the registration timeout.
//!
//! One with other jars is replaced, too. That costs least at a takeover, since every job restarts
//! with the JobManager anyway. A TaskManager whose other files differ (logging, Python, users' own)
//! still works: it keeps them, and this is reported.

use super::Workers;
use crate::core::{
    cause::{Cause, Initiator},
    effects::Effects,
    ids::{Moment, WorkerId},
    message::Notice,
    origin::{Misfit, differ},
    worker::Worker,
};

impl Workers {
    /// Replaces workers that were taken over and cannot register. Records of earlier versions do
    /// not say; those workers get the usual time to register.
    pub(super) fn replace_misfits(&mut self, now: Moment, effects: &mut Effects) {
        let current = &self.origin;
        let misfits =
            self.fleet.workers().values().filter(|worker| worker.counts()).filter_map(|worker| {
                let why = worker.record.origin.as_ref()?.misfit(current)?;
                Some((worker.record.id.clone(), why))
            });
        for (id, why) in misfits.collect::<Vec<(WorkerId, Misfit)>>() {
            self.kill(now, &id, Cause::Misfit(Box::new(why)), Initiator::Scheduler, effects);
        }
        self.report_other_files(effects);
    }

    /// Reports once how many workers continue with other files than the current ones.
    fn report_other_files(&mut self, effects: &mut Effects) {
        if std::mem::replace(&mut self.other_files_reported, true) {
            return;
        }
        let current = self.origin.manifest.as_deref();
        let has_others = |worker: &Worker| {
            let origin = worker.record.origin.as_ref().filter(|_| worker.counts());
            origin.is_some_and(|origin| differ(origin.manifest.as_deref(), current))
        };
        let count = self.fleet.workers().values().filter(|worker| has_others(worker)).count();
        if count > 0 {
            effects.notice(Notice::OtherFiles(count));
        }
    }
}
