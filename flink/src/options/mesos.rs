//! The options that the programs of this project read, and Flink does not.

pub(super) mod ours;
pub(super) mod upstream;

pub use self::{ours::*, upstream::*};
