//! What a TaskManager does between its start and its registration, seen from outside: it opens its data port, and its
//! log says that the JobManager has accepted it.
//!
//! Looks often at first and seldom later, and not at all once all is seen.

mod log;
mod sockets;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::UnboundedSender,
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    core::{Input, Worker},
    diagnosis::Mask,
};
use log::LogReader;

/// A TaskManager to be watched.
#[derive(Debug)]
pub struct Startup {
    /// The process.
    pub pid: u32,
    /// What it is to be.
    pub worker: Arc<Worker>,
    /// Its log file.
    pub log: PathBuf,
    /// For what the log says.
    pub mask: Mask,
}

impl Startup {
    /// Tells `inbox` what it sees until it has seen the registration, or is dropped.
    pub fn watch(self, inbox: UnboundedSender<Input>) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.follow(inbox)))
    }

    async fn follow(self, inbox: UnboundedSender<Input>) {
        let started = Instant::now();
        let mut port = self.worker.data_port;
        let mut reader = LogReader::new(self.log);
        let mut in_time = true;
        loop {
            let pid = self.pid;
            let looked = spawn_blocking(move || {
                reader.look();
                (port.is_some_and(|port| sockets::listens(pid, port)), reader)
            });
            let Ok((listens, read)) = looked.await else { return };
            reader = read;
            if listens {
                port = None;
                inbox.send(Input::Listening).ok();
            }
            if reader.registered() {
                inbox.send(Input::Registered).ok();
                return;
            }
            let waited = started.elapsed();
            // A log that does not speak of such things says nothing by its silence.
            if in_time && waited >= self.worker.registration_timeout && reader.is_talkative() {
                in_time = false;
                inbox.send(Input::Unregistered(self.mask.apply(reader.complaint()))).ok();
            }
            sleep(pause(waited)).await;
        }
    }
}

fn pause(waited: Duration) -> Duration {
    match waited.as_secs() {
        0..15 => Duration::from_millis(100),
        15..120 => Duration::from_secs(1),
        _ => Duration::from_secs(5),
    }
}
