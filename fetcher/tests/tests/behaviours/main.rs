//! The fetcher's behaviour over real sockets and with real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod announcements;
mod archives;
mod cache;
mod encryption;
mod faults;
mod materialise;
mod peer_server;
mod peers;
mod secrets;
mod server;
mod sources;
mod unpacking;
mod web;
