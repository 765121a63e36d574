//! Why a local Mesos cannot start.

use std::io;

/// Why a local Mesos cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The listener could not be opened.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for; 0 = any free one.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for sandboxes could not be made. The error names it.
    #[error("cannot make the work folder of the local mesos: {0}")]
    WorkDir(#[source] io::Error),
    /// There is no credential: no random numbers, or no file for it.
    #[error("cannot make the credential of the local mesos: {0}")]
    Credential(#[source] io::Error),
    /// The thread that starts executors could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The descriptors of Mesos's messages that are built in cannot be read.
    #[error("cannot read the descriptors of the messages: {0}")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// An option that makes no sense.
    #[error("option {option} of the local mesos is {value}, allowed is {allowed}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value given.
        value: String,
        /// What would be right.
        allowed: &'static str,
    },
}
