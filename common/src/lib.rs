//! What several crates need and none of them owns. Each module is small and complete; nothing here knows Mesos, Flink
//! or artifacts, and nothing here does I/O.

pub mod backoff;
pub mod causes;
pub mod hosts;
pub mod tls;
