//! What can be said of the whole cluster, and what it waits for.

use super::{Condition, Conditions, JobManagerState, WorkerCounts};

/// What is known of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The cluster is being ended.
    pub(crate) stopping: bool,
    /// There is no connection to Mesos.
    pub(crate) mesos: Option<Disconnected>,
    pub(crate) job_manager: JobManagerState,
    pub(crate) workers: WorkerCounts,
    /// Why nothing is launched although workers are missing.
    pub(crate) starved: Option<String>,
    /// Why launches are delayed.
    pub(crate) delayed: Option<String>,
    /// Whether the state cannot be persisted.
    pub(crate) store_away: bool,
}

/// There is no connection to Mesos, for this reason if it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disconnected(pub(crate) Option<String>);

impl Facts {
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions {
            ready: self.ready(),
            progressing: self.progressing(),
            degraded: self.degraded(),
        }
    }

    fn ready(&self) -> Condition {
        let WorkerCounts { wanted, registered, .. } = self.workers;
        let missing = match self.job_manager {
            _ if self.stopping => Some("the cluster is stopping".to_owned()),
            JobManagerState::Starting => Some("the JobManager is starting".to_owned()),
            JobManagerState::Restarting => Some("the JobManager is restarting".to_owned()),
            JobManagerState::Unreachable => Some("the JobManager does not answer".to_owned()),
            JobManagerState::Running if registered < wanted => {
                Some(format!("{registered} of {} registered", task_managers(wanted)))
            }
            JobManagerState::Running => None,
        };
        let all =
            || format!("the JobManager runs with {registered} registered {}", noun(registered));
        Condition { status: missing.is_none(), reason: missing.unwrap_or_else(all) }
    }

    fn progressing(&self) -> Condition {
        let WorkerCounts { starting, stopping, moving, .. } = self.workers;
        let mut steps = Vec::new();
        if self.stopping {
            steps.push("the cluster is stopping".to_owned());
        }
        if matches!(self.job_manager, JobManagerState::Starting | JobManagerState::Restarting) {
            steps.push("the JobManager is starting".to_owned());
        }
        let counted = [(starting, "starting"), (stopping, "stopping"), (moving, "to be replaced")];
        steps.extend(
            counted
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{} {what}", task_managers(*count))),
        );
        condition(&steps, "nothing is starting, moving or stopping")
    }

    fn degraded(&self) -> Condition {
        let mut faults = Vec::new();
        if let Some(Disconnected(why)) = &self.mesos {
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            faults.push(format!("there is no connection to Mesos{why}"));
        }
        if self.job_manager == JobManagerState::Restarting {
            faults.push("the JobManager has failed".to_owned());
        }
        if self.job_manager == JobManagerState::Unreachable {
            faults.push("the JobManager, which somebody else runs, does not answer".to_owned());
        }
        if self.store_away {
            faults.push("the state cannot be persisted".to_owned());
        }
        if self.workers.unreachable > 0 {
            faults.push(format!("{} unreachable", task_managers(self.workers.unreachable)));
        }
        faults.extend(self.delayed.clone());
        let starved = self.starved.as_ref().filter(|_| !self.store_away);
        faults.extend(starved.map(|why| format!("no TaskManager can be launched: {why}")));
        condition(&faults, "nothing fails")
    }
}

fn condition(reasons: &[String], otherwise: &str) -> Condition {
    if reasons.is_empty() {
        Condition { status: false, reason: otherwise.to_owned() }
    } else {
        Condition { status: true, reason: reasons.join("; ") }
    }
}

fn task_managers(count: usize) -> String {
    format!("{count} {}", noun(count))
}

fn noun(count: usize) -> &'static str {
    if count == 1 { "TaskManager" } else { "TaskManagers" }
}

/// What the cluster waits for.
pub(crate) fn waiting_for(facts: &Facts) -> Vec<String> {
    let Facts { workers, job_manager, .. } = facts;
    let missing = workers.wanted.saturating_sub(workers.registered + workers.starting);
    let mut waits = Vec::new();
    if facts.stopping {
        return vec!["the end of all TaskManagers".to_owned()];
    }
    if facts.mesos.is_some() {
        waits.push("the Mesos master".to_owned());
    }
    if *job_manager != JobManagerState::Running {
        waits.push("the JobManager's REST API".to_owned());
    }
    if facts.store_away {
        waits.push("the store of the state".to_owned());
    }
    if workers.starting > 0 {
        waits.push(format!("{} to register", task_managers(workers.starting)));
    }
    if missing > 0 && facts.mesos.is_none() && !facts.store_away {
        waits.push(match &facts.delayed {
            Some(_) => "the delay after failed TaskManagers".to_owned(),
            None => format!("offers for {}", task_managers(missing)),
        });
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(workers: WorkerCounts) -> Facts {
        Facts { job_manager: JobManagerState::Running, workers, ..Facts::default() }
    }

    fn shown(facts: &Facts) -> [(bool, String); 3] {
        let Conditions { ready, progressing, degraded } = facts.conditions();
        [ready, progressing, degraded].map(|condition| (condition.status, condition.reason))
    }

    #[test]
    fn a_complete_cluster_is_ready_and_waits_for_nothing() {
        let facts = running(WorkerCounts { wanted: 1, registered: 1, ..WorkerCounts::default() });
        assert_eq!(
            shown(&facts),
            [
                (true, "the JobManager runs with 1 registered TaskManager".to_owned()),
                (false, "nothing is starting, moving or stopping".to_owned()),
                (false, "nothing fails".to_owned()),
            ]
        );
        assert_eq!(waiting_for(&facts), [""; 0]);
        assert!(running(WorkerCounts::default()).conditions().ready.status, "none is wanted");
    }

    #[test]
    fn a_cluster_without_room_says_what_it_lacks_and_waits_for_offers() {
        let workers =
            WorkerCounts { wanted: 4, registered: 1, starting: 1, ..WorkerCounts::default() };
        let starved = Some("2 offers declined: need mem 1760 MB, largest was 512 MB".to_owned());
        let facts = Facts { starved, ..running(workers) };
        let [ready, progressing, degraded] = shown(&facts);
        assert_eq!(ready, (false, "1 of 4 TaskManagers registered".to_owned()));
        assert_eq!(progressing, (true, "1 TaskManager starting".to_owned()));
        assert!(degraded.0 && degraded.1.contains("need mem 1760 MB"), "{degraded:?}");
        let awaited = ["1 TaskManager to register", "offers for 2 TaskManagers"];
        assert_eq!(waiting_for(&facts), awaited);
    }

    #[test]
    fn a_cluster_whose_external_job_manager_is_away_is_degraded_and_starts_nothing() {
        let workers = WorkerCounts { wanted: 1, ..WorkerCounts::default() };
        let job_manager = JobManagerState::Unreachable;
        let facts = Facts { job_manager, ..running(workers) };
        let [ready, progressing, degraded] = shown(&facts);
        assert_eq!(ready, (false, "the JobManager does not answer".to_owned()));
        assert!(
            !progressing.0 && degraded.0 && degraded.1.contains("somebody else"),
            "{degraded:?}"
        );
        assert_eq!(waiting_for(&facts)[0], "the JobManager's REST API");
    }

    #[test]
    fn everything_that_fails_is_named_and_no_offers_are_expected_without_a_master() {
        let workers =
            WorkerCounts { wanted: 2, registered: 1, unreachable: 1, ..WorkerCounts::default() };
        let facts = Facts {
            mesos: Some(Disconnected(Some("connection refused".to_owned()))),
            job_manager: JobManagerState::Restarting,
            store_away: true,
            ..running(workers)
        };
        let [ready, _, degraded] = shown(&facts);
        assert!(!ready.0 && degraded.0);
        for fault in
            ["Mesos: connection refused", "JobManager has failed", "persisted", "1 TaskManager un"]
        {
            assert!(degraded.1.contains(fault), "{fault} in {degraded:?}");
        }
        let awaited = ["the Mesos master", "the JobManager's REST API", "the store of the state"];
        assert_eq!(waiting_for(&facts), awaited);
    }

    #[test]
    fn a_cluster_that_stops_is_not_ready_and_waits_for_its_end() {
        let facts = Facts { stopping: true, ..running(WorkerCounts::default()) };
        let [ready, progressing, _] = shown(&facts);
        assert!(!ready.0 && progressing.0 && progressing.1 == "the cluster is stopping");
        assert_eq!(waiting_for(&facts), ["the end of all TaskManagers"]);
    }
}
