//! Conditions on every step, numbered as in the scheduler's list of promises.
//!
//! | | promise | where it is checked |
//! | --- | --- | --- |
//! | S1 | a worker is in the store before its task can exist | the output, the master, the agent |
//! | S2 | a status is acknowledged when stored; no living worker is forgotten | the output; each change of the store |
//! | S3 | no id is used twice | the output, the agent, the end |
//! | S4 | a deposed leader changes nothing | the store; S1 and kills where they take effect |
//! | S5 | every worker is asked for after every subscription | the outputs that follow |
//! | S6 | a framework id is forgotten when Mesos has removed it | the output |
//! | S7 | unknown tasks are killed | the end: every living task is in the store |
//! | S8, S9 | silent and unreachable workers are replaced, exactly one survives | the end |
//! | S10 | never more workers than wanted, and in the end exactly as many | each step, the end |
//! | S11 | offers are used or declined once, and not for more than they hold | the output, the master |
//! | S12 | offers are not wanted when nothing is missing | each step |
//! | S13 | workers that keep failing are launched ever more slowly; few agents are avoided | the output, each step |
//! | S14 | nothing is launched on agents that workers must leave; workers leave when others are ready | the output, the
//! master |
//! | S15 | no teardown without a request | the output |
//! | S16 | no unknown worker is launched or killed | the output |
//! | S17 | a port on which a TaskManager could not listen recently is not used again | the output |
//! | S18 | a worker that does not obey a kill is ended by force | the end |
//! | S19 | a worker that is used is not released | the output |

mod effects;
mod standing;

use std::{collections::BTreeSet, time::Duration};

use mesos::v1::{OfferId, TaskState};

use super::{
    parts::{ApplicationMaster, Task},
    world::{Profile, World},
};
use crate::core::{
    Core,
    cause::Cause,
    ids::WorkerId,
    message::{Launch, Notice, Output},
    state::Change,
    worker::Phase,
};

/// Largest number of launches per minute by an application master, for each worker that may be
/// wanted. In some worlds workers fail within milliseconds; a back-off from one second allows eight
/// launches.
const LAUNCHES: usize = 12;

impl World {
    pub(crate) fn check_output(&mut self, master: usize, output: &Output) {
        // Messages of a stalled process after it was deposed belong to a connection that the master
        // no longer reads.
        if !self.keeper.leads(self.masters[master].session) {
            return;
        }
        let durable = |id: &WorkerId| self.keeper.state.workers.get(id);
        match output {
            Output::Store(_, changes) => {
                for change in changes {
                    match change {
                        Change::Worker(record) if record.released => self.check_release(&record.id),
                        Change::Framework(None) => {
                            let known = self.keeper.state.framework.as_ref();
                            let gone = known.is_none_or(|id| self.master.removed.contains(id));
                            assert!(
                                gone,
                                "S6: {known:?} is forgotten, and Mesos has not removed it"
                            );
                        }
                        _ => {}
                    }
                }
            }
            Output::Accept { offers, launches } => {
                for launch in launches {
                    // S1, S16
                    assert!(
                        durable(&launch.worker).is_some(),
                        "{} is launched and not in the store",
                        launch.worker
                    );
                    // S3
                    assert!(
                        self.launched.insert(launch.worker.clone()),
                        "{} is launched twice",
                        launch.worker
                    );
                }
                // S11
                let am = &self.masters[master];
                for offer in offers {
                    assert!(
                        !am.rescinded.contains(&offer.value),
                        "the rescinded offer {} is used",
                        offer.value
                    );
                    assert!(
                        am.unanswered.contains_key(&offer.value),
                        "offer {} is no longer held",
                        offer.value
                    );
                }
                let agents: BTreeSet<_> =
                    launches.iter().map(|launch| &launch.place.agent).collect();
                assert_eq!(agents.len(), 1, "one accept is for one agent");
                self.check_place(master, offers, &launches[0]);
                self.check_pace(master, launches.len());
                self.check_ports(master, launches);
            }
            Output::Decline(offers, refuse) => {
                assert!(!refuse.is_zero(), "S12: an offer is declined for no time");
                for offer in offers {
                    let known = self.masters[master].unanswered.contains_key(&offer.value);
                    assert!(
                        known,
                        "offer {} is declined, and was answered before or is gone",
                        offer.value
                    );
                }
            }
            Output::Kill { worker, .. } | Output::Shutdown { worker, .. } => {
                let released = durable(worker).is_none_or(|record| record.released);
                assert!(released, "{worker} is killed, and the store does not know that");
            }
            Output::Acknowledge { task, uuid, .. } => {
                // S2
                assert!(!uuid.is_empty(), "a status without uuid is acknowledged");
                let uuid = u128::from_be_bytes(uuid.as_ref().try_into().unwrap()) as u64;
                let Some(record) = durable(&WorkerId::from(task.value.as_str())) else { return };
                let said = self.agents.iter().filter_map(|agent| agent.tasks.get(&task.value));
                let said =
                    said.flat_map(|task| &task.unacknowledged).find(|(other, _)| *other == uuid);
                match said {
                    Some((_, TaskState::TaskRunning)) => {
                        assert!(
                            record.running || record.released,
                            "{} runs, and that is not stored",
                            task.value
                        );
                    }
                    Some((_, TaskState::TaskFailed | TaskState::TaskKilled)) => {
                        panic!("the end of {} is acknowledged, and it is in the store", task.value);
                    }
                    _ => {}
                }
            }
            Output::Notice(notice) => self.check_kill_reason(notice),
            Output::Teardown => assert!(self.stop_asked, "S15: torn down without a request"),
            _ => {}
        }
    }

    /// S19: nothing but a worker that is not used is ended because no job needs it.
    pub(super) fn check_kill_reason(&self, notice: &Notice) {
        if let Notice::Killing(worker, Cause::Unused) = notice {
            assert!(self.unused.contains(worker), "S19: {worker} is used, and is released");
        }
    }

    /// S14: nothing is launched on an agent after workers had to leave it.
    fn check_place(&self, master: usize, offers: &[OfferId], launch: &Launch) {
        let heard = offers
            .iter()
            .filter_map(|offer| self.masters[master].unanswered.get(&offer.value))
            .min();
        for name in [&launch.place.agent, &launch.place.hostname] {
            let before = self
                .drained
                .get(name)
                .is_some_and(|since| heard.is_some_and(|heard| since < heard));
            assert!(!before, "S14: {} is launched on {name}, which is drained", launch.worker);
        }
    }

    /// S17: a port on which a TaskManager could not listen recently. Launches may have waited for
    /// the store.
    fn check_ports(&self, master: usize, launches: &[Launch]) {
        for launch in launches {
            for (_, port) in launch.taken.ports() {
                let key = (launch.place.agent.clone(), u64::from(port));
                let Some(named) = self.masters[master].unusable.get(&key) else { continue };
                let decided = self
                    .keeper
                    .state
                    .workers
                    .get(&launch.worker)
                    .map_or(self.now, |record| record.launched);
                let long_ago = self.now.since(*named) >= Duration::from_secs(60);
                assert!(
                    decided <= *named || long_ago,
                    "S17: {} is to listen on {key:?} again",
                    launch.worker
                );
            }
        }
    }

    /// S13, however fast workers fail.
    fn check_pace(&mut self, master: usize, launches: usize) {
        // Never more workers are wanted than there are agents.
        let (now, most) = (self.now, LAUNCHES * self.agents.len());
        let last = &mut self.masters[master].launches;
        last.extend(std::iter::repeat_n(now, launches));
        last.retain(|at| now.since(*at) < Duration::from_secs(60));
        assert!(last.len() <= most, "S13: {} launches within a minute", last.len());
    }

    /// A worker is given up: this is decided when its record says so. By the time that is stored,
    /// more may be wanted.
    fn check_release(&self, worker: &WorkerId) {
        if self.profile != Profile::Gentle || self.lowered || self.stop_asked {
            return;
        }
        let alive = self.agents.iter().flat_map(|agent| &agent.tasks);
        let of_use: BTreeSet<_> =
            alive.filter(|(_, task)| task.registered).map(|(id, _)| id.as_str()).collect();
        if of_use.contains(worker.as_str()) {
            assert!(self.moved, "{worker} is killed, and nothing is wrong with it");
            let least = self.target.saturating_sub(self.most_unavailable);
            assert!(
                of_use.len() > least,
                "{worker} is killed before another is ready in its place"
            );
        }
    }
}
