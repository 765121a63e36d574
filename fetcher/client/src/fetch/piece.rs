//! Split blobs into pieces that are fetched and verified in parallel.

use std::ops::Range;
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::{Blob, CHUNK};

/// Chunks of a large file per request: enough for few requests, few enough to spread a file over
/// sources.
const CHUNKS_PER_PIECE: usize = 4;

/// A part of a blob that is verified on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) blob: Arc<Blob>,
    pub(super) range: Range<u64>,
    /// Indices of the piece's digests among the blob's chunks; empty for a file without chunks.
    digests: Range<usize>,
}

impl Piece {
    /// The pieces of a blob, without the chunks that exist already.
    pub(super) fn missing(blob: &Arc<Blob>, is_there: impl Fn(usize) -> bool) -> Vec<Self> {
        if blob.chunks.is_empty() {
            return vec![Self { blob: Arc::clone(blob), range: 0..blob.size, digests: 0..1 }];
        }
        let mut pieces: Vec<Self> = Vec::new();
        for chunk in (0..blob.chunks.len()).filter(|chunk| !is_there(*chunk)) {
            let end = ((chunk as u64 + 1) * CHUNK).min(blob.size);
            match pieces.last_mut() {
                Some(piece)
                    if piece.digests.end == chunk && piece.digests.len() < CHUNKS_PER_PIECE =>
                {
                    piece.digests.end = chunk + 1;
                    piece.range.end = end;
                }
                _ => pieces.push(Self {
                    blob: Arc::clone(blob),
                    range: chunk as u64 * CHUNK..end,
                    digests: chunk..chunk + 1,
                }),
            }
        }
        pieces
    }

    /// The number of the first chunk; 0 for a whole file.
    pub(super) fn first_chunk(&self) -> usize {
        self.digests.start
    }

    /// Whether it covers the whole blob.
    pub(super) fn is_whole(&self) -> bool {
        self.range == (0..self.blob.size)
    }

    /// The digests to check: up to each position, the digest of the bytes since the previous
    /// position.
    pub(super) fn checks(&self) -> Vec<(u64, Digest)> {
        if self.blob.chunks.is_empty() {
            return vec![(self.blob.size, self.blob.digest)];
        }
        let chunks = self
            .digests
            .clone()
            .zip(self.blob.chunks.get(self.digests.clone()).unwrap_or_default());
        chunks
            .map(|(at, digest)| (((at as u64 + 1) * CHUNK).min(self.blob.size), *digest))
            .collect()
    }
}

/// The ranges of a blob that are requested one by one.
pub fn pieces(blob: Blob) -> Vec<Range<u64>> {
    Piece::missing(&Arc::new(blob), |_| false).into_iter().map(|piece| piece.range).collect()
}

#[cfg(test)]
mod tests {
    use fetcher_formats::manifest::CHUNKED_ABOVE;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pieces_cover_a_blob_and_every_check_is_inside_its_piece(size in 0..20 * CHUNK) {
            let chunks = (0..Blob::chunk_count(size)).map(|at| Digest::of(&at.to_le_bytes())).collect();
            let blob = Arc::new(Blob { size, digest: Digest::of(b"all"), chunks });
            let pieces = Piece::missing(&blob, |_| false);
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

        #[test]
        fn existing_chunks_are_not_fetched_again(there in prop::collection::vec(any::<bool>(), 5..20)) {
            let size = there.len() as u64 * CHUNK - 1;
            let chunks = (0..there.len()).map(|at| Digest::of(&at.to_le_bytes())).collect();
            let blob = Arc::new(Blob { size, digest: Digest::of(b"all"), chunks });
            let mut fetched = vec![false; there.len()];
            for piece in Piece::missing(&blob, |chunk| there[chunk]) {
                for (end, digest) in piece.checks() {
                    let chunk = end.div_ceil(CHUNK) as usize - 1;
                    prop_assert_eq!(digest, blob.chunks[chunk]);
                    prop_assert!(!fetched[chunk]);
                    fetched[chunk] = true;
                }
            }
            let missing: Vec<bool> = there.iter().map(|there| !there).collect();
            prop_assert_eq!(fetched, missing);
        }
    }
}
