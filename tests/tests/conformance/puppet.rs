//! The process that Mesos starts as an executor: it only waits for a shell command and runs it.

use std::io::Write as _;

use fs_err::{OpenOptions, os::unix::fs::OpenOptionsExt as _};
use mesos::v1::CommandInfo;
use nix::{libc::O_NONBLOCK, sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use crate::{
    messages::{shell, with_variable},
    raw::PATIENCE,
};

/// The test's end of a process that Mesos starts.
pub(crate) struct Puppet {
    folder: TempDir,
}

impl Puppet {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("puppet-").unwrap();
        mkfifo(&folder.path().join("commands"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Self { folder }
    }

    /// The command for Mesos to start.
    pub(crate) fn command(&self) -> CommandInfo {
        with_variable(
            shell("echo > $COMMANDS.wanted; read command < $COMMANDS; eval \"$command\""),
            "COMMANDS",
            &self.path("commands"),
        )
    }

    /// A path that both test and process can access.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Waits until the process has started.
    pub(crate) async fn started(&self) {
        let wanted = async || fs_err::metadata(self.path("commands.wanted")).ok();
        tests::wait_until("the process is started", PATIENCE, wanted).await;
    }

    /// Makes the process run this command, once it waits for one.
    pub(crate) async fn run(&self, command: &str) {
        let open = async || {
            OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(self.path("commands")).ok()
        };
        let mut fifo = tests::wait_until("the process listens", PATIENCE, open).await;
        fifo.write_all(format!("{command}\n").as_bytes()).unwrap();
    }
}
