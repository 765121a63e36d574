//! The size of the archives, and removing old and damaged ones.

use std::io;
use std::path::Path;
use std::time::Duration;

use fetcher_formats::digest::Digest;

use super::REFUSED_FOR;
use super::record::{Record, digest_of};
use crate::cache::eviction::Removed;
use crate::cache::files::{is_old, remove_if_there};
use crate::cache::folders::Cache;

/// How long an unused archive stays. After that, its Java or Flink is probably gone.
const UNUSED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

impl Cache {
    /// Number and bytes of the archives.
    pub(in crate::cache) fn class_data_usage(&self) -> io::Result<(usize, u64)> {
        let archives = self
            .list("class-data")?
            .into_iter()
            .filter(|entry| has_extension(&entry.path(), "jsa"));
        let sizes: Vec<u64> =
            archives.map(|entry| entry.metadata().map_or(0, |metadata| metadata.len())).collect();
        Ok((sizes.len(), sizes.iter().sum()))
    }

    /// Removes archives, the least recently used first, until at most `limit` bytes are left.
    pub(in crate::cache) fn bound_class_data(
        &self,
        limit: u64,
        removed: &mut Removed,
    ) -> io::Result<()> {
        let (_, mut bytes) = self.class_data_usage()?;
        let mut records = self.list("class-data")?;
        records.retain(|entry| has_extension(&entry.path(), "json"));
        records
            .sort_by_key(|record| record.metadata().and_then(|metadata| metadata.modified()).ok());
        for record in records {
            if bytes <= limit {
                break;
            }
            let freed = self.remove_archive(&stem(&record.path()))?;
            bytes = bytes.saturating_sub(freed);
            removed.bytes += freed;
        }
        Ok(())
    }

    /// Removes archives unused for long, and leftovers of crashes.
    pub(in crate::cache) fn remove_old_class_data(&self, removed: &mut Removed) -> io::Result<()> {
        for entry in self.list("class-data")? {
            let path = entry.path();
            if has_extension(&path, "json") && is_old(&entry, UNUSED_FOR) {
                removed.bytes += self.remove_archive(&stem(&path))?;
            } else if has_extension(&path, "refused") && is_old(&entry, REFUSED_FOR) {
                remove_if_there(&path)?;
            } else if has_extension(&path, "jsa")
                && is_old(&entry, REFUSED_FOR)
                && !path.with_extension("json").exists()
            {
                removed.bytes += self.remove_archive(&stem(&path))?;
            }
        }
        Ok(())
    }

    /// Removes the archive's name; JVMs that use it keep the file until they end.
    pub(super) fn remove_archive(&self, key: &str) -> io::Result<u64> {
        let archive = self.root().join("class-data").join(format!("{key}.jsa"));
        let size = fs_err::metadata(&archive).map_or(0, |metadata| metadata.len());
        remove_if_there(&archive)?;
        remove_if_there(&archive.with_extension("json"))?;
        Ok(size)
    }

    /// Reads all archives; returns the names of the damaged ones.
    pub(in crate::cache) fn verify_class_data(&self) -> io::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for entry in self
            .list("class-data")?
            .into_iter()
            .filter(|entry| has_extension(&entry.path(), "json"))
        {
            let record = fs_err::read(entry.path())
                .ok()
                .and_then(|known| serde_json::from_slice::<Record>(&known).ok());
            let Ok(key) = stem(&entry.path()).parse::<Digest>() else { continue };
            let is_right = match digest_of(&self.archive(&key)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                digest => record.is_some_and(|record| {
                    digest.is_ok_and(|digest| digest.to_string() == record.digest)
                }),
            };
            if !is_right {
                self.quarantine_class_data(&key, "its content is wrong")?;
                wrong.push(format!("{key}.jsa"));
            }
        }
        Ok(wrong)
    }
}

fn has_extension(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|extension| extension == end)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
