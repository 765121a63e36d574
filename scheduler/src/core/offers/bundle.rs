//! All offers of one agent and role, used together.

use std::{hash::BuildHasher as _, sync::Arc};

use hashbrown::{DefaultHashBuilder, HashTable};
use mesos::v1;

use super::refusal::Refusal;
use crate::core::{
    constraint::{self, Constraint},
    effects::Placed,
    ids::Moment,
    resources::{Needs, Pool, Taken},
    state::AgentProfile,
};

/// The agent attribute with the path of an installed executor.
const EXECUTOR_ATTRIBUTE: &str = "flink-mesos-executor";

/// All offers of one agent and role, used together.
#[derive(Debug)]
pub(super) struct Bundle {
    /// The offers.
    pub(super) offers: Vec<v1::OfferId>,
    /// The agent.
    pub(super) place: Arc<AgentProfile>,
    /// Where the agent says that our executor is installed: its text attribute
    /// [`EXECUTOR_ATTRIBUTE`].
    pub(super) installed_executor: Option<Arc<str>>,
    /// What each placed worker takes.
    pub(super) taken: Vec<Taken>,
    /// Why no further worker fits; `None` if none was tried.
    pub(super) refusal: Option<Refusal>,
    /// When planned maintenance of the agent begins.
    pub(super) unavailable: Option<Moment>,
    /// The role of the offers.
    role: Option<String>,
    /// What is left of them.
    pub(super) pool: Pool,
}

/// One bundle per agent and role, in the order of the offers. Each offer is read once, and unneeded
/// resources are dropped while they are still in the processor's cache.
pub(super) fn bundle(
    offers: Vec<v1::Offer>,
    needs: &Needs,
    constraints: &[Constraint],
) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::with_capacity(offers.len());
    let mut known = HashTable::with_capacity(offers.len());
    let hasher = DefaultHashBuilder::default();
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
    /// The placed workers.
    pub(super) fn placed(self) -> Placed {
        let Self { offers, place, installed_executor, taken, .. } = self;
        Placed { offers, place, installed_executor, taken }
    }

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
            unavailable: offer.unavailability.as_ref().map(Moment::begin_of),
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

fn text_attribute(attributes: &[v1::Attribute], name: &str) -> Option<Arc<str>> {
    attributes
        .iter()
        .find(|a| a.name == name)
        .and_then(|a| a.text.as_ref())
        .map(|text| text.value.as_str().into())
}
