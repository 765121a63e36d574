//! Code that several crates need and none of them owns. Each module is small and complete. Nothing here knows about
//! Mesos, Flink or artifacts. Only `trusted_path`, `files` and `stdout` do I/O: they look at
//! folders, open what a user names, and write what a command answers.

pub mod backoff;
pub mod causes;
pub mod files;
pub mod guests;
pub mod hosts;
pub mod stdout;
pub mod tls;
pub mod trusted_path;
pub mod version;
