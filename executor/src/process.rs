//! Starting the TaskManager so that it can be ended for certain, by whomever and whenever.
//!
//! ```text
//!   flink-mesos-executor            sub-reaper; talks to Mesos
//!    └─ tm-guard                    sub-reaper, own session; forked, or the same binary with --guard
//!        └─ java … TaskManagerRunner   own session and process group, SIGKILL when the guard dies
//!            └─ whatever it starts, in whatever group or session
//! ```
//!
//! The guard exists for the worst case: the executor killed by SIGKILL. It holds one end of a socket; when the other
//! end closes, for whatever reason, it kills everything below itself. As it is a sub-reaper, nothing that came of the
//! TaskManager can get away from below it: not by `setsid`, not by a double fork; where control groups are to be had,
//! it cannot outrun the kill by forking either. When the TaskManager ends, its left-overs are ended too. Should the
//! guard itself be killed, the kernel kills the TaskManager, and the executor, sub-reaper of everything, ends the rest.
//!
//! What the TaskManager writes goes through pipes to the guard, which rotates the files (`output`).
//!
//! On the socket: the executor writes one `order::Order`, then single bytes (`order::Command`); the guard writes lines
//! (`order::Notice`).

mod cgroup;
pub mod environment;
mod fork;
pub mod guard;
mod guard_process;
mod order;
mod output;
mod supervised;
mod sys;
mod tree;

pub use fork::{Forked, fork};
pub use supervised::{Control, End, Guard, Outputs, StartError, Supervised};
pub(crate) use sys::become_user;
pub use tree::{Identity, Owner, below};
