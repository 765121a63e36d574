//! Code that several crates need and none of them owns. Each module is small and complete. Nothing
//! here knows about Mesos, Flink or artifacts. Only `trusted_path`, `world_writable`, `files`,
//! `own_files`, `stdout` and `descriptors` do I/O: they look at folders, open what a user names, write
//! what this program keeps, write what a command answers, raise the limit of open files, and keep open files from processes that are started.

pub mod addresses;
pub mod backoff;
pub mod causes;
pub mod connection_limit;
pub mod descriptors;
pub mod environment;
pub mod exit_code;
pub mod failures;
pub mod files;
pub mod hosts;
pub mod log_rate_limit;
pub mod own_files;
pub mod progress;
pub mod rate;
pub mod stdout;
pub mod text;
pub mod tls;
pub mod trusted_path;
pub mod version;
pub mod world_writable;
