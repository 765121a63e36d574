//! Where the Mesos masters are, and which of them leads.
//!
//! A site names its masters in one of four ways ([`MasterUrl`]). Only ZooKeeper can say who leads
//! and when that changes; of a plain list any master can be asked, and one that does not lead
//! redirects to the one that does.

mod detector;
mod url;
mod zookeeper;

pub use detector::{DetectError, MasterDetector};
pub use url::{HostPort, MasterUrl, ParseMasterError, ZooKeeperUrl};
