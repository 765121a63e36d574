//! Offers: placing workers on them, and explaining why an offer was not used.

mod bundle;
mod placement;
mod refusal;
mod refusals;

pub use self::{
    bundle::{Bundle, EXECUTOR_ATTRIBUTE},
    placement::Placement,
    refusal::{Avoidance, Refusal},
    refusals::Refusals,
};
