//! Watch a TaskManager from its start to its registration: it opens its data port, and its log says
//! that the JobManager has accepted it.
//!
//! It is checked often at first and rarely later, and no longer once it has registered.

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

/// A TaskManager to watch.
#[derive(Debug)]
pub struct Startup {
    /// Its process id.
    pub pid: u32,
    /// Its description.
    pub worker: Arc<Worker>,
    /// Its log file.
    pub log: PathBuf,
    /// Masks secrets in lines of the log.
    pub mask: Mask,
}

impl Startup {
    /// Reports to `inbox` until the TaskManager has registered or the handle is dropped.
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
            // If the log does not have INFO lines, a missing registration line proves nothing.
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
