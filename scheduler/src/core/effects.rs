//! What the core's machines ask for.
//!
//! A machine knows no other machine. It collects effects, and the core carries each one where it
//! belongs, in the order in which they were asked for.

use super::{message::Output, state::Change};

/// One effect of a step.
#[derive(Debug)]
pub(super) enum Effect {
    /// Carry this out now.
    Output(Output),
    /// Make these changes durable, then carry out these outputs.
    Store(Vec<Change>, Vec<Output>),
    /// Offers can be used that Mesos still filters.
    Unfilter,
}

/// The effects of a step, in their order.
#[derive(Debug, Default)]
pub(super) struct Effects(Vec<Effect>);

impl Effects {
    /// Removes all effects. Their memory is used again.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Effect> {
        self.0.drain(..)
    }

    /// Carries this out now.
    pub(super) fn output(&mut self, output: Output) {
        self.0.push(Effect::Output(output));
    }

    /// Makes a change durable.
    pub(super) fn store(&mut self, change: Change) {
        self.store_then(vec![change], Vec::new());
    }

    /// Makes changes durable, then carries these outputs out.
    pub(super) fn store_then(&mut self, changes: Vec<Change>, then: Vec<Output>) {
        self.0.push(Effect::Store(changes, then));
    }

    /// Offers can be used that Mesos still filters.
    pub(super) fn unfilter(&mut self) {
        self.0.push(Effect::Unfilter);
    }
}
