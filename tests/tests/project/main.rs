//! The project itself: its pages, packaging, set-up and tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

mod cases_page;
mod fixed_seeds;
mod java;
mod named_files;
mod packaging;
mod setup;
