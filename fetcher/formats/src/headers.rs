//! The headers in which clients and artifact servers speak about peers: hosts that hold contents.

/// Request header: the client can follow a redirect to a peer. The value is `follow`, or the
/// address of its own peer port.
pub const PEER_HEADER: &str = "Flink-Mesos-Peer";
/// Request header: a peer that the client does not want to be redirected to, for example because it
/// is busy.
pub const AVOID_HEADER: &str = "Flink-Mesos-Avoid";
/// Header of an announcement or a report: the address of the holder.
pub const HOLDER_HEADER: &str = "Flink-Mesos-Holder";
/// Header of a report: [`LACKS`]; otherwise the holder sent bad data or failed.
pub const FAULT_HEADER: &str = "Flink-Mesos-Fault";
/// In [`FAULT_HEADER`]: the holder does not have this content.
pub const LACKS: &str = "lacks";
/// Header of a 503: milliseconds until the next attempt, finer than `Retry-After`.
pub const WAIT_HEADER: &str = "Flink-Mesos-Retry-After-Ms";
/// Size in bytes from which contents are announced as soon as they are complete. Smaller ones are
/// announced with their tree, because a request for each would cost more than it saves.
pub const ANNOUNCED_FROM: u64 = 1 << 20;
/// Value of [`PEER_HEADER`] from a client without a peer port.
pub const FOLLOW: &str = "follow";
