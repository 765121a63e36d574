//! What the fetcher promises, tried over real sockets and real files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;
mod support;
