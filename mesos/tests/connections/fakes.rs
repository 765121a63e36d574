//! The other sides of a connection, played by the test.

pub(crate) mod executor;
pub(crate) mod framework;
pub(crate) mod peer;
pub(crate) mod tls;
pub(crate) mod zookeeper;
