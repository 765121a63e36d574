//! Start the TaskManager so that its whole process tree can always be ended, whatever happens to
//! the executor.
//!
//! ```text
//!   flink-mesos-executor            sub-reaper; talks to Mesos
//!    └─ tm-guard                    sub-reaper, own session; forked, or the same binary with --guard
//!        └─ java … TaskManagerRunner   own session and process group, SIGKILL when the guard dies
//!            └─ whatever it starts, in whatever group or session
//! ```
//!
//! The guard exists for the worst case: the executor killed by SIGKILL. The guard holds one end of
//! a socket. When the other end closes, for whatever reason, the guard kills all its descendants.
//! Because it is a sub-reaper, no descendant can escape, neither by `setsid` nor by a double fork.
//! Where control groups are available, none can outrun the kill by forking either. When the
//! TaskManager ends, the guard ends its remaining descendants too. If the guard itself is killed,
//! the kernel kills the TaskManager, and the executor, a sub-reaper as well, ends the rest.
//!
//! The TaskManager's output goes through pipes to the guard, which rotates the files (`output`).
//!
//! The socket's protocol: the executor writes one `order::Order`, then single bytes
//! (`order::Command`); the guard writes lines (`order::Notice`).

mod cgroup;
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
pub(crate) use sys::{become_user, open_pidfd};
pub use tree::{Identity, Owner, below};
