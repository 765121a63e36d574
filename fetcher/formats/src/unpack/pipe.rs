//! Read on one thread what another one produces.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes that are passed at once.
pub(super) const BLOCK: usize = 256 << 10;
/// Blocks that may wait.
const BLOCKS: usize = 4;

/// Reads `source` on a thread of its own, ahead of `consume`.
pub(super) fn through<T>(source: impl Read + Send, consume: impl FnOnce(Pipe) -> T) -> T {
    let (sender, receiver) = sync_channel(BLOCKS);
    std::thread::scope(|scope| {
        scope.spawn(move || pump(source, &sender));
        // Dropping the pipe with the consumer ends the thread.
        consume(Pipe { receiver, block: Vec::new(), at: 0 })
    })
}

fn pump(mut source: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let read = source.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let (failed, ended) = (read.is_err(), block.is_empty());
        // Data before an error is good.
        if !ended && sender.send(Ok(block)).is_err() {
            return;
        }
        if let Err(error) = read {
            // The consumer may be gone.
            sender.send(Err(error)).ok();
        }
        if failed || ended {
            return;
        }
    }
}

/// The reading end.
pub(super) struct Pipe {
    receiver: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            let Ok(block) = self.receiver.recv() else { return Ok(0) };
            (self.block, self.at) = (block?, 0);
        }
        let ready = self.block.get(self.at..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.at += count;
        Ok(count)
    }
}
