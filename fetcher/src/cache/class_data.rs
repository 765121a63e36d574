//! Archives of class data: what a JVM has made of its class path, so that the next one need not make it again.
//!
//! ```text
//! <cache>/class-data/<key>.jsa     an archive, read-only; the key says for which JVM and class path
//! <cache>/class-data/<key>.json    its digest, and which file was seen to have it; its time of change is the last use
//! <cache>/class-data/<key>.refused none is to be made for now, and why
//! <cache>/class-data/.<random>/    one in the making
//! <cache>/locks/class-data         exclusive while one is made: one at a time on a host
//! ```
//!
//! A JVM dies of an archive that was cut short, so none is handed out before its digest has been checked; a file that is
//! the one that was checked before is not read again.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err::File;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::Cache;
use super::blobs::read_full;
use super::lock::{FileLock, Mode};
use super::room::{Removed, is_old, remove_if_there};
use super::trees::save;
use crate::crash;
use crate::digest::{Digest, Hasher};
use crate::hashing::Fingerprint;
use crate::manifest::CHUNK;

/// So long nobody tries again what has failed.
const REFUSED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Archives that nobody has used for this time belong to a Java or a Flink that is no longer there.
const UNUSED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Of the cache's budget, as its divisor: an archive saves a second, a tree that has to go for it costs minutes.
const SHARE: u64 = 10;

/// What is known of an archive.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    digest: String,
    seen: Fingerprint,
}

/// An archive in the making. Dropping it gives it up.
#[derive(Debug)]
pub struct ClassDataMaking {
    cache: Cache,
    key: Digest,
    folder: TempDir,
    _alone: FileLock,
}

impl Cache {
    /// The archive of this key, complete and verified; none when there is none. One that is wrong goes into quarantine.
    /// Blocks, for microseconds unless the file is another than at the last time.
    pub fn class_data(&self, key: &Digest) -> io::Result<Option<PathBuf>> {
        let (archive, record) = (self.archive(key), self.about_class_data(key, "json"));
        let Some((metadata, known)) = fs_err::metadata(&archive).ok().zip(fs_err::read(&record).ok()) else {
            return Ok(None);
        };
        let Ok(Record { digest, seen }) = serde_json::from_slice(&known) else {
            self.quarantine_class_data(key, "its record cannot be read")?;
            return Ok(None);
        };
        if Fingerprint::of(&metadata) == seen {
            let now = TimeSpec::UTIME_NOW;
            // Without it the archive only counts as older than it is.
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

    /// Begins an archive; none when there is one, when one was refused of late, or when somebody on this host makes one.
    /// Blocks.
    pub fn make_class_data(&self, key: &Digest) -> io::Result<Option<ClassDataMaking>> {
        let Some(alone) = FileLock::attempt(&self.lock("class-data"), Mode::Exclusive)? else { return Ok(None) };
        let refused = fs_err::metadata(self.about_class_data(key, "refused")).and_then(|file| file.modified());
        let is_refused = refused.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < REFUSED_FOR));
        if is_refused || self.class_data(key)?.is_some() {
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix(".").tempdir_in(self.root().join("class-data"))?;
        Ok(Some(ClassDataMaking { cache: self.clone(), key: *key, folder, _alone: alone }))
    }

    /// Makes sure that none is made with this key for a day.
    pub fn refuse_class_data(&self, key: &Digest, why: &str) -> io::Result<()> {
        save(&self.about_class_data(key, "refused"), why.as_bytes())
    }

    /// Takes an archive out of use, and makes sure that none is made with this key for a day. Who runs with it goes on.
    pub fn quarantine_class_data(&self, key: &Digest, why: &str) -> io::Result<()> {
        tracing::warn!(%key, "An archive of class data goes into quarantine: {why}.");
        self.refuse_class_data(key, why)?;
        let place = self.root().join("quarantine").join(format!("{key}.jsa"));
        match fs_err::rename(self.archive(key), place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove_if_there(&self.about_class_data(key, "json"))
    }

    /// Removes an archive that JVMs do not take, so that another one is made; but when it is young, the next one would be no
    /// better, and there is none for a day.
    pub fn replace_class_data(&self, key: &Digest) -> io::Result<()> {
        let made = fs_err::metadata(self.archive(key)).and_then(|file| file.modified());
        if made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < REFUSED_FOR)) {
            self.refuse_class_data(key, "a JVM did not take it")?;
        }
        self.remove_archive(key.to_string().as_str()).map(drop)
    }

    fn archive(&self, key: &Digest) -> PathBuf {
        self.about_class_data(key, "jsa")
    }

    fn about_class_data(&self, key: &Digest, what: &str) -> PathBuf {
        self.root().join("class-data").join(format!("{key}.{what}"))
    }

    /// Archives and their bytes.
    pub(super) fn class_data_usage(&self) -> io::Result<(usize, u64)> {
        let archives = self.list("class-data")?.into_iter().filter(|entry| has_end(&entry.path(), "jsa"));
        let sizes: Vec<u64> = archives.map(|entry| entry.metadata().map_or(0, |metadata| metadata.len())).collect();
        Ok((sizes.len(), sizes.iter().sum()))
    }

    /// Removes archives, least lately used first, until at most `limit` bytes are left.
    pub(super) fn bound_class_data(&self, limit: u64, removed: &mut Removed) -> io::Result<()> {
        let (_, mut bytes) = self.class_data_usage()?;
        let mut records = self.list("class-data")?;
        records.retain(|entry| has_end(&entry.path(), "json"));
        records.sort_by_key(|record| record.metadata().and_then(|metadata| metadata.modified()).ok());
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

    /// Removes what nobody has used for long, and what crashes have left behind.
    pub(super) fn remove_old_class_data(&self, removed: &mut Removed) -> io::Result<()> {
        for entry in self.list("class-data")? {
            let path = entry.path();
            if has_end(&path, "json") && is_old(&entry, UNUSED_FOR) {
                removed.bytes += self.remove_archive(&stem(&path))?;
            } else if has_end(&path, "refused") && is_old(&entry, REFUSED_FOR) {
                remove_if_there(&path)?;
            } else if has_end(&path, "jsa") && is_old(&entry, REFUSED_FOR) && !path.with_extension("json").exists() {
                removed.bytes += self.remove_archive(&stem(&path))?;
            }
        }
        Ok(())
    }

    /// Whoever has it in use keeps it until they end: it goes on without its name.
    fn remove_archive(&self, key: &str) -> io::Result<u64> {
        let archive = self.root().join("class-data").join(format!("{key}.jsa"));
        let size = fs_err::metadata(&archive).map_or(0, |metadata| metadata.len());
        remove_if_there(&archive)?;
        remove_if_there(&archive.with_extension("json"))?;
        Ok(size)
    }

    /// Reads all archives; the names of those that were wrong.
    pub(super) fn verify_class_data(&self) -> io::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for entry in self.list("class-data")?.into_iter().filter(|entry| has_end(&entry.path(), "json")) {
            let record =
                fs_err::read(entry.path()).ok().and_then(|known| serde_json::from_slice::<Record>(&known).ok());
            let Ok(key) = stem(&entry.path()).parse::<Digest>() else { continue };
            let is_right = match digest_of(&self.archive(&key)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                digest => record.is_some_and(|record| digest.is_ok_and(|digest| digest.to_string() == record.digest)),
            };
            if !is_right {
                self.quarantine_class_data(&key, "its content is wrong")?;
                wrong.push(format!("{key}.jsa"));
            }
        }
        Ok(wrong)
    }
}

impl ClassDataMaking {
    /// Where the archive is to be written.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive.jsa")
    }

    /// A folder for whatever else it takes; gone once this is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The archive is written: gives it its name, once it is on the disk, and makes room for it. Blocks.
    pub fn finish(self) -> io::Result<PathBuf> {
        let (written, place) = (self.archive(), self.cache.archive(&self.key));
        fs_err::set_permissions(&written, Permissions::from_mode(0o444))?;
        let file = File::open(&written)?;
        file.sync_all()?;
        let digest = digest_of(&written)?.to_string();
        crash::point();
        keep_record(&place.with_extension("json"), digest, Fingerprint::of(&file.metadata()?))?;
        crash::point();
        fs_err::rename(&written, &place)?;
        crash::point();
        self.cache.bound_class_data(self.cache.options.budget / SHARE, &mut Removed::default())?;
        Ok(place)
    }

    /// None can be made: nobody is to try again for a day.
    pub fn refuse(self, why: &str) -> io::Result<()> {
        self.cache.refuse_class_data(&self.key, why)
    }
}

fn keep_record(place: &Path, digest: String, seen: Fingerprint) -> io::Result<()> {
    save(place, &serde_json::to_vec(&Record { digest, seen })?)
}

fn digest_of(path: &Path) -> io::Result<Digest> {
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

fn has_end(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|extension| extension == end)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::CacheOptions;
    use super::*;

    const CONTENT: &[u8] = b"what a JVM has made of its class path";

    struct Scene {
        _folder: TempDir,
        cache: Cache,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = Cache::open(CacheOptions { path: folder.path().join("cache"), budget: 1000 }).unwrap();
            Self { _folder: folder, cache }
        }

        fn made(&self, key: &Digest) -> PathBuf {
            let making = self.cache.make_class_data(key).unwrap().unwrap();
            fs_err::write(making.archive(), CONTENT).unwrap();
            making.finish().unwrap()
        }
    }

    fn change(path: &Path, content: &[u8]) {
        fs_err::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        fs_err::write(path, content).unwrap();
    }

    #[test]
    fn an_archive_is_there_once_it_is_complete() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        let making = scene.cache.make_class_data(&key).unwrap().unwrap();
        fs_err::write(making.archive(), CONTENT).unwrap();
        assert_eq!(scene.cache.class_data(&key).unwrap(), None);
        let archive = making.finish().unwrap();
        assert_eq!(scene.cache.class_data(&key).unwrap(), Some(archive.clone()));
        assert_eq!(fs_err::read(archive).unwrap(), CONTENT);
        assert_eq!(scene.cache.class_data(&Digest::of(b"other")).unwrap(), None);
        assert_eq!(scene.cache.usage().unwrap().class_data, CONTENT.len() as u64);
    }

    #[test]
    fn one_is_made_at_a_time_and_one_given_up_leaves_nothing() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        let making = scene.cache.make_class_data(&key).unwrap().unwrap();
        assert!(scene.cache.make_class_data(&Digest::of(b"other")).unwrap().is_none());
        fs_err::write(making.archive(), CONTENT).unwrap();
        drop(making);
        assert_eq!(fs_err::read_dir(scene.cache.root().join("class-data")).unwrap().count(), 0);
        scene.made(&key);
        assert!(scene.cache.make_class_data(&key).unwrap().is_none(), "it is there");
    }

    #[test]
    fn an_archive_that_was_cut_short_or_changed_is_never_handed_out() {
        for wrong in [&CONTENT[..20], b"what a JVM has made of its CLASS path", b""] {
            let (scene, key) = (Scene::new(), Digest::of(b"key"));
            change(&scene.made(&key), wrong);
            assert_eq!(scene.cache.class_data(&key).unwrap(), None);
            assert!(scene.cache.root().join("quarantine").join(format!("{key}.jsa")).exists());
            assert!(scene.cache.make_class_data(&key).unwrap().is_none(), "not on the same day");
        }
    }

    #[test]
    fn another_file_with_the_right_content_is_read_and_taken() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        let archive = scene.made(&key);
        fs_err::copy(&archive, archive.with_extension("copy")).unwrap();
        fs_err::rename(archive.with_extension("copy"), &archive).unwrap();
        assert_eq!(scene.cache.class_data(&key).unwrap(), Some(archive.clone()));
        let known: Record = serde_json::from_slice(&fs_err::read(archive.with_extension("json")).unwrap()).unwrap();
        assert_eq!(known.seen, Fingerprint::of(&fs_err::metadata(&archive).unwrap()));
    }

    #[test]
    fn what_verify_finds_to_be_wrong_is_out_of_use() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        let archive = scene.made(&key);
        assert!(scene.cache.verify().unwrap().wrong.is_empty());
        change(&archive, b"rot");
        assert_eq!(scene.cache.verify().unwrap().wrong, [format!("{key}.jsa")]);
        assert_eq!(scene.cache.class_data(&key).unwrap(), None);
    }

    #[test]
    fn a_refusal_holds_for_its_key_only() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        scene.cache.make_class_data(&key).unwrap().unwrap().refuse("the JVM cannot").unwrap();
        assert!(scene.cache.make_class_data(&key).unwrap().is_none());
        assert!(scene.cache.make_class_data(&Digest::of(b"other")).unwrap().is_some());
    }

    #[test]
    fn a_young_archive_that_is_not_taken_is_not_made_again_at_once() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        let archive = scene.made(&key);
        scene.cache.replace_class_data(&key).unwrap();
        assert!(!archive.exists() && scene.cache.make_class_data(&key).unwrap().is_none());
    }

    #[test]
    fn they_take_no_more_than_their_share_and_the_least_lately_used_goes_first() {
        let scene = Scene::new();
        let keys = [b"a", b"b", b"c"].map(|key| Digest::of(key));
        for key in &keys[..2] {
            scene.made(key);
            // Times of change are only so exact.
            let (record, long_ago) = (scene.cache.about_class_data(key, "json"), TimeSpec::new(1_000_000, 0));
            utimensat(AT_FDCWD, &record, &long_ago, &long_ago, UtimensatFlags::NoFollowSymlink).unwrap();
        }
        assert!(scene.cache.class_data(&keys[0]).unwrap().is_some());
        scene.made(&keys[2]);
        let there = keys.map(|key| scene.cache.class_data(&key).unwrap().is_some());
        assert_eq!(there, [true, false, true]);
    }

    #[tokio::test]
    async fn garbage_collection_counts_and_removes_them() {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        scene.made(&key);
        scene.cache.collect_garbage(CONTENT.len() as u64).await.unwrap();
        assert!(scene.cache.class_data(&key).unwrap().is_some());
        let removed = scene.cache.collect_garbage(0).await.unwrap();
        assert_eq!((removed.bytes, scene.cache.class_data(&key).unwrap()), (CONTENT.len() as u64, None));
    }
}
