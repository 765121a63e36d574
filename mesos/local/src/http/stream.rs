//! The body of a subscriber's answer: events, as they come.

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
use futures_util::Stream;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{codec::Media, events::Events, inbox::Message};

/// The subscriber's end of a stream. When it is dropped, the owner hears of it.
#[derive(Debug)]
pub(super) struct Subscription {
    id: Uuid,
    media: Media,
    records: mpsc::UnboundedReceiver<Bytes>,
    inbox: mpsc::UnboundedSender<Message>,
}

pub(super) fn open(
    id: Uuid,
    media: Media,
    inbox: mpsc::UnboundedSender<Message>,
) -> (Events, Subscription) {
    let (sender, records) = mpsc::unbounded_channel();
    (Events::new(media, sender), Subscription { id, media, records, inbox })
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
