//! The record of an archive: which content was verified, and which file has it.

use std::io;
use std::path::Path;

use fetcher_formats::digest::{Digest, Hasher};
use fetcher_formats::hashing::Fingerprint;
use fetcher_formats::manifest::CHUNK;
use fs_err::File;
use serde::{Deserialize, Serialize};

use crate::cache::files::{read_full, save};

/// The record of an archive.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) digest: String,
    pub(super) seen: Fingerprint,
}

pub(super) fn keep_record(place: &Path, digest: String, seen: Fingerprint) -> io::Result<()> {
    save(place, &serde_json::to_vec(&Record { digest, seen })?)
}

pub(super) fn digest_of(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher) = (File::open(path)?, Hasher::default());
    let mut buffer = vec![0; CHUNK as usize];
    loop {
        let read = read_full(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}
