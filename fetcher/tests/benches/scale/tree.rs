//! The tree that every agent fetches.

use fetcher_formats::{Blob, Digest};

use crate::network::LINE;

/// Sizes of the files of Flink 1.20.5 in bytes: lib and opt, then bin, conf and plugins.
pub(crate) fn blobs() -> Vec<Blob> {
    let jars = [
        126_269_344,
        38_425_434,
        33_415_796,
        21_060_636,
        15_714_706,
        3_549_038,
        1_914_666,
        987_689,
        563_713,
        356_379,
        348_513,
        204_408,
        198_365,
        102_375,
        25_319,
    ];
    let digest = |number: u64| Digest::of(&number.to_le_bytes());
    let blob = |(number, size): (usize, u64)| {
        let chunks = (0..Blob::chunk_count(size)).map(|chunk| digest(chunk as u64)).collect();
        Blob { size, digest: digest(number as u64), chunks }
    };
    jars.into_iter().chain([20_000; 35]).enumerate().map(blob).collect()
}

/// Size of the tree in bytes.
pub(crate) fn size() -> u64 {
    blobs().iter().map(|blob| blob.size).sum()
}

/// Seconds that the server's link needs at least to send the tree this many times.
pub(crate) fn seconds_alone(agents: usize) -> f64 {
    agents as f64 * size() as f64 / LINE
}
