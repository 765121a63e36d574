//! Events on their way to a subscriber, framed as records.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::BytesMut;
use futures_util::Stream;
use mesos::recordio::RecordIo;
use tokio::sync::mpsc;
use tokio_util::codec::Encoder as _;
use uuid::Uuid;

use crate::{
    codec::{Codec, Described, Media},
    owner::Message,
};

/// The owner's end of a stream. Dropping it ends the stream after what was sent.
#[derive(Debug)]
pub(crate) struct Events {
    media: Media,
    records: mpsc::UnboundedSender<Bytes>,
}

impl Events {
    /// Sends an event; to a subscriber that is gone, nothing.
    pub(crate) fn send<M: Described>(&self, codec: &Codec, event: &M) {
        let mut record = BytesMut::new();
        let framed = codec
            .encode(self.media, event)
            .and_then(|bytes| RecordIo::new(usize::MAX).encode(bytes, &mut record).map_err(|error| error.to_string()));
        if let Err(error) = framed {
            tracing::error!(error, "Cannot write an event");
            return;
        }
        if self.records.send(record.freeze()).is_err() {
            tracing::debug!("Dropped an event: its subscriber is gone");
        }
    }
}

/// The subscriber's end of a stream. When it is dropped, the owner hears of it.
#[derive(Debug)]
pub(super) struct Subscription {
    id: Uuid,
    media: Media,
    records: mpsc::UnboundedReceiver<Bytes>,
    inbox: mpsc::UnboundedSender<Message>,
}

pub(super) fn open(id: Uuid, media: Media, inbox: mpsc::UnboundedSender<Message>) -> (Events, Subscription) {
    let (sender, records) = mpsc::unbounded_channel();
    (Events { media, records: sender }, Subscription { id, media, records, inbox })
}

impl Subscription {
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.media.name())], Body::from_stream(self)).into_response()
    }
}

impl Stream for Subscription {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.records.poll_recv(context).map(|record| record.map(Ok))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // An owner that is gone needs not know.
        self.inbox.send(Message::StreamClosed(self.id)).ok();
    }
}
