//! Trees, servers and archives that the tests and benchmarks of the fetcher's crates share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

pub mod chain;
pub mod crowd;
pub mod figures;
pub mod heavy;
pub mod origin;
pub mod scene;
pub mod support;
