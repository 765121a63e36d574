//! The custom Mesos executor: one per TaskManager.
//!
//! The Mesos agent starts the executor, which subscribes at once so that the scheduler sees
//! everything that follows. It receives the one task, whose data describes a worker. It fetches
//! that worker's artifacts into the sandbox, verified by digest, through the cache that this host's
//! workers share. It writes the worker's configuration, starts the TaskManager under a guard,
//! reports on it, and ends it.
//!
//! [`core`] makes the decisions, without I/O; [`shell`] carries them out; [`process`] starts and
//! ends processes; [`journal`] persists them; [`log`] sets up the executor's own log; [`diagnosis`]
//! explains failures; [`startup`] watches a TaskManager until it is registered.
//!
//! [`host`] has the commands for people on the host: `ps`, `logs`, `inspect`, `jstack`.
//!
//! An executor never runs two TaskManagers, never touches anything outside its sandbox, and never
//! exits before its TaskManager.

pub mod artifacts;
mod cgroups;
mod class_data;
pub mod core;
pub mod diagnosis;
mod environment;
mod files;
pub mod host;
pub mod journal;
pub mod log;
pub mod process;
mod rotation;
pub mod shell;
pub mod startup;
mod text;
pub mod usage;
