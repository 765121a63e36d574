use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use fetcher_client::{
    Cache, CacheOptions, FetchBlame, FetchError, FetchOptions, Request, materialise_with,
};
use fetcher_formats::{Format, Manifest};
use fetcher_server::{Archive, BuildOptions, build_with};
use fetcher_tests::origin::{Fault, Origin};
use fetcher_tests::support::{artifact, folder_is_empty, noise};
use tokio::sync::watch;

/// A manifest with one file, and one archive to unpack into `data`.
struct Scene {
    folder: tempfile::TempDir,
    manifest: Manifest,
    origin: Origin,
}

impl Scene {
    async fn new(archive: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("data.tgz");
        fs_err::write(&source, &archive).unwrap();
        let archives = vec![Archive { source, target: "data".to_owned(), format: Format::TarGz }];
        let options = BuildOptions { archives, ..BuildOptions::default() };
        let (manifest, _) =
            build_with(vec![artifact(folder.path(), "lib/a", b"jar")], options).await.unwrap();
        let origin =
            Origin::start(&manifest, &[archive, b"jar".to_vec()], |_, _| Fault::None).await;
        Self { folder, manifest, origin }
    }

    fn request(&self, target: &Path) -> Request {
        Request {
            urls: vec![self.origin.url()],
            manifest: self.manifest.digest(),
            secrets: None,
            token: "t".parse().unwrap(),
            target: target.to_owned(),
        }
    }

    async fn fetch(&self, target: &Path) -> Result<(), FetchError> {
        materialise_with(self.request(target), quick(), watch::Sender::default()).await.map(drop)
    }

    fn cache(&self) -> Cache {
        Cache::open(CacheOptions { path: self.folder.path().join("cache"), budget: 1 << 40 })
            .unwrap()
    }

    async fn fetch_through(&self, cache: &Cache, target: &Path) -> Result<(), FetchError> {
        cache.materialise(self.request(target), quick(), watch::Sender::default()).await.map(drop)
    }
}

fn quick() -> FetchOptions {
    FetchOptions { patience: Duration::ZERO, ..FetchOptions::default() }
}

fn packed(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for (name, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn good() -> Vec<u8> {
    packed(&[
        ("./bin/run", 0o755, b"#!/bin/sh"),
        ("large", 0o644, &noise(20 << 20, 5)),
        ("same", 0o644, b"jar"),
    ])
}

fn assert_unpacked(target: &Path) {
    assert_eq!(fs_err::read(target.join("lib/a")).unwrap(), b"jar");
    assert_eq!(fs_err::read(target.join("data/same")).unwrap(), b"jar");
    assert!(fs_err::read(target.join("data/large")).unwrap() == noise(20 << 20, 5));
    let mode = fs_err::metadata(target.join("data/bin/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o555);
    let mut names: Vec<_> =
        fs_err::read_dir(target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["data", "lib"]);
}

#[tokio::test]
async fn an_archive_arrives_unpacked() {
    let scene = Scene::new(good()).await;
    let target = scene.folder.path().join("flink");
    scene.fetch(&target).await.unwrap();
    assert_unpacked(&target);
}

#[tokio::test]
async fn an_archive_is_fetched_and_unpacked_once_per_host() {
    let scene = Scene::new(good()).await;
    let cache = scene.cache();
    scene.fetch_through(&cache, &scene.folder.path().join("one")).await.unwrap();
    let before = scene.origin.asked().len();
    scene.fetch_through(&cache, &scene.folder.path().join("two")).await.unwrap();
    assert_eq!(scene.origin.asked().len(), before);
    for name in ["one", "two"] {
        assert_unpacked(&scene.folder.path().join(name));
    }
    assert!(cache.verify().unwrap().wrong.is_empty());
}

#[tokio::test]
async fn the_files_of_an_archive_outlive_it() {
    let scene = Scene::new(good()).await;
    let cache = scene.cache();
    let held = scene.folder.path().join("one");
    scene.fetch_through(&cache, &held).await.unwrap();
    let removed = cache.collect_garbage(0).await.unwrap();
    // The first worker's sandbox still links to all the rest.
    assert_eq!((removed.trees, removed.contents), (1, 1));
    let before = scene.origin.asked().len();
    scene.fetch_through(&cache, &scene.folder.path().join("two")).await.unwrap();
    assert_unpacked(&scene.folder.path().join("two"));
    let asked = scene.origin.asked().split_off(before);
    assert!(asked.iter().all(|asked| asked.path.starts_with("/v1/manifests/")), "{asked:?}");
}

#[tokio::test]
async fn a_hostile_archive_is_an_error_of_the_artifact_and_leaves_nothing() {
    let scene = Scene::new(packed(&[("good", 0o644, b"1"), ("../../evil", 0o644, b"2")])).await;
    let place = tempfile::tempdir().unwrap();
    for error in [
        scene.fetch(&place.path().join("flink")).await.unwrap_err(),
        scene.fetch_through(&scene.cache(), &place.path().join("flink")).await.unwrap_err(),
    ] {
        assert!(matches!(error, FetchError::Archive { .. }), "{error}");
        assert_eq!(error.blame(), FetchBlame::Artifact);
        assert!(error.to_string().contains("`../../evil`"), "{error}");
    }
    folder_is_empty(place.path()).await;
    assert_eq!(scene.cache().usage().unwrap().trees, 0);
}

#[tokio::test]
async fn a_failed_download_of_an_archive_ends_its_unpacking() {
    let scene = Scene::new(good()).await;
    let archive = fs_err::read(scene.folder.path().join("data.tgz")).unwrap();
    let path = format!("/v1/blobs/{}", fetcher_formats::Digest::of(&archive));
    let origin = Origin::start(&scene.manifest, &[archive, b"jar".to_vec()], move |_, asked| {
        if asked.path == path { Fault::Truncate(1000) } else { Fault::None }
    })
    .await;
    let place = tempfile::tempdir().unwrap();
    let request =
        Request { urls: vec![origin.url()], ..scene.request(&place.path().join("flink")) };
    // A thread that waits forever would keep this test from ending.
    materialise_with(request.clone(), quick(), watch::Sender::default()).await.unwrap_err();
    scene.cache().materialise(request, quick(), watch::Sender::default()).await.unwrap_err();
    folder_is_empty(place.path()).await;
}
