//! Our reading of Flink's configuration against Flink's own classes, 1.20 and 2.x.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(
    clippy::format_push_string,
    clippy::assigning_clones,
    reason = "clearer, and tests need not be fast"
)]

mod cases;
mod files;
mod memory;
#[path = "../shared/mutation.rs"]
mod mutation;
mod options;
#[path = "../shared/oracle.rs"]
mod oracle;
mod ports;
mod rpc;
mod tls;
mod values;
