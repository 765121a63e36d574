//! Archives of class data (CDS): the classes that a JVM has loaded, stored so that the next JVM
//! starts faster.
//!
//! ```text
//! <cache>/class-data/<key>.jsa     an archive, read-only; the key depends on JVM and class path
//! <cache>/class-data/<key>.json    its digest and the file that was verified; the modification time is the last use
//! <cache>/class-data/<key>.refused do not make it for now; contains the reason
//! <cache>/class-data/.<random>/    an archive being written
//! <cache>/locks/class-data         exclusive while one is written: one at a time per host
//! ```
//!
//! A damaged archive may crash the TaskManager that starts with it. So no archive is handed out
//! before its digest was verified. A file that has not changed since is not read again.

mod eviction;
mod making;
mod record;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fetcher_formats::digest::Digest;
use fetcher_formats::hashing::Fingerprint;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use super::files::{remove_if_there, save};
use super::folders::Cache;
use crate::lock::{FileLock, Mode};
use record::{Record, digest_of, keep_record};

pub use making::ClassDataMaking;

/// How long not to try again after a failure.
const REFUSED_FOR: Duration = Duration::from_secs(24 * 3600);

impl Cache {
    /// The verified archive with this key, if there is one. A damaged one is quarantined. Blocks,
    /// for microseconds unless the file has changed since the last call.
    pub fn class_data(&self, key: &Digest) -> io::Result<Option<PathBuf>> {
        let (archive, record) = (self.archive(key), self.about_class_data(key, "json"));
        let Some((metadata, known)) =
            fs_err::metadata(&archive).ok().zip(fs_err::read(&record).ok())
        else {
            return Ok(None);
        };
        let Ok(Record { digest, seen }) = serde_json::from_slice(&known) else {
            self.quarantine_class_data(key, "its record cannot be read")?;
            return Ok(None);
        };
        if Fingerprint::of(&metadata) == seen {
            let now = TimeSpec::UTIME_NOW;
            // If this fails, the archive only counts as older than it is.
            utimensat(AT_FDCWD, &record, &now, &now, UtimensatFlags::NoFollowSymlink).ok();
            return Ok(Some(archive));
        }
        if digest_of(&archive)?.to_string() != digest {
            self.quarantine_class_data(key, "its content is wrong")?;
            return Ok(None);
        }
        keep_record(&record, digest, Fingerprint::of(&metadata))?;
        Ok(Some(archive))
    }

    /// Begins an archive. None if it exists, was refused recently, or an archive is being written
    /// on this host. Blocks.
    pub fn make_class_data(&self, key: &Digest) -> io::Result<Option<ClassDataMaking>> {
        let Some(alone) = FileLock::attempt(&self.lock("class-data"), Mode::Exclusive)? else {
            return Ok(None);
        };
        let refused = fs_err::metadata(self.about_class_data(key, "refused"))
            .and_then(|file| file.modified());
        let is_refused = refused.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < REFUSED_FOR));
        if is_refused || self.class_data(key)?.is_some() {
            return Ok(None);
        }
        let folder =
            tempfile::Builder::new().prefix(".").tempdir_in(self.root().join("class-data"))?;
        Ok(Some(ClassDataMaking { cache: self.clone(), key: *key, folder, _alone: alone }))
    }

    /// Makes sure that no archive is written with this key for a day.
    pub fn refuse_class_data(&self, key: &Digest, why: &str) -> io::Result<()> {
        save(&self.about_class_data(key, "refused"), why.as_bytes())
    }

    /// Quarantines an archive, and makes sure that none is written with this key for a day. JVMs
    /// that use it are not affected.
    pub fn quarantine_class_data(&self, key: &Digest, why: &str) -> io::Result<()> {
        tracing::warn!(%key, "Moving an archive of class data into quarantine: {why}");
        self.refuse_class_data(key, why)?;
        let place = self.root().join("quarantine").join(format!("{key}.jsa"));
        match fs_err::rename(self.archive(key), place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove_if_there(&self.about_class_data(key, "json"))
    }

    /// Removes an archive that JVMs reject, so that a new one is written. If the archive is young,
    /// a new one would be no better, so none is written for a day.
    pub fn replace_class_data(&self, key: &Digest) -> io::Result<()> {
        let made = fs_err::metadata(self.archive(key)).and_then(|file| file.modified());
        if made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < REFUSED_FOR)) {
            self.refuse_class_data(key, "a JVM rejected it")?;
        }
        self.remove_archive(key.to_string().as_str()).map(drop)
    }

    fn archive(&self, key: &Digest) -> PathBuf {
        self.about_class_data(key, "jsa")
    }

    fn about_class_data(&self, key: &Digest, what: &str) -> PathBuf {
        self.root().join("class-data").join(format!("{key}.{what}"))
    }
}
