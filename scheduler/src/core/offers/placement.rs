//! Places workers on offers.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasher as _, Hash, Hasher as _},
    sync::Arc,
};

use hashbrown::{DefaultHashBuilder, HashTable};
use mesos::v1;

use super::{
    bundle::{Bundle, bundle},
    ports::Ports,
    refusal::{Avoidance, Refusal},
};
use crate::core::{constraint::Field, ids::Moment, occupation::Occupation, resources::Needs};

/// One placement: what a worker needs, where it may run, and where others run.
pub(super) struct Placement<'a> {
    /// What one worker needs.
    pub(super) needs: &'a Needs,
    /// Where the workers run, and may run. [`Placement::place`] adds those that it places.
    pub(super) occupation: &'a mut Occupation,
    /// Chooses their ports.
    pub(super) ports: &'a mut Ports,
    /// The current time.
    pub(super) now: Moment,
}

impl Placement<'_> {
    /// Places up to `missing` workers on `offers`, each on the agent with the fewest, as far as
    /// needs and constraints allow. Given an agent's id, host name and planned maintenance, `bar`
    /// returns why nothing may be launched there.
    pub(super) fn place(
        self,
        offers: Vec<v1::Offer>,
        mut missing: usize,
        bar: impl Fn(&str, &str, Option<Moment>) -> Option<Refusal>,
    ) -> Vec<Bundle> {
        let Self { needs, occupation, ports, now } = self;
        let mut bundles = bundle(offers, needs, occupation.constraints());
        if missing == 0 {
            return bundles;
        }
        for bundle in &mut bundles {
            bundle.refusal = bar(&bundle.place.agent, &bundle.place.hostname, bundle.unavailable);
            ports.avoid(now, &bundle.place.agent, &mut bundle.pool);
        }
        // First the least used group of each `GROUP_BY`, then its agent with the fewest workers.
        let mut groups = groups(&bundles, occupation);
        let ranked = |(g, group): (usize, &Group)| {
            Some(Reverse((occupation.rank(&group.values), group.best()?, g)))
        };
        let mut best: BinaryHeap<_> = groups.iter().enumerate().filter_map(ranked).collect();
        while missing > 0 {
            let Some(Reverse((rank, _, g))) = best.pop() else { break };
            let group = &mut groups[g];
            // Ranks only grow while workers are placed, so an outdated one is reinserted with its
            // current rank.
            let rank_now = occupation.rank(&group.values);
            if rank_now == rank
                && let Some(Reverse((there, i))) = group.agents.pop()
            {
                let bundle = &mut bundles[i];
                let allowed = occupation.check(&bundle.place.values).map_err(Refusal::Constraint);
                let take = |()| bundle.pool.take(needs, ports.chance()).map_err(Refusal::Shortage);
                match allowed.and_then(take) {
                    Ok(taken) => {
                        bundle.taken.push(taken);
                        occupation.count(&bundle.place, true);
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
                group.best().map(|agent| Reverse((occupation.rank(&group.values), agent, g))),
            );
        }
        bundles
    }
}

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

/// The usable bundles, by group.
fn groups(bundles: &[Bundle], occupation: &Occupation) -> Vec<Group> {
    let grouping: Vec<&Field> = occupation.grouping().collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut known = HashTable::new();
    let hasher = DefaultHashBuilder::default();
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
        let there = occupation.workers_on(&bundle.place.agent);
        groups[number].agents.push(Reverse((there, i)));
    }
    groups
}

fn hash_all<T: Hash>(hasher: &DefaultHashBuilder, values: impl Iterator<Item = T>) -> u64 {
    let mut state = hasher.build_hasher();
    values.for_each(|value| value.hash(&mut state));
    state.finish()
}
