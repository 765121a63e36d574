//! An executor's subscription to its agent.
//!
//! The agent starts an executor with everything it needs to know in environment variables
//! ([`ExecutorEnvironment`]). [`ExecutorConnection`] then speaks to the agent on the same host. It
//! does not reconnect by itself: only the executor knows which updates and tasks are
//! unacknowledged, and a re-subscription must name them.

mod connection;
mod environment;

pub use self::{
    connection::{ConnectionError, ExecutorConnection, ExecutorEvents},
    environment::{EnvironmentError, ExecutorEnvironment, Token},
};
