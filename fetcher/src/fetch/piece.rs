//! Cutting blobs into pieces that are fetched and verified side by side.

use std::ops::Range;
use std::sync::Arc;

use crate::digest::Digest;
use crate::manifest::{Blob, CHUNK};

/// Chunks of one large file that are asked for at once: enough to make requests rare, few enough to share a file out.
const CHUNKS_PER_PIECE: usize = 4;

/// A part of a blob that is verified on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) blob: Arc<Blob>,
    pub(super) range: Range<u64>,
    /// The digests of the piece's chunks, or of the whole file.
    digests: Range<usize>,
}

impl Piece {
    /// All pieces of a blob.
    pub(super) fn all(blob: &Arc<Blob>) -> Vec<Self> {
        if blob.chunks.is_empty() {
            return vec![Self { blob: Arc::clone(blob), range: 0..blob.size, digests: 0..1 }];
        }
        (0..blob.chunks.len())
            .step_by(CHUNKS_PER_PIECE)
            .map(|first| {
                let last = (first + CHUNKS_PER_PIECE).min(blob.chunks.len());
                let range = first as u64 * CHUNK..(last as u64 * CHUNK).min(blob.size);
                Self { blob: Arc::clone(blob), range, digests: first..last }
            })
            .collect()
    }

    /// Whether this is all of its blob.
    pub(super) fn is_whole(&self) -> bool {
        self.range == (0..self.blob.size)
    }

    /// What has to be true: up to each position the digest of the bytes since the position before.
    pub(super) fn checks(&self) -> Vec<(u64, Digest)> {
        if self.blob.chunks.is_empty() {
            return vec![(self.blob.size, self.blob.digest)];
        }
        let chunks = self.digests.clone().zip(self.blob.chunks.get(self.digests.clone()).unwrap_or_default());
        chunks.map(|(at, digest)| (((at as u64 + 1) * CHUNK).min(self.blob.size), *digest)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::CHUNKED_ABOVE;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_cover_a_blob_and_every_check_lies_in_its_piece(size in 0..20 * CHUNK) {
            let chunks = (0..Blob::chunk_count(size)).map(|at| Digest::of(&at.to_le_bytes())).collect();
            let blob = Arc::new(Blob { size, digest: Digest::of(b"all"), chunks });
            let pieces = Piece::all(&blob);
            let mut end = 0;
            let mut checked = Vec::new();
            for piece in &pieces {
                prop_assert_eq!(piece.range.start, end);
                let checks = piece.checks();
                let inside = checks.iter().all(|(at, _)| piece.range.contains(&at.saturating_sub(1)) || size == 0);
                prop_assert!(inside);
                prop_assert_eq!(checks.last().map(|(at, _)| *at), Some(piece.range.end));
                checked.extend(checks.into_iter().map(|(_, digest)| digest));
                end = piece.range.end;
            }
            prop_assert_eq!(end, size);
            let expected = if size > CHUNKED_ABOVE { blob.chunks.clone() } else { vec![blob.digest] };
            prop_assert_eq!(checked, expected);
        }
    }
}
