//! Asks the JobManager what its jobs need, and which TaskManagers are idle.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use scheduler::core::ids::WorkerId;
use tokio::time::{Instant, sleep, timeout};

use super::{
    JobNeed, Observation, Slots,
    answers::{
        DataSets, JobDetail, JobSummary, JobsOverview, Requirements, TaskManagers, VertexPlaces,
    },
    slots::need,
};
use crate::{bounded_answer::AnswerError, flink_rest::FlinkRest};

/// Time between two polls, at least.
const INTERVAL: Duration = Duration::from_millis(500);
/// A poll takes at most one in this many parts of the time.
const SHARE: u32 = 5;
/// How long a poll may take.
const LONGEST_POLL: Duration = Duration::from_secs(10);
/// The detail of a batch job is asked for again after this time: the JobManager caches it for 3 s.
const BATCH_DETAIL: Duration = Duration::from_secs(1);
/// The same for a streaming job, which changes only when vertices finish.
const STREAMING_DETAIL: Duration = Duration::from_secs(10);
/// Largest number of jobs whose details one poll asks for. The others follow in the next polls.
const MOST_ASKED: usize = 100;
/// Largest number of vertices of batch jobs to look at before TaskManagers are stopped. With more,
/// none is stopped.
const MOST_VERTICES: usize = 1000;

/// A client that remembers what jobs have said.
#[derive(Debug)]
pub(crate) struct Poller {
    rest: FlinkRest,
    /// Whether the adaptive scheduler runs streaming jobs.
    adaptive: bool,
    jobs: BTreeMap<String, Known>,
    last: Option<Instant>,
    pause: Duration,
}

/// What a job has said.
#[derive(Debug, Default)]
struct Known {
    detail: Option<(JobDetail, Instant)>,
    requirements: Option<Requirements>,
    /// Whether it has none, because another scheduler runs it.
    has_none: bool,
    asked: Option<Instant>,
}

impl Poller {
    pub(crate) fn new(rest: FlinkRest, adaptive: bool) -> Self {
        Self { rest, adaptive, jobs: BTreeMap::new(), last: None, pause: INTERVAL }
    }

    /// Waits until it is time for a poll, and until one succeeds.
    pub(crate) async fn next(&mut self) -> Observation {
        loop {
            if self.last.is_some() {
                sleep(self.pause).await;
            }
            let began = Instant::now();
            self.last = Some(began);
            let polled = timeout(LONGEST_POLL, self.poll()).await;
            self.pause = INTERVAL.max(began.elapsed().saturating_mul(SHARE - 1));
            if let Ok(Ok(seen)) = polled {
                return seen;
            }
        }
    }

    /// The TaskManagers come last: what is decided about them must be fresh.
    async fn poll(&mut self) -> Result<Observation, AnswerError> {
        let overview: JobsOverview = self.rest.get("jobs/overview").await?;
        let live: Vec<_> = overview.jobs.into_iter().filter(is_live).collect();
        let ids: BTreeSet<_> = live.iter().map(|job| job.jid.as_str()).collect();
        self.jobs.retain(|id, _| ids.contains(id.as_str()));
        self.ask(&live).await;
        let needs: Vec<JobNeed> = live.iter().filter_map(|job| self.need(job)).collect();
        let is_complete = needs.len() == live.len();
        let task_managers = list(&self.rest).await?;
        Ok(Observation { jobs: needs, is_complete, task_managers, at: Instant::now() })
    }

    /// Asks for the details that are missing or old, the oldest first.
    async fn ask(&mut self, live: &[JobSummary]) {
        let mut due: Vec<_> = live.iter().filter(|job| self.is_due(job)).collect();
        due.sort_by_key(|job| self.jobs.get(&job.jid).and_then(|known| known.asked));
        for job in due.into_iter().take(MOST_ASKED) {
            let mut known = self.jobs.remove(&job.jid).unwrap_or_default();
            known.asked = Some(Instant::now());
            let path = format!("jobs/{}", job.jid);
            if known.is_detail_due()
                && let Ok(detail) = self.rest.get(&path).await
            {
                known.detail = Some((detail, Instant::now()));
            }
            if self.may_be_adaptive(job, &known) {
                match self.rest.get(&format!("{path}/resource-requirements")).await {
                    Ok(wanted) => known.requirements = Some(wanted),
                    // Other schedulers refuse, and so does an adaptive one that is just starting.
                    Err(AnswerError::Http(error)) if error.is_status() => {
                        known.has_none = job.scheduler.is_none() && known.kind().is_none();
                    }
                    Err(_) => {}
                }
            }
            self.jobs.insert(job.jid.clone(), known);
        }
    }

    /// A job that is being initialised has no vertices yet, and the JobManager would cache that.
    fn is_due(&self, job: &JobSummary) -> bool {
        if job.state == "INITIALIZING" {
            return false;
        }
        let known = self.jobs.get(&job.jid);
        known.is_none_or(|known| known.is_detail_due() || self.may_be_adaptive(job, known))
    }

    fn may_be_adaptive(&self, job: &JobSummary, known: &Known) -> bool {
        let may_be = match job.scheduler.as_deref() {
            Some(scheduler) => scheduler == "Adaptive",
            None => self.adaptive && !known.is_batch(),
        };
        may_be && !known.has_none
    }

    fn need(&self, job: &JobSummary) -> Option<JobNeed> {
        let known = self.jobs.get(&job.jid)?;
        let (detail, _) = known.detail.as_ref()?;
        if self.may_be_adaptive(job, known) && known.requirements.is_none() {
            return None;
        }
        Some(need(job, detail, known.requirements.as_ref()))
    }
}

impl Known {
    fn is_detail_due(&self) -> bool {
        let Some((detail, at)) = &self.detail else { return true };
        let age = if self.is_batch() { BATCH_DETAIL } else { STREAMING_DETAIL };
        detail.vertices.is_empty() || at.elapsed() >= age
    }

    fn is_batch(&self) -> bool {
        self.kind() == Some("BATCH")
    }

    fn kind(&self) -> Option<&str> {
        self.detail.as_ref().and_then(|(detail, _)| detail.kind())
    }
}

fn is_live(job: &JobSummary) -> bool {
    !matches!(job.state.as_str(), "FINISHED" | "FAILED" | "CANCELED" | "SUSPENDED")
}

async fn list(rest: &FlinkRest) -> Result<BTreeMap<WorkerId, Slots>, AnswerError> {
    let listed: TaskManagers = rest.get("taskmanagers").await?;
    let slots = listed
        .taskmanagers
        .into_iter()
        .map(|it| (WorkerId::from(it.id.as_str()), Slots { all: it.slots, free: it.free }));
    Ok(slots.collect())
}

/// Those of `unused` that hold no result of a job, and still have no used slot. They are asked for
/// right before they are stopped: no request makes the JobManager give no more slots of them. If
/// anything cannot be found out, none is named.
pub(crate) async fn still_unused(
    rest: &FlinkRest,
    mut unused: BTreeSet<WorkerId>,
    jobs: &[JobNeed],
) -> BTreeSet<WorkerId> {
    let asked = timeout(LONGEST_POLL, async {
        leave_results(rest, &mut unused, jobs).await?;
        let listed = list(rest).await?;
        unused.retain(|id| listed.get(id).is_none_or(|slots| slots.is_idle()));
        Ok::<_, AnswerError>(())
    });
    if matches!(asked.await, Ok(Ok(()))) { unused } else { BTreeSet::new() }
}

/// Leaves out TaskManagers that ran tasks of batch jobs, which may have left results there.
async fn leave_results(
    rest: &FlinkRest,
    unused: &mut BTreeSet<WorkerId>,
    jobs: &[JobNeed],
) -> Result<(), AnswerError> {
    let kept: DataSets = rest.get("datasets").await?;
    let keepers = || jobs.iter().filter(|job| job.keeps_results);
    let vertices: usize = keepers().map(|job| job.vertices.len()).sum();
    if !kept.data_sets.is_empty() || vertices > MOST_VERTICES {
        unused.clear();
        return Ok(());
    }
    for job in keepers() {
        for vertex in &job.vertices {
            let path = format!("jobs/{}/vertices/{vertex}/taskmanagers", job.id);
            let places: VertexPlaces = rest.get(&path).await?;
            for place in places.taskmanagers {
                unused.remove(&WorkerId::from(place.id.as_str()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
