//! Failures of workers: what they count against, and which agents are avoided for a while.

use std::{collections::BTreeMap, hash::BuildHasher as _, sync::Arc, time::Duration};

use hashbrown::{DefaultHashBuilder, HashSet};
use overlays::blame::Blame;

use super::{pace::Pace, refusal::Avoidance};
use crate::core::{cause::Cause, ids::Moment, state::AgentProfile};

/// How much a failure adds to its agent's score.
fn weight(blame: Blame) -> f64 {
    match blame {
        Blame::Agent => 1.0,
        Blame::Worker => 0.5,
        Blame::Artifact | Blame::Network | Blame::Configuration => 0.0,
    }
}

/// A score halves in this time.
const HALF_LIFE: Duration = Duration::from_secs(600);
/// From this score on an agent is suspect.
const SUSPECT: f64 = 1.5;
/// Scores below this count as zero.
const CLEAN: f64 = 0.1;
/// How long an agent is avoided that cannot enforce the configured limits.
const UNFIT: Duration = Duration::from_secs(600);

/// The failures on one agent.
#[derive(Clone, Debug)]
struct AgentRecord {
    place: Arc<AgentProfile>,
    score: f64,
    since: Moment,
    pace: Pace,
    last: Cause,
    /// Until when the agent counts as unable to enforce the configured limits.
    unfit: Moment,
}

impl AgentRecord {
    fn new(now: Moment, place: &Arc<AgentProfile>, last: &Cause) -> Self {
        Self {
            place: Arc::clone(place),
            score: 0.0,
            since: now,
            pace: Pace::default(),
            last: last.clone(),
            unfit: Moment::default(),
        }
    }

    fn score(&self, now: Moment) -> f64 {
        self.score * 0.5_f64.powf(now.since(self.since).as_secs_f64() / HALF_LIFE.as_secs_f64())
    }
}

/// An agent on which workers failed, as shown to operators.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// The agent.
    pub agent: String,
    /// Its score; it halves every ten minutes.
    pub score: f64,
    /// Whether launches avoid it for now.
    pub avoided: bool,
    /// The last failure.
    pub last: Cause,
}

/// All failures that still count.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    causes: BTreeMap<Blame, Pace>,
    agents: BTreeMap<String, AgentRecord>,
    /// A hash of every agent ever offered, to bound the share of avoided ones.
    seen: HashSet<u64>,
    hasher: DefaultHashBuilder,
    share: f64,
}

impl Failures {
    /// Avoids at most `share` of the agents.
    pub(super) fn new(share: f64) -> Self {
        let (seen, hasher) = (HashSet::new(), DefaultHashBuilder::default());
        Self { causes: BTreeMap::new(), agents: BTreeMap::new(), seen, hasher, share }
    }

    /// Counts a failure of a worker at `place`, `early` in its life or later. Returns the resulting
    /// delay of further launches, everywhere or on that agent.
    pub(super) fn add(
        &mut self,
        now: Moment,
        blame: Blame,
        place: &Arc<AgentProfile>,
        early: bool,
        last: &Cause,
    ) -> Duration {
        if weight(blame) > 0.0 && early {
            let standing = self.record(now, place, last);
            (standing.score, standing.since) = (standing.score(now) + weight(blame), now);
        }
        match (blame, self.agents.get_mut(&place.agent)) {
            (Blame::Agent, Some(standing)) => standing.pace.failed(now, early),
            _ => self.causes.entry(blame).or_default().failed(now, early),
        }
    }

    /// Avoids this agent for a while because it cannot enforce the configured limits. It may return
    /// fixed.
    pub(super) fn unfit(&mut self, now: Moment, place: &Arc<AgentProfile>, why: &Cause) {
        self.record(now, place, why).unfit = now.after(UNFIT);
    }

    /// The record of an agent, with its last failure.
    fn record(&mut self, now: Moment, place: &Arc<AgentProfile>, last: &Cause) -> &mut AgentRecord {
        let record = self.agents.entry(place.agent.clone());
        record
            .and_modify(|record| record.last.clone_from(last))
            .or_insert_with(|| AgentRecord::new(now, place, last))
    }

    /// A worker has run on `agent` for a while.
    pub(super) fn proven(&mut self, agent: &str) {
        self.causes.clear();
        self.agents.remove(agent);
    }

    /// When launches are allowed again, if they must wait.
    pub(super) fn wait(&self, now: Moment) -> Option<Moment> {
        self.causes.values().map(|pace| pace.until).filter(|until| *until > now).max()
    }

    /// Notes that an agent exists.
    pub(super) fn see(&mut self, agent: &str) {
        self.seen.insert(self.hasher.hash_one(agent));
    }

    /// Agents whose next launch must wait, until when and why.
    pub(super) fn waiting(&self, now: Moment) -> BTreeMap<&str, (Moment, Avoidance)> {
        let waiting = self.agents.iter().filter_map(|(agent, standing)| {
            let (unfit, paced) = (standing.unfit, standing.pace.until);
            let unfit = (unfit > now).then_some((unfit, Avoidance::Unfit));
            let wait = unfit.or_else(|| (paced > now).then_some((paced, Avoidance::JustFailed)));
            Some((agent.as_str(), wait?))
        });
        waiting.collect()
    }

    /// The agents avoided now: the worst, up to the allowed share.
    pub(super) fn avoided(&self, now: Moment) -> Vec<&str> {
        let scored =
            self.agents.iter().map(|(agent, standing)| (standing.score(now), agent.as_str()));
        let mut suspect: Vec<_> = scored.filter(|(score, _)| *score >= SUSPECT).collect();
        suspect.sort_by(|one, other| other.0.total_cmp(&one.0));
        let most = (self.seen.len() as f64 * self.share) as usize;
        suspect.into_iter().take(most).map(|(_, agent)| agent).collect()
    }

    /// The agents with failures, as shown to operators.
    pub(super) fn suspicions(&self, now: Moment) -> Vec<Suspicion> {
        let avoided = self.avoided(now);
        let all = self.agents.iter().map(|(agent, standing)| Suspicion {
            agent: agent.clone(),
            score: standing.score(now),
            avoided: avoided.contains(&agent.as_str()) || standing.unfit > now,
            last: standing.last.clone(),
        });
        all.filter(|suspicion| suspicion.score >= CLEAN || suspicion.avoided).collect()
    }

    /// Whether failures on an agent, called by its id or host name, still count.
    pub(super) fn count_on(&self, agent: &str) -> bool {
        self.agents.values().any(|record| record.place.is_called(agent))
    }

    /// Forgets the failures on one agent, called by its id or host name, or on all.
    pub(super) fn clear(&mut self, agent: Option<&str>) {
        self.agents.retain(|_, record| agent.is_some_and(|agent| !record.place.is_called(agent)));
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn failures(agents: usize) -> Failures {
        let mut failures = Failures::new(0.25);
        (0..agents).for_each(|i| failures.see(&format!("S{i}")));
        failures
    }

    fn fail(failures: &mut Failures, at: u64, blame: Blame, agent: &str) -> Duration {
        failures.add(Moment(at), blame, &place(agent), true, &Cause::Listed)
    }

    fn place(agent: &str) -> Arc<AgentProfile> {
        Arc::new(AgentProfile { agent: agent.into(), ..AgentProfile::default() })
    }

    #[test]
    fn the_first_failure_causes_no_delay_and_repeated_ones_up_to_five_minutes() {
        let mut failures = failures(1);
        let delays =
            (0..12).map(|_| fail(&mut failures, 0, Blame::Configuration, "S0").as_secs_f64());
        let longest = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(f64::from);
        for (delay, longest) in delays.zip(longest) {
            assert!((0.8 * longest..=longest).contains(&delay), "{delay} of {longest}");
        }
    }

    #[test]
    fn a_worker_that_ran_for_a_minute_clears_past_failures() {
        let mut failures = failures(1);
        for _ in 0..5 {
            fail(&mut failures, 0, Blame::Worker, "S0");
        }
        let late = failures.add(Moment(0), Blame::Worker, &place("S0"), false, &Cause::Listed);
        assert_eq!(late, Duration::ZERO);
        failures.proven("S0");
        assert_eq!(fail(&mut failures, 0, Blame::Worker, "S0"), Duration::ZERO);
    }

    #[test]
    fn a_failure_of_an_agent_delays_only_its_launches_and_a_bad_artifact_delays_all() {
        let mut failures = failures(8);
        for _ in 0..3 {
            fail(&mut failures, 0, Blame::Agent, "S0");
        }
        assert_eq!(failures.wait(Moment(0)), None);
        assert_eq!(failures.waiting(Moment(0)).into_keys().collect::<Vec<_>>(), ["S0"]);
        for _ in 0..3 {
            fail(&mut failures, 0, Blame::Artifact, "S1");
        }
        assert!(failures.wait(Moment(0)).is_some());
        assert!(!failures.waiting(Moment(0)).contains_key("S1"));
    }

    #[test]
    fn an_agent_where_launches_fail_is_avoided_until_its_score_has_decayed_or_is_cleared() {
        let mut failures = failures(8);
        for _ in 0..3 {
            fail(&mut failures, 0, Blame::Agent, "S0");
        }
        assert_eq!(failures.avoided(Moment(10 * MINUTE - 1)), ["S0"]);
        assert!(failures.avoided(Moment(10 * MINUTE + 1000)).is_empty());
        failures.clear(Some("S0"));
        assert!(
            failures.suspicions(Moment(0)).is_empty() && failures.avoided(Moment(0)).is_empty()
        );
    }

    #[test]
    fn never_more_than_a_quarter_of_the_agents_is_avoided_and_those_are_the_worst() {
        let mut failures = failures(8);
        for agent in 0..8 {
            for _ in 0..(agent + 2) {
                fail(&mut failures, 0, Blame::Agent, &format!("S{agent}"));
            }
        }
        assert_eq!(failures.avoided(Moment(0)), ["S7", "S6"]);
    }

    #[test]
    fn the_only_agent_of_a_small_cluster_is_never_avoided() {
        let mut failures = failures(1);
        for _ in 0..9 {
            fail(&mut failures, 0, Blame::Agent, "S0");
        }
        assert!(failures.avoided(Moment(0)).is_empty());
    }

    #[test]
    fn an_unfit_agent_is_avoided_whatever_its_share_and_others_do_not_wait_for_it() {
        let mut failures = failures(1);
        failures.unfit(Moment(0), &place("S0"), &Cause::Listed);
        assert_eq!(failures.waiting(Moment(10 * MINUTE - 1))["S0"].1, Avoidance::Unfit);
        assert!(failures.suspicions(Moment(0))[0].avoided && failures.wait(Moment(0)).is_none());
        assert!(failures.waiting(Moment(10 * MINUTE)).is_empty(), "it may come back mended");
        failures.clear(Some("S0"));
        assert!(failures.waiting(Moment(0)).is_empty());
    }
}
