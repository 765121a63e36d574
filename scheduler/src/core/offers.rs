//! Which worker goes on which offer, and why an offer was of no use.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use mesos::v1;

use super::resources::{Demand, Pool, Shortage, Taken};

/// The offers of one agent (for one role), taken as one.
#[derive(Debug)]
pub struct Bundle {
    /// The offers.
    pub offers: Vec<v1::OfferId>,
    /// The agent.
    pub agent: String,
    /// Its host name.
    pub hostname: String,
    /// Where the agent says that our executor is installed: its text attribute [`EXECUTOR_ATTRIBUTE`].
    pub installed_executor: Option<String>,
    /// What one worker each takes.
    pub taken: Vec<Taken>,
    /// Why no (further) worker fits; `None` if it was not tried.
    pub shortage: Option<Shortage>,
    pool: Pool,
}

/// The agent attribute that says where on the agent our executor is installed.
pub const EXECUTOR_ATTRIBUTE: &str = "flink-mesos-executor";

/// Spreads up to `missing` workers over `offers`: each goes where the fewest workers are, `already` there included.
pub fn place(
    offers: Vec<v1::Offer>,
    demand: &Demand,
    mut missing: usize,
    already: &BTreeMap<String, usize>,
) -> Vec<Bundle> {
    let mut bundles = bundle(offers);
    let count = |bundle: &Bundle| already.get(&bundle.agent).copied().unwrap_or(0);
    let mut emptiest: BinaryHeap<_> = bundles.iter().enumerate().map(|(i, b)| Reverse((count(b), i))).collect();
    while missing > 0 {
        let Some(Reverse((workers, i))) = emptiest.pop() else { break };
        match bundles[i].pool.take(demand) {
            Ok(taken) => {
                bundles[i].taken.push(taken);
                emptiest.push(Reverse((workers + 1, i)));
                missing -= 1;
            }
            Err(shortage) => bundles[i].shortage = Some(shortage),
        }
    }
    bundles
}

fn bundle(offers: Vec<v1::Offer>) -> Vec<Bundle> {
    let mut bundles: Vec<(Bundle, Vec<v1::Resource>)> = Vec::new();
    let mut places: HashMap<(String, Option<String>), usize> = HashMap::new();
    for offer in offers {
        let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone());
        let place = *places.entry((offer.agent_id.value.clone(), role)).or_insert_with(|| {
            let bundle = Bundle {
                offers: Vec::new(),
                agent: offer.agent_id.value.clone(),
                hostname: offer.hostname.clone(),
                installed_executor: text_attribute(&offer.attributes, EXECUTOR_ATTRIBUTE),
                taken: Vec::new(),
                shortage: None,
                pool: Pool::default(),
            };
            bundles.push((bundle, Vec::new()));
            bundles.len() - 1
        });
        let (bundle, resources) = &mut bundles[place];
        bundle.offers.push(offer.id);
        resources.extend(offer.resources);
    }
    bundles.into_iter().map(|(bundle, resources)| Bundle { pool: Pool::new(resources), ..bundle }).collect()
}

fn text_attribute(attributes: &[v1::Attribute], name: &str) -> Option<String> {
    attributes.iter().find(|a| a.name == name).and_then(|a| a.text.as_ref()).map(|text| text.value.clone())
}

/// Counts the offers that were of no use since the last launch, for the question "why is my TaskManager not starting".
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    offers: usize,
    shortages: BTreeMap<String, (Shortage, usize)>,
}

impl Refusals {
    /// Notes that `offers` offers were too small.
    pub fn add(&mut self, offers: usize, shortage: &Shortage) {
        self.offers += offers;
        let (largest, count) = self.shortages.entry(shortage.name.clone()).or_insert_with(|| (shortage.clone(), 0));
        *count += offers;
        if shortage.there > largest.there {
            *largest = shortage.clone();
        }
    }

    /// Starts anew: something was launched.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Says why, e.g. `12 offers declined: need mem 1760 MB, largest was 1024 MB`; `None` if nothing was refused.
    pub fn explain(&self) -> Option<String> {
        if self.offers == 0 {
            return None;
        }
        let reasons = self.shortages.values().map(|(s, count)| {
            let times = if self.shortages.len() > 1 { format!(" ({count}×)") } else { String::new() };
            format!("need {} {}{unit}, largest was {}{unit}{times}", s.name, s.needed, s.there, unit = s.unit())
        });
        let offers = if self.offers == 1 { "1 offer".to_owned() } else { format!("{} offers", self.offers) };
        Some(format!("{offers} declined: {}", reasons.collect::<Vec<_>>().join("; ")))
    }
}
