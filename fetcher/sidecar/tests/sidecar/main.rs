//! Behaviour of the sidecar's program, over real sockets, with the real artifact server wherever no
//! fault is needed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

mod commands;
mod fallbacks;
mod fetching;
mod files;
mod host;
mod life;
mod places;
mod users;
