//! The custom Mesos executor: one per TaskManager.
//!
//! Started by the Mesos agent, it subscribes at once, so that everything that follows is visible to the scheduler;
//! receives the one task whose data describes a worker; fetches that worker's artifacts into the sandbox, verified by
//! digest, through the cache that this host's workers share; writes the worker's configuration; starts the TaskManager under a guard; reports, watches and ends it.
//!
//! [`core`] decides, without input or output; [`shell`] carries out; [`process`] starts and ends processes; [`journal`]
//! remembers them; [`log`] is what it says of itself; [`diagnosis`] finds words for what went wrong; [`startup`] watches a TaskManager until it is
//! registered.
//!
//! [`host`] is for people at the host: `ps`, `logs`, `inspect`, `jstack`.
//!
//! It never runs two TaskManagers, never touches anything outside its sandbox, and never ends before its TaskManager
//! has.

pub mod artifacts;
mod cgroups;
mod class_data;
pub mod core;
pub mod diagnosis;
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
