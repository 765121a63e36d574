//! The content of sources at their first use. Without a digest from the user, it is the only thing
//! to compare later content with.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use fetcher_client::FetchBlame;
use fetcher_formats::digest::Digest;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::error::SourceError;
use crate::obtain::obtain;
use crate::obtained::{Obtained, kept};
use crate::options::{SourceOptions, SourceProgress};
use crate::uri::SourceUri;

/// The record of first uses, in a file or only in memory.
#[derive(Debug, Default)]
pub struct FirstUses {
    path: Option<PathBuf>,
    /// Key is the URI's fingerprint, because a URI may contain secrets.
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The URI without secrets, for people who read the file.
    source: String,
    sha256: Digest,
}

/// Why a source cannot be used, or its content is rejected.
#[derive(Debug, thiserror::Error)]
pub enum FirstUseError {
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The content has changed.
    #[error(
        "{uri} does not have the content that it had when it was first used: its sha256 was {first}, now it is {seen}. \
         To accept that, add sha256={seen} to the options of this URI"
    )]
    Changed {
        /// The source.
        uri: SourceUri,
        /// Digest at the first use.
        first: Digest,
        /// Digest now.
        seen: Digest,
    },
    /// The record cannot be read or written; the error names it.
    #[error("the record of the sources' digests: {0}")]
    Record(#[from] io::Error),
}

impl FirstUseError {
    /// Who can fix it.
    pub fn blame(&self) -> FetchBlame {
        match self {
            Self::Source(error) => error.blame(),
            Self::Changed { .. } => FetchBlame::Artifact,
            Self::Record(_) => FetchBlame::Host,
        }
    }
}

impl FirstUses {
    /// Reads the record, which need not exist yet. Blocks.
    pub fn open(path: PathBuf) -> Result<Self, FirstUseError> {
        let known = match fs_err::read(&path) {
            // An unreadable record must not count as empty, because then any content would be
            // accepted.
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let place = path.display();
                io::Error::new(io::ErrorKind::InvalidData, format!("{place} is damaged: {error}"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path: Some(path), known })
    }

    /// Obtains the content of `uri`. With `expected`, that digest counts from now on; without, the
    /// digest of the first use. If that content is here and the source does not answer, it is used
    /// anyway.
    pub async fn obtain(
        &mut self,
        uri: &SourceUri,
        expected: Option<Digest>,
        options: &SourceOptions,
        progress: &watch::Sender<SourceProgress>,
    ) -> Result<Obtained, FirstUseError> {
        let first = self
            .known
            .get(&uri.fingerprint())
            .map(|known| known.sha256)
            .filter(|_| expected.is_none());
        let obtained = match (obtain(uri, expected, options, progress).await, first) {
            (Err(error), Some(first)) if error.blame() == FetchBlame::Network => {
                let Some(kept) = kept(options, first).await else { return Err(error.into()) };
                tracing::warn!(%error, "A source does not answer; using its earlier content");
                kept
            }
            (obtained, _) => obtained?,
        };
        if let Some(first) = first.filter(|first| *first != obtained.digest) {
            return Err(FirstUseError::Changed { uri: uri.clone(), first, seen: obtained.digest });
        }
        self.note(uri, obtained.digest)?;
        Ok(obtained)
    }

    fn note(&mut self, uri: &SourceUri, sha256: Digest) -> Result<(), FirstUseError> {
        let known = Known { source: uri.to_string(), sha256 };
        if self.known.insert(uri.fingerprint(), known.clone()).is_some_and(|before| before == known)
        {
            return Ok(());
        }
        if let Some(path) = &self.path {
            let folder = path.parent().unwrap_or(std::path::Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &self.known).map_err(io::Error::other)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
        }
        Ok(())
    }
}
