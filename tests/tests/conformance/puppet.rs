//! The process that Mesos starts as an executor: it does nothing but wait for a line of shell, and do that.

use std::io::Write as _;

use fs_err::{OpenOptions, os::unix::fs::OpenOptionsExt as _};
use mesos::v1::CommandInfo;
use nix::{libc::O_NONBLOCK, sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use crate::{
    messages::{shell, with_variable},
    raw::PATIENCE,
};

/// The far end of a process that Mesos starts.
pub(crate) struct Puppet {
    folder: TempDir,
}

impl Puppet {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("puppet-").unwrap();
        mkfifo(&folder.path().join("words"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Self { folder }
    }

    /// The command that Mesos shall start.
    pub(crate) fn command(&self) -> CommandInfo {
        with_variable(shell("echo > $WORDS.wanted; read words < $WORDS; eval \"$words\""), "WORDS", &self.path("words"))
    }

    /// A path that test and process can both reach.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Waits until the process has been started.
    pub(crate) async fn started(&self) {
        let wanted = async || fs_err::metadata(self.path("words.wanted")).ok();
        tests::wait_until("the process is started", PATIENCE, wanted).await;
    }

    /// Has the process do this, once it is there to be told.
    pub(crate) async fn say(&self, words: &str) {
        let open = async || OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(self.path("words")).ok();
        let mut fifo = tests::wait_until("the process listens", PATIENCE, open).await;
        fifo.write_all(format!("{words}\n").as_bytes()).unwrap();
    }
}
