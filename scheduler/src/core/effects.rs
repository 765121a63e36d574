//! What the core's machines ask for, and what they hand on to each other.
//!
//! A machine knows no other machine. It collects effects, and the core carries each one where it
//! belongs, in the order in which they were asked for.

use std::sync::Arc;

use mesos::v1;

use super::{
    cause::Cause,
    message::{Notice, Output},
    resources::Taken,
    state::{AgentProfile, Change},
    verdict::Verdict,
    worker::WorkerPorts,
};

/// One effect of a step.
#[derive(Debug)]
pub(super) enum Effect {
    /// Carry this out now.
    Output(Output),
    /// Make these changes durable, then carry out these outputs.
    Store(Vec<Change>, Vec<Output>),
    /// Carry this out once everything stored before is durable.
    AfterStores(Output),
    /// Offers can be used that Mesos still filters.
    Unfilter,
    /// A worker failed.
    Failed(Failure),
    /// A launch with these ports failed on an agent.
    PortsFailed(Arc<AgentProfile>, WorkerPorts, Cause),
    /// A worker has run on this agent for a while.
    Proven(Arc<AgentProfile>),
}

/// Workers placed on offers of one agent and role.
#[derive(Debug)]
pub(super) struct Placed {
    /// The offers.
    pub(super) offers: Vec<v1::OfferId>,
    pub(super) place: Arc<AgentProfile>,
    /// Where the agent says that our executor is installed, if it does.
    pub(super) installed_executor: Option<Arc<str>>,
    /// What each worker takes.
    pub(super) taken: Vec<Taken>,
}

/// The failure of a worker.
#[derive(Debug)]
pub(super) struct Failure {
    /// Where it ran.
    pub(super) place: Arc<AgentProfile>,
    /// What the failure counts against.
    pub(super) verdict: Verdict,
    /// Whether it failed at its start.
    pub(super) early: bool,
    pub(super) why: Cause,
}

/// The effects of a step, in their order.
#[derive(Debug, Default)]
pub(super) struct Effects(Vec<Effect>);

impl Effects {
    /// Carries this out now.
    pub(super) fn output(&mut self, output: Output) {
        self.0.push(Effect::Output(output));
    }

    /// Reports this to people.
    pub(super) fn notice(&mut self, notice: Notice) {
        self.output(Output::Notice(notice));
    }

    /// Makes a change durable.
    pub(super) fn store(&mut self, change: Change) {
        self.store_then(vec![change], Vec::new());
    }

    /// Makes changes durable, then carries these outputs out.
    pub(super) fn store_then(&mut self, changes: Vec<Change>, then: Vec<Output>) {
        self.0.push(Effect::Store(changes, then));
    }

    /// Carries this out once everything stored before is durable.
    pub(super) fn after_stores(&mut self, output: Output) {
        self.0.push(Effect::AfterStores(output));
    }

    /// A worker failed.
    pub(super) fn failed(&mut self, failure: Failure) {
        self.0.push(Effect::Failed(failure));
    }

    /// A launch with these ports failed on an agent.
    pub(super) fn ports_failed(
        &mut self,
        place: Arc<AgentProfile>,
        ports: WorkerPorts,
        why: Cause,
    ) {
        self.0.push(Effect::PortsFailed(place, ports, why));
    }

    /// A worker has run on this agent for a while.
    pub(super) fn proven(&mut self, place: Arc<AgentProfile>) {
        self.0.push(Effect::Proven(place));
    }

    /// Offers can be used that Mesos still filters.
    pub(super) fn unfilter(&mut self) {
        self.0.push(Effect::Unfilter);
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
