//! Places workers on offers, and explains why an offer was not used.

use std::{
    borrow::Borrow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    fmt,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use hashbrown::HashTable;
use mesos::v1;
use smallvec::SmallVec;

use super::{
    cause::Vacated,
    constraint::{self, Census, Constraint, Field, Operator, Unmet, Values},
    ids::Moment,
    ports::Ports,
    resources::{Needs, Pool, Shortage, Taken},
    state::AgentProfile,
};

/// All offers of one agent and role, used together.
#[derive(Debug)]
pub struct Bundle {
    /// The offers.
    pub offers: Vec<v1::OfferId>,
    /// The agent.
    pub place: Arc<AgentProfile>,
    /// Where the agent says that our executor is installed: its text attribute
    /// [`EXECUTOR_ATTRIBUTE`].
    pub installed_executor: Option<Arc<str>>,
    /// What each placed worker takes.
    pub taken: Vec<Taken>,
    /// Why no further worker fits; `None` if none was tried.
    pub refusal: Option<Refusal>,
    /// When planned maintenance of the agent begins.
    pub unavailable: Option<Moment>,
    /// The role of the offers.
    role: Option<String>,
    pool: Pool,
}

/// Why no worker was placed on an offer.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Too little of a resource.
    Shortage(Shortage),
    /// A placement constraint (its text) does not allow the agent, which has this value or none.
    Constraint(String, Unmet, Option<Arc<str>>),
    /// Nothing is launched on this agent, for this reason and this long.
    Avoided(Avoidance, Duration),
}

/// Why nothing is launched on an agent for now, in the order in which it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Avoidance {
    /// All its offered ports are ones on which a TaskManager could not listen.
    UnusablePorts,
    /// A worker has just failed there.
    JustFailed,
    /// It cannot enforce the configured limits.
    Unfit,
    /// Mesos wants it back.
    Maintenance,
    /// Its maintenance is planned.
    MaintenanceSoon,
    /// An operator drains it.
    Drained,
    /// Workers keep failing there.
    KeepsFailing,
}

impl From<Vacated> for Avoidance {
    fn from(vacated: Vacated) -> Self {
        match vacated {
            Vacated::Maintenance => Self::Maintenance,
            Vacated::Drained => Self::Drained,
        }
    }
}

impl fmt::Display for Avoidance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnusablePorts => {
                "a TaskManager could not listen on the agent's free ports a moment ago"
            }
            Self::JustFailed => "a worker has just failed on the agent",
            Self::Unfit => "the agent cannot enforce the configured limits",
            Self::Maintenance => return Vacated::Maintenance.fmt(f),
            Self::MaintenanceSoon => "the agent goes into maintenance soon",
            Self::Drained => return Vacated::Drained.fmt(f),
            Self::KeepsFailing => "workers keep failing on the agent",
        })
    }
}

impl Refusal {
    /// Whether the agent can never be used, rather than not now.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Shortage(_) | Self::Constraint(_, Unmet::Ever, _))
    }
}

/// The agent attribute with the path of an installed executor.
pub const EXECUTOR_ATTRIBUTE: &str = "flink-mesos-executor";

/// An agent's profile, found by the agent's id.
#[derive(Clone, Debug)]
struct ByAgent(Arc<AgentProfile>);

impl Borrow<str> for ByAgent {
    fn borrow(&self) -> &str {
        &self.0.agent
    }
}

impl Hash for ByAgent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.agent.hash(state);
    }
}

impl PartialEq for ByAgent {
    fn eq(&self, other: &Self) -> bool {
        self.0.agent == other.0.agent
    }
}

impl Eq for ByAgent {}

/// Where the existing workers run.
#[derive(Clone, Debug, Default)]
pub struct Occupation {
    /// The agents, each with its number of workers.
    agents: HashMap<ByAgent, usize>,
    /// One per constraint.
    censuses: Vec<Census>,
}

impl Occupation {
    /// No workers anywhere.
    pub fn new(constraints: &[Constraint]) -> Self {
        Self { agents: HashMap::new(), censuses: vec![Census::default(); constraints.len()] }
    }

    /// Counts one worker more, or one less.
    pub fn count(&mut self, place: &Arc<AgentProfile>, constraints: &[Constraint], more: bool) {
        let (agent, values) = (place.agent.as_str(), &place.values);
        match (self.agents.get_mut(agent), more) {
            (Some(count), true) => *count += 1,
            (None, true) => drop(self.agents.insert(ByAgent(place.clone()), 1)),
            (Some(1), false) => drop(self.agents.remove(agent)),
            (Some(count), false) => *count -= 1,
            (None, false) => {}
        }
        for (constraint, census) in constraints.iter().zip(&mut self.censuses) {
            if let Some(value) = values.get(&constraint.field) {
                census.count_one(value, more);
            }
        }
    }

    /// Whether a worker runs on this agent.
    pub fn is_used(&self, agent: &str) -> bool {
        self.agents.contains_key(agent)
    }

    /// The profile of an agent that has workers, as of the first of them.
    pub(super) fn place_of(&self, agent: &str) -> Option<&AgentProfile> {
        self.agents.get_key_value(agent).map(|(known, _)| &*known.0)
    }

    /// The number of workers per `GROUP_BY` value of this group.
    fn rank(&self, group: &Group, constraints: &[Constraint]) -> Rank {
        let grouped = constraints
            .iter()
            .zip(&self.censuses)
            .filter(|(constraint, _)| is_grouping(constraint));
        let ranks = grouped.zip(&group.values);
        ranks
            .map(|((_, census), value)| {
                value.as_ref().map_or(usize::MAX, |value| census.count(value))
            })
            .collect()
    }

    /// Whether constraints allow one more worker on an agent with these values.
    pub(super) fn allows(&self, values: &Values, constraints: &[Constraint]) -> bool {
        self.check(values, constraints).is_ok()
    }

    fn check(&self, values: &Values, constraints: &[Constraint]) -> Result<(), Refusal> {
        for (constraint, census) in constraints.iter().zip(&self.censuses) {
            let value = values.get(&constraint.field);
            constraint.check(value.map(|value| &**value), census).map_err(|unmet| {
                Refusal::Constraint(constraint.to_string(), unmet, value.cloned())
            })?;
        }
        Ok(())
    }
}

/// One placement: what a worker needs, where it may run, and where others run.
pub struct Placement<'a> {
    /// What one worker needs.
    pub needs: &'a Needs,
    /// Where workers may run.
    pub constraints: &'a [Constraint],
    /// Where the workers run. [`Placement::place`] adds those that it places.
    pub occupation: &'a mut Occupation,
    /// Chooses their ports.
    pub ports: &'a mut Ports,
    /// The current time.
    pub now: Moment,
}

impl Placement<'_> {
    /// Places up to `missing` workers on `offers`, each on the agent with the fewest, as far as
    /// needs and constraints allow. Given an agent's id, host name and planned maintenance, `bar`
    /// returns why nothing may be launched there.
    pub fn place(
        self,
        offers: Vec<v1::Offer>,
        mut missing: usize,
        bar: impl Fn(&str, &str, Option<Moment>) -> Option<Refusal>,
    ) -> Vec<Bundle> {
        let Self { needs, constraints, occupation, ports, now } = self;
        let mut bundles = bundle(offers, needs, constraints);
        if missing == 0 {
            return bundles;
        }
        for bundle in &mut bundles {
            bundle.refusal = bar(&bundle.place.agent, &bundle.place.hostname, bundle.unavailable);
            ports.avoid(now, &bundle.place.agent, &mut bundle.pool);
        }
        // First the least used group of each `GROUP_BY`, then its agent with the fewest workers.
        let mut groups = groups(&bundles, constraints, occupation);
        let ranked = |(g, group): (usize, &Group)| {
            Some(Reverse((occupation.rank(group, constraints), group.best()?, g)))
        };
        let mut best: BinaryHeap<_> = groups.iter().enumerate().filter_map(ranked).collect();
        while missing > 0 {
            let Some(Reverse((rank, _, g))) = best.pop() else { break };
            let group = &mut groups[g];
            // Ranks only grow while workers are placed, so an outdated one is reinserted with its
            // current rank.
            let rank_now = occupation.rank(group, constraints);
            if rank_now == rank
                && let Some(Reverse((there, i))) = group.agents.pop()
            {
                let bundle = &mut bundles[i];
                let allowed = occupation.check(&bundle.place.values, constraints);
                let take = |()| bundle.pool.take(needs, ports.chance()).map_err(Refusal::Shortage);
                match allowed.and_then(take) {
                    Ok(taken) => {
                        bundle.taken.push(taken);
                        occupation.count(&bundle.place, constraints, true);
                        group.agents.push(Reverse((there + 1, i)));
                        missing -= 1;
                    }
                    Err(Refusal::Shortage(short))
                        if bundle.pool.would_do_with_all_ports(&short) =>
                    {
                        let wait = ports.wait(now, &bundle.place.agent);
                        bundle.refusal = Some(Refusal::Avoided(Avoidance::UnusablePorts, wait));
                    }
                    Err(refusal) => bundle.refusal = Some(refusal),
                }
            }
            let group = &groups[g];
            best.extend(
                group.best().map(|agent| Reverse((occupation.rank(group, constraints), agent, g))),
            );
        }
        bundles
    }
}

/// Number of workers with this group's value, per `GROUP_BY`. There are seldom more than two.
type Rank = SmallVec<[usize; 2]>;

/// Agents that no `GROUP_BY` distinguishes.
struct Group {
    /// The value for each `GROUP_BY`.
    values: Vec<Option<Arc<str>>>,
    /// The agents' bundles, fewest workers first.
    agents: BinaryHeap<Reverse<(usize, usize)>>,
}

impl Group {
    fn best(&self) -> Option<(usize, usize)> {
        self.agents.peek().map(|Reverse(agent)| *agent)
    }
}

fn is_grouping(constraint: &Constraint) -> bool {
    matches!(constraint.operator, Operator::GroupBy(_))
}

/// The usable bundles, by group.
fn groups(bundles: &[Bundle], constraints: &[Constraint], occupation: &Occupation) -> Vec<Group> {
    let grouping: Vec<&Field> =
        constraints.iter().filter(|c| is_grouping(c)).map(|c| &c.field).collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut known = HashTable::new();
    let hasher = RandomState::new();
    for (i, bundle) in bundles.iter().enumerate().filter(|(_, bundle)| bundle.refusal.is_none()) {
        let values = || grouping.iter().map(|field| bundle.place.values.get(field));
        let hash = hash_all(&hasher, values());
        let same = |g: &usize| groups[*g].values.iter().map(Option::as_ref).eq(values());
        let number = known.find(hash, same).copied().unwrap_or(groups.len());
        if number == groups.len() {
            groups.push(Group {
                values: values().map(Option::<&_>::cloned).collect(),
                agents: BinaryHeap::new(),
            });
            let rehash =
                |g: &usize| hash_all(&hasher, groups[*g].values.iter().map(Option::as_ref));
            known.insert_unique(hash, number, rehash);
        }
        let there = occupation.agents.get(bundle.place.agent.as_str()).copied().unwrap_or(0);
        groups[number].agents.push(Reverse((there, i)));
    }
    groups
}

fn hash_all<T: Hash>(hasher: &RandomState, values: impl Iterator<Item = T>) -> u64 {
    let mut state = hasher.build_hasher();
    values.for_each(|value| value.hash(&mut state));
    state.finish()
}

/// One bundle per agent and role, in the order of the offers. Each offer is read once, and unneeded
/// resources are dropped while they are still in the processor's cache.
fn bundle(offers: Vec<v1::Offer>, needs: &Needs, constraints: &[Constraint]) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::with_capacity(offers.len());
    let mut known = HashTable::with_capacity(offers.len());
    let hasher = RandomState::new();
    for mut offer in offers {
        let role = offer.allocation_info.take().and_then(|info| info.role);
        let hash = hasher.hash_one((&offer.agent_id.value, &role));
        let same =
            |i: &usize| bundles[*i].place.agent == offer.agent_id.value && bundles[*i].role == role;
        if let Some(&i) = known.find(hash, same) {
            bundles[i].pool.add(offer.resources, needs);
            bundles[i].offers.push(offer.id);
            continue;
        }
        known.insert_unique(hash, bundles.len(), |i| {
            hasher.hash_one((&bundles[*i].place.agent, &bundles[*i].role))
        });
        bundles.push(Bundle::new(offer, role, needs, constraints));
    }
    bundles
}

impl Bundle {
    fn new(
        offer: v1::Offer,
        role: Option<String>,
        needs: &Needs,
        constraints: &[Constraint],
    ) -> Self {
        Self {
            installed_executor: text_attribute(&offer.attributes, EXECUTOR_ATTRIBUTE),
            taken: Vec::new(),
            refusal: None,
            unavailable: offer.unavailability.as_ref().map(begins),
            place: Arc::new(AgentProfile {
                values: constraint::values(&offer, constraints),
                agent: offer.agent_id.value,
                hostname: offer.hostname,
            }),
            pool: Pool::new(offer.resources, needs),
            offers: vec![offer.id],
            role,
        }
    }
}

/// When an agent becomes unavailable.
pub(super) fn begins(unavailability: &v1::Unavailability) -> Moment {
    Moment(u64::try_from(unavailability.start.nanoseconds / 1_000_000).unwrap_or(0))
}

fn text_attribute(attributes: &[v1::Attribute], name: &str) -> Option<Arc<str>> {
    attributes
        .iter()
        .find(|a| a.name == name)
        .and_then(|a| a.text.as_ref())
        .map(|text| text.value.as_str().into())
}

/// Counts the unused offers since the last launch, to answer "why is my TaskManager not starting".
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    offers: usize,
    shortages: BTreeMap<String, (Shortage, usize)>,
    constraints: BTreeMap<String, (usize, SampleValues)>,
    avoided: BTreeMap<Avoidance, usize>,
}

/// The first few values that agents have for a constraint's field.
#[derive(Clone, Debug, Default)]
struct SampleValues {
    values: BTreeSet<Arc<str>>,
    none: bool,
    more: bool,
}

/// At most this many values are shown.
const MOST_VALUES: usize = 3;

impl SampleValues {
    fn add(&mut self, value: Option<&Arc<str>>) {
        match value {
            None => self.none = true,
            Some(value) if self.values.len() < MOST_VALUES => {
                self.values.insert(value.clone());
            }
            Some(value) => self.more |= !self.values.contains(value),
        }
    }
}

impl fmt::Display for SampleValues {
    /// For example `r1, r2, …, nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.iter().map(|value| &**value).chain(self.more.then_some("…"));
        f.write_str(&values.chain(self.none.then_some("nothing")).collect::<Vec<_>>().join(", "))
    }
}

impl Refusals {
    /// Counts `offers` unused offers.
    pub fn add(&mut self, offers: usize, refusal: &Refusal) {
        self.offers += offers;
        match refusal {
            Refusal::Constraint(text, _, value) => {
                let (count, seen) = self.constraints.entry(text.clone()).or_default();
                *count += offers;
                seen.add(value.as_ref());
            }
            Refusal::Avoided(why, _) => *self.avoided.entry(*why).or_insert(0) += offers,
            Refusal::Shortage(shortage) => {
                let new = || (shortage.clone(), 0);
                let (largest, count) =
                    self.shortages.entry(shortage.name.clone()).or_insert_with(new);
                *count += offers;
                if shortage.there > largest.there {
                    *largest = shortage.clone();
                }
            }
        }
    }

    /// Resets the count after a launch.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether any offer was too small.
    pub fn has_shortage(&self) -> bool {
        !self.shortages.is_empty()
    }

    /// Number of unused offers.
    pub fn offers(&self) -> usize {
        self.offers
    }

    /// The reasons, e.g. `need mem 1760 MB, largest was 1024 MB`. A reason that applies to some of
    /// the offers says to how many.
    pub fn reasons(&self) -> Vec<String> {
        let alone = self.shortages.len() + self.constraints.len() + self.avoided.len() == 1;
        let times = |count: usize| if alone { String::new() } else { format!(" ({count}×)") };
        let short = self.shortages.values().map(|(s, count)| {
            let unit = s.unit();
            format!(
                "need {} {}{unit}, largest was {}{unit}{}",
                s.name,
                s.needed,
                s.there,
                times(*count)
            )
        });
        let unmet = self.constraints.iter().map(|(text, (count, seen))| {
            format!("constraint {text} not met, the agents have {seen}{}", times(*count))
        });
        let avoided = self.avoided.iter().map(|(why, count)| format!("{why}{}", times(*count)));
        short.chain(unmet).chain(avoided).collect()
    }

    /// Count and reasons in one line, e.g. `12 offers declined: need mem 1760 MB, largest was 1024
    /// MB`.
    pub fn explain(&self) -> Option<String> {
        let offers = match self.offers {
            0 => return None,
            1 => "1 offer".to_owned(),
            many => format!("{many} offers"),
        };
        Some(format!("{offers} declined: {}", self.reasons().join("; ")))
    }
}
