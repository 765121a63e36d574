//! What sources had when they were first used: without a digest from the user, the only thing to hold later content
//! against.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Obtained, SourceError, SourceOptions, SourceProgress, SourceUri, kept, obtain};
use crate::digest::Digest;
use crate::fetch::Blame;

/// The record of first uses, in a file or only in memory.
#[derive(Debug, Default)]
pub struct FirstUses {
    path: Option<PathBuf>,
    /// By the address's fingerprint: an address may hold secrets.
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The address as it may be shown, for people who look into the file.
    source: String,
    sha256: Digest,
}

/// Why something cannot be had, or not be taken for what it was.
#[derive(Debug, thiserror::Error)]
pub enum FirstUseError {
    /// It cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is something else now.
    #[error(
        "{uri} does not have the content that it had when it was first used: its sha256 was {first}, now it is {seen}. \
         To accept that, add sha256={seen} to the options of this URI"
    )]
    Changed {
        /// The source.
        uri: SourceUri,
        /// What it had.
        first: Digest,
        /// What it has.
        seen: Digest,
    },
    /// The record cannot be read or written; the error names it.
    #[error("the record of the sources' digests: {0}")]
    Record(#[from] io::Error),
}

impl FirstUseError {
    /// Who has to do something about it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Source(error) => error.blame(),
            Self::Changed { .. } => Blame::Artifact,
            Self::Record(_) => Blame::Host,
        }
    }
}

impl FirstUses {
    /// Reads the record, which need not be there yet. Blocks.
    pub fn open(path: PathBuf) -> Result<Self, FirstUseError> {
        let known = match fs_err::read(&path) {
            // An unreadable record must not become an empty one: then anything would be accepted.
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let place = path.display();
                io::Error::new(io::ErrorKind::InvalidData, format!("{place} is damaged: {error}"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path: Some(path), known })
    }

    /// Obtains what is at `uri`: with the digest `expected`, which then counts from now on; else with what it had when
    /// it was first used. If that is here and the source does not answer, it is taken without asking.
    pub async fn obtain(
        &mut self,
        uri: &SourceUri,
        expected: Option<Digest>,
        options: &SourceOptions,
        progress: &watch::Sender<SourceProgress>,
    ) -> Result<Obtained, FirstUseError> {
        let first = self.known.get(&uri.fingerprint()).map(|known| known.sha256).filter(|_| expected.is_none());
        let obtained = match (obtain(uri, expected, options, progress).await, first) {
            (Err(error), Some(first)) if error.blame() == Blame::Network => {
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
        if self.known.insert(uri.fingerprint(), known.clone()).is_some_and(|before| before == known) {
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
