//! Tests of adding and removing archives of class data.
#![allow(clippy::unwrap_used)]
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::cache::CacheOptions;

const CONTENT: &[u8] = b"what a JVM has made of its class path";

struct Scene {
    _folder: TempDir,
    cache: Cache,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache =
            Cache::open(CacheOptions { path: folder.path().join("cache"), budget: 1000 }).unwrap();
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
fn one_archive_is_written_at_a_time_and_a_discarded_one_leaves_nothing() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    let making = scene.cache.make_class_data(&key).unwrap().unwrap();
    assert!(scene.cache.make_class_data(&Digest::of(b"other")).unwrap().is_none());
    fs_err::write(making.archive(), CONTENT).unwrap();
    drop(making);
    assert_eq!(fs_err::read_dir(scene.cache.root().join("class-data")).unwrap().count(), 0);
    scene.made(&key);
    assert!(scene.cache.make_class_data(&key).unwrap().is_none(), "it exists");
}

#[test]
fn an_archive_that_was_cut_short_or_changed_is_never_handed_out() {
    for wrong in [&CONTENT[..20], b"what a JVM has made of its CLASS path", b""] {
        let (scene, key) = (Scene::new(), Digest::of(b"key"));
        change(&scene.made(&key), wrong);
        assert_eq!(scene.cache.class_data(&key).unwrap(), None);
        assert!(scene.cache.root().join("quarantine").join(format!("{key}.jsa")).exists());
        assert!(scene.cache.make_class_data(&key).unwrap().is_none(), "it is refused for a day");
    }
}

#[test]
fn a_replaced_file_with_the_right_content_is_verified_again() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    let archive = scene.made(&key);
    fs_err::copy(&archive, archive.with_extension("copy")).unwrap();
    fs_err::rename(archive.with_extension("copy"), &archive).unwrap();
    assert_eq!(scene.cache.class_data(&key).unwrap(), Some(archive.clone()));
    let known: Record =
        serde_json::from_slice(&fs_err::read(archive.with_extension("json")).unwrap()).unwrap();
    assert_eq!(known.seen, Fingerprint::of(&fs_err::metadata(&archive).unwrap()));
}

#[test]
fn a_damaged_archive_that_verify_finds_is_quarantined() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    let archive = scene.made(&key);
    assert!(scene.cache.verify().unwrap().wrong.is_empty());
    change(&archive, b"rot");
    assert_eq!(scene.cache.verify().unwrap().wrong, [format!("{key}.jsa")]);
    assert_eq!(scene.cache.class_data(&key).unwrap(), None);
}

#[test]
fn a_refusal_is_only_for_its_key() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    scene.cache.make_class_data(&key).unwrap().unwrap().refuse("the JVM cannot").unwrap();
    assert!(scene.cache.make_class_data(&key).unwrap().is_none());
    assert!(scene.cache.make_class_data(&Digest::of(b"other")).unwrap().is_some());
}

#[test]
fn a_young_archive_that_jvms_reject_is_not_written_again_at_once() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    let archive = scene.made(&key);
    scene.cache.replace_class_data(&key).unwrap();
    assert!(!archive.exists() && scene.cache.make_class_data(&key).unwrap().is_none());
}

#[test]
fn archives_stay_within_their_share_and_the_least_recently_used_goes_first() {
    let scene = Scene::new();
    let keys = [b"a", b"b", b"c"].map(|key| Digest::of(key));
    for key in &keys[..2] {
        scene.made(key);
        // Modification times are not exact.
        let (record, long_ago) =
            (scene.cache.about_class_data(key, "json"), TimeSpec::new(1_000_000, 0));
        utimensat(AT_FDCWD, &record, &long_ago, &long_ago, UtimensatFlags::NoFollowSymlink)
            .unwrap();
    }
    assert!(scene.cache.class_data(&keys[0]).unwrap().is_some());
    scene.made(&keys[2]);
    let there = keys.map(|key| scene.cache.class_data(&key).unwrap().is_some());
    assert_eq!(there, [true, false, true]);
}

#[tokio::test]
async fn garbage_collection_counts_and_removes_archives() {
    let (scene, key) = (Scene::new(), Digest::of(b"key"));
    scene.made(&key);
    scene.cache.collect_garbage(CONTENT.len() as u64).await.unwrap();
    assert!(scene.cache.class_data(&key).unwrap().is_some());
    let removed = scene.cache.collect_garbage(0).await.unwrap();
    assert_eq!(
        (removed.bytes, scene.cache.class_data(&key).unwrap()),
        (CONTENT.len() as u64, None)
    );
}
