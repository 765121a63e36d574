//! Trees, servers and archives that the tests and benchmarks of the fetcher's crates share.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

pub mod chain;
pub mod heavy;
pub mod origin;
pub mod scene;
pub mod support;
