//! How to reach sources, and how far a download is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use common::rate::RateFloor;

use crate::settings::Settings;
use crate::uri::Scheme;

/// How to reach sources.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Folder of the files, named by digest. It must exist, and no other user may write to it.
    pub folder: PathBuf,
    /// Settings for each kind of source.
    pub settings: BTreeMap<Scheme, Settings>,
    /// Time limit for connecting.
    pub connect_timeout: Duration,
    /// Slowest accepted rate.
    pub floor: RateFloor,
    /// How long to retry temporary errors while no byte arrives.
    pub patience: Duration,
    /// Shortest and longest pause between attempts.
    pub backoff: (Duration, Duration),
}

impl SourceOptions {
    /// Options as patient as those of fetches, with files in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            settings: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            floor: RateFloor::default(),
            patience: Duration::from_secs(120),
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
        }
    }
}

/// The progress of one download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceProgress {
    /// Bytes received.
    pub bytes: u64,
    /// Total bytes, once known.
    pub total: Option<u64>,
}
