//! Our reading of Flink's configuration against Flink's own classes, 1.20 and 2.x.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod memory;
mod oracle;
