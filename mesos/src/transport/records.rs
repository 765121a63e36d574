//! An answer that never ends: Mesos's event stream.

use bytes::{Bytes, BytesMut};
use common::causes::with_causes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio_util::{codec::Decoder, task::AbortOnDropHandle};

use crate::recordio::{RecordIo, RecordIoError};

/// Why a stream broke.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The connection failed.
    #[error("event stream broke: {}", with_causes(.0))]
    Lost(#[from] hyper::Error),
    /// What came is no sequence of records.
    #[error("event stream is not readable: {0}")]
    Records(#[from] RecordIoError),
    /// A record is no event.
    #[error("event stream is not readable: {0}")]
    Event(#[from] prost::DecodeError),
}

/// The records of one answer. Dropping it closes the connection.
pub(crate) struct RecordStream {
    body: Incoming,
    codec: RecordIo,
    buffer: BytesMut,
    _driver: AbortOnDropHandle<()>,
}

impl RecordStream {
    pub(super) fn new(body: Incoming, driver: AbortOnDropHandle<()>, max_record: usize) -> Self {
        Self { body, codec: RecordIo::new(max_record), buffer: BytesMut::new(), _driver: driver }
    }

    /// The next record; `None` when the other end ended the answer properly. Cancelling it loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, StreamError>> {
        loop {
            match self.codec.decode(&mut self.buffer) {
                Ok(None) => {}
                Ok(Some(record)) => return Some(Ok(record)),
                Err(error) => return Some(Err(error.into())),
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Some(Err(error.into())),
                None => {
                    return self
                        .codec
                        .decode_eof(&mut self.buffer)
                        .map_err(StreamError::from)
                        .transpose();
                }
            }
        }
    }
}
