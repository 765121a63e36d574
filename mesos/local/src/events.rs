//! Events on their way to a subscriber, framed as records.

use bytes::{Bytes, BytesMut};
use mesos::recordio::RecordIo;
use tokio::sync::mpsc;
use tokio_util::codec::Encoder as _;

use crate::codec::{Codec, Described, Media};

/// The owner's end of a stream. Dropping it ends the stream after what was sent.
#[derive(Debug)]
pub(crate) struct Events {
    media: Media,
    records: mpsc::UnboundedSender<Bytes>,
}

impl Events {
    pub(crate) fn new(media: Media, records: mpsc::UnboundedSender<Bytes>) -> Self {
        Self { media, records }
    }

    /// Sends an event; to a subscriber that is gone, nothing.
    pub(crate) fn send<M: Described>(&self, codec: &Codec, event: &M) {
        let mut record = BytesMut::new();
        let framed = codec.encode(self.media, event).and_then(|bytes| {
            RecordIo::new(usize::MAX).encode(bytes, &mut record).map_err(|error| error.to_string())
        });
        if let Err(error) = framed {
            tracing::error!(error, "Cannot write an event");
            return;
        }
        if self.records.send(record.freeze()).is_err() {
            tracing::debug!("Dropped an event: its subscriber is gone");
        }
    }
}
