//! Mesos's record framing: the record's length in decimal digits, a line feed, the record's bytes.
//!
//! Format: Mesos `docs/recordio.md`. Records and HTTP chunks do not line up, so the codec keeps
//! what it has of a record until the rest comes, and it believes no length that is larger than the
//! caller allows.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Digits of the largest 64-bit length.
const MAX_DIGITS: usize = 20;

/// Cuts a byte stream into records and frames records for a stream.
#[derive(Debug, Clone)]
pub struct RecordIo {
    max_record: usize,
    /// The length of the record whose header is already read.
    expected: Option<usize>,
}

/// Why a stream is no sequence of records. Nothing after it can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RecordIoError {
    /// The header is not 1 to 20 decimal digits and a line feed.
    #[error("malformed record length {0:?}, allowed are 1 to 20 decimal digits and a line feed")]
    Malformed(String),
    /// The record is larger than allowed.
    #[error("record of {length} bytes, allowed are {max}")]
    TooLarge {
        /// What the header says, in bytes.
        length: u64,
        /// What the codec was made for, in bytes.
        max: usize,
    },
    /// The stream ended inside of a record.
    #[error("stream ended inside of a record, {0} bytes of it read")]
    Truncated(usize),
    /// The stream below failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RecordIo {
    /// A codec that refuses records of more than `max_record` bytes.
    pub fn new(max_record: usize) -> Self {
        Self { max_record, expected: None }
    }

    /// Takes the header off the buffer when all of it is there.
    fn take_length(&self, source: &mut BytesMut) -> Result<Option<usize>, RecordIoError> {
        let digits = source.iter().take(MAX_DIGITS + 1).position(|byte| !byte.is_ascii_digit());
        let malformed = || {
            let shown = &source[..source.len().min(MAX_DIGITS + 1)];
            RecordIoError::Malformed(String::from_utf8_lossy(shown).into_owned())
        };
        let end = match digits {
            Some(end) if end > 0 && source[end] == b'\n' => end,
            None if source.len() <= MAX_DIGITS => return Ok(None),
            _ => return Err(malformed()),
        };
        let text = str::from_utf8(&source[..end]).map_err(|_| malformed())?;
        let length: u64 = text.parse().map_err(|_| malformed())?;
        let too_large = RecordIoError::TooLarge { length, max: self.max_record };
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.max_record)
            .ok_or(too_large)?;
        source.advance(end + 1);
        Ok(Some(length))
    }
}

impl Decoder for RecordIo {
    type Item = Bytes;
    type Error = RecordIoError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Bytes>, RecordIoError> {
        if self.expected.is_none() {
            self.expected = self.take_length(source)?;
        }
        let Some(length) = self.expected else { return Ok(None) };
        if source.len() < length {
            source.reserve(length - source.len());
            return Ok(None);
        }
        self.expected = None;
        Ok(Some(source.split_to(length).freeze()))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Bytes>, RecordIoError> {
        match self.decode(source)? {
            Some(record) => Ok(Some(record)),
            None if source.is_empty() && self.expected.is_none() => Ok(None),
            None => Err(RecordIoError::Truncated(source.len())),
        }
    }
}

impl Encoder<Bytes> for RecordIo {
    type Error = RecordIoError;

    fn encode(&mut self, record: Bytes, target: &mut BytesMut) -> Result<(), RecordIoError> {
        if record.len() > self.max_record {
            return Err(RecordIoError::TooLarge {
                length: record.len() as u64,
                max: self.max_record,
            });
        }
        let header = format!("{}\n", record.len());
        target.reserve(header.len() + record.len());
        target.put_slice(header.as_bytes());
        target.put(record);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Feeds the pieces one after the other and returns all records, or the first error.
    fn decode(codec: &mut RecordIo, pieces: &[&[u8]]) -> Result<Vec<Bytes>, RecordIoError> {
        let (mut buffer, mut records) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Some(record) = codec.decode(&mut buffer)? {
                records.push(record);
            }
        }
        while let Some(record) = codec.decode_eof(&mut buffer)? {
            records.push(record);
        }
        Ok(records)
    }

    fn refusal(bytes: &[u8]) -> String {
        decode(&mut RecordIo::new(100), &[bytes]).unwrap_err().to_string()
    }

    #[test]
    fn a_header_that_is_not_a_decimal_length_is_refused() {
        for bytes in [
            &b"\n"[..],
            b"-1\nx",
            b"+1\nx",
            b" 1\nx",
            b"0x1\nx",
            b"1 \nx",
            b"1\r\nx",
            b"{\"type\"",
            b"\xff\n",
        ] {
            assert!(
                refusal(bytes).starts_with("malformed record length"),
                "{bytes:?}: {}",
                refusal(bytes)
            );
        }
    }

    #[test]
    fn a_header_that_never_ends_is_refused_after_twenty_digits() {
        assert!(refusal(&[b'1'; 21]).starts_with("malformed record length"));
        assert!(refusal(b"99999999999999999999\n").starts_with("malformed record length"));
    }

    #[test]
    fn a_record_above_the_limit_is_refused_before_its_bytes_come() {
        assert_eq!(refusal(b"101\n"), "record of 101 bytes, allowed are 100");
        assert_eq!(
            refusal(b"18446744073709551615\n"),
            "record of 18446744073709551615 bytes, allowed are 100"
        );
    }

    #[test]
    fn a_stream_that_ends_inside_of_a_record_is_an_error() {
        assert_eq!(refusal(b"5\nabc"), "stream ended inside of a record, 3 bytes of it read");
        assert_eq!(refusal(b"5"), "stream ended inside of a record, 1 bytes of it read");
        assert_eq!(refusal(b"5\n"), "stream ended inside of a record, 0 bytes of it read");
    }

    #[test]
    fn an_empty_record_is_a_record() {
        assert_eq!(decode(&mut RecordIo::new(10), &[b"0\n1\na0\n"]).unwrap(), ["", "a", ""]);
    }

    #[test]
    fn the_encoder_refuses_what_the_decoder_would() {
        let result = RecordIo::new(2).encode(Bytes::from_static(b"abc"), &mut BytesMut::new());
        assert_eq!(result.unwrap_err().to_string(), "record of 3 bytes, allowed are 2");
    }

    proptest! {
        #[test]
        fn records_survive_any_chunking(
            records in vec(vec(any::<u8>(), 0..300), 0..20),
            cuts in vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let mut stream = BytesMut::new();
            for record in &records {
                RecordIo::new(300).encode(Bytes::copy_from_slice(record), &mut stream).unwrap();
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let decoded = decode(&mut RecordIo::new(300), &pieces).unwrap();
            prop_assert_eq!(decoded, records);
        }

        #[test]
        fn arbitrary_bytes_give_records_within_the_limit_or_an_error(
            bytes in vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'\n')], 0..400),
        ) {
            if let Ok(records) = decode(&mut RecordIo::new(50), &[&bytes]) {
                prop_assert!(records.iter().all(|record| record.len() <= 50));
            }
        }
    }
}
