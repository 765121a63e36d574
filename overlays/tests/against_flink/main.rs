//! What workers get from us, run by the real Flink, 1.20 and 2.x, and beside the overlays of Flink
//! 1.13.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(
    clippy::format_push_string,
    clippy::assigning_clones,
    reason = "clearer, and tests need not be fast"
)]

mod application;
mod cluster;
#[path = "../../../flink/tests/shared/oracle.rs"]
mod oracle;
mod upstream;
