//! The fetcher's behaviour over real sockets and with real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod announcements;
mod archives;
mod cache;
mod encryption;
mod faults;
mod heavy;
mod materialise;
#[allow(dead_code, reason = "shared with another program of tests")]
mod origin;
mod peer_server;
mod peers;
mod scene;
mod secrets;
mod server;
mod sources;
mod support;
mod unpacking;
mod web;
