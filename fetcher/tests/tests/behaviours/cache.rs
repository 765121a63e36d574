use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fetcher_client::{
    CacheError, CacheOptions, FetchError, FetchOptions, Materialised, Progress, Projection,
    Request, Ways, obtain,
};
use fetcher_formats::{Blob, Digest, Kind, Manifest};
use fetcher_server::build;
use fetcher_tests::origin::{Asked, Fault, Origin};
use fetcher_tests::scene::{Scene, open};
use fetcher_tests::support::{artifact, folder_is_empty, noise};
use tokio::sync::watch;

use crate::faults::SmallDisk;

const MIB: usize = 1 << 20;
const FILES: [(&str, usize); 4] =
    [("lib/large.jar", 0), ("lib/a.jar", 1), ("plugins/x/a.jar", 1), ("conf/keytab", 2)];

/// A large file and a small one twice, and a secret.
async fn scene() -> Scene {
    Scene::of(vec![noise(21 * MIB, 1), noise(900 << 10, 2), b"secret".to_vec()], &FILES).await
}

/// Fetches the tree through the scene's own cache.
async fn fetch(scene: &Scene, origin: &Origin, name: &str) -> Result<Materialised, FetchError> {
    scene.fetch_through(&scene.cache(), origin, name).await
}

fn assert_arrived(scene: &Scene, target: &Path) {
    for (path, content) in FILES {
        assert!(fs_err::read(target.join(path)).unwrap() == scene.contents[content], "{path}");
    }
}

fn asked_for(origin: &Origin, content: &[u8]) -> Vec<Asked> {
    let path = format!("/v1/blobs/{}", fetcher_formats::Digest::of(content));
    origin.asked().into_iter().filter(|asked| asked.path == path).collect()
}

#[tokio::test]
async fn the_second_worker_of_a_host_fetches_only_its_secrets() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let first = fetch(&scene, &origin, "one").await.unwrap();
    let before = origin.asked().len();
    let second = fetch(&scene, &origin, "two").await.unwrap();
    assert_arrived(&scene, &first.target);
    assert_arrived(&scene, &second.target);
    let asked: Vec<_> =
        origin.asked().split_off(before).into_iter().map(|asked| asked.path).collect();
    let expected = ["/v1/secrets".to_owned(), format!("/v1/blobs/{}", Digest::of(b"secret"))];
    assert_eq!(asked, expected, "more than the secret was requested");
    assert_eq!(first.shared.unwrap().path, second.shared.unwrap().path);
}

#[tokio::test]
async fn two_workers_share_one_copy_of_every_file() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let one = fetch(&scene, &origin, "one").await.unwrap();
    let two = fetch(&scene, &origin, "two").await.unwrap();
    let inode = |root: &Path| fs_err::metadata(root.join("lib/large.jar")).unwrap().ino();
    let shared = two.shared.as_ref().unwrap();
    match shared.projection {
        Projection::HardLink => assert_eq!(inode(&one.target), inode(&two.target)),
        Projection::Reflink => assert_ne!(inode(&one.target), inode(&two.target)),
        Projection::Copy => panic!("copied on one file system"),
    }
    let mode = fs_err::metadata(shared.path.join("lib/large.jar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o444);
}

#[tokio::test]
async fn neither_secrets_nor_their_digests_enter_the_cache() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let done = fetch(&scene, &origin, "one").await.unwrap();
    let digests = [Digest::of(b"secret"), scene.manifest.digest(), scene.secrets().unwrap()];
    let shows = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        text.contains("keytab") || digests.iter().any(|digest| text.contains(&digest.to_string()))
    };
    assert_eq!(
        fs_err::metadata(done.target.join("conf/keytab")).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    let mut folders = vec![scene.place("cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!shows(path.as_os_str().as_encoded_bytes()), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs_err::read(&path).unwrap();
                assert!(content != b"secret" && !shows(&content), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn trees_that_differ_in_secrets_only_are_one_tree() {
    let (scene, folder) = (scene().await, tempfile::tempdir().unwrap());
    let mut other =
        Scene { folder, manifest: scene.manifest.clone(), contents: scene.contents.clone() };
    other.contents[2] = b"another".to_vec();
    let mut entries = scene.manifest.entries().to_vec();
    let secret = entries.iter_mut().find(|entry| entry.secret).unwrap();
    let blob = Blob { size: 7, digest: Digest::of(b"another"), chunks: Vec::new() };
    secret.kind = Kind::File(blob);
    other.manifest = Manifest::new(entries).unwrap();
    let mut trees = Vec::new();
    for scene in [&scene, &other] {
        let origin = scene.origin(|_| Fault::None).await;
        let done = scene.fetch_through(&other.cache(), &origin, "flink").await.unwrap();
        assert_arrived(scene, &done.target);
        trees.push(done.shared.unwrap().path.clone());
    }
    assert_eq!(trees[0], trees[1]);
}

#[tokio::test]
async fn a_manifest_that_lists_secrets_is_used_without_the_cache() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let cache = CacheOptions { path: scene.place("cache"), budget: 1 << 40 };
    let request = Request {
        manifest: scene.manifest.digest(),
        secrets: None,
        ..scene.request(&origin, "flink")
    };
    let ways = Ways { socket: None, caches: vec![cache] };
    let done =
        obtain(request, FetchOptions::default(), ways, watch::Sender::default()).await.unwrap();
    assert_arrived(&scene, &done.target);
    assert!(done.shared.is_none());
    assert_eq!(fs_err::read_dir(scene.place("cache/manifests")).unwrap().count(), 0);
}

#[tokio::test]
async fn sixteen_workers_at_once_fetch_every_byte_once() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let names: Vec<String> = (0..16).map(|at| format!("flink-{at}")).collect();
    let all = names.iter().map(|name| fetch(&scene, &origin, name));
    for done in futures_util::future::try_join_all(all).await.unwrap() {
        assert_arrived(&scene, &done.target);
    }
    let large = asked_for(&origin, &scene.contents[0]);
    let bytes: usize = large.iter().map(|asked| asked.range.clone().unwrap().len()).sum();
    assert_eq!(bytes, 21 * MIB);
    assert_eq!(asked_for(&origin, &scene.contents[1]).len(), 1);
}

#[tokio::test]
async fn content_from_before_a_failure_is_not_fetched_again() {
    let scene = scene().await;
    let broken = scene
        .origin(|asked| match &asked.range {
            Some(range) if range.start == 16 * MIB => Fault::Truncate(4 * MIB + 5),
            _ => Fault::None,
        })
        .await;
    fetch(&scene, &broken, "one").await.unwrap_err();
    folder_is_empty(&scene.place("cache/reserved")).await;

    let origin = scene.origin(|_| Fault::None).await;
    let done = fetch(&scene, &origin, "one").await.unwrap();
    assert_arrived(&scene, &done.target);
    let asked = asked_for(&origin, &scene.contents[0]);
    let bytes: usize = asked.iter().map(|asked| asked.range.clone().unwrap().len()).sum();
    assert!(bytes < 21 * MIB, "everything was fetched again: {asked:?}");
    assert!(asked.iter().any(|asked| asked.range == Some(20 * MIB..21 * MIB)), "{asked:?}");
}

#[tokio::test]
async fn a_damaged_tree_is_made_again() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let shared = fetch(&scene, &origin, "one").await.unwrap().shared.unwrap().path;
    fs_err::remove_file(shared.join("lib/a.jar")).unwrap();
    let large = shared.join("lib/large.jar");
    fs_err::set_permissions(&large, std::fs::Permissions::from_mode(0o600)).unwrap();
    fs_err::OpenOptions::new().write(true).open(&large).unwrap().set_len(5).unwrap();
    let done = fetch(&scene, &origin, "two").await.unwrap();
    assert_arrived(&scene, &done.target);
}

#[tokio::test]
async fn the_same_content_may_be_executable_at_one_path_only() {
    let folder = tempfile::tempdir().unwrap();
    for size in [100, 17 * MIB] {
        let content = noise(size, 3);
        let (plain, mut program) = (
            artifact(folder.path(), "lib/a", &content),
            artifact(folder.path(), "bin/a", &content),
        );
        program.executable = true;
        let (manifest, _) = build(vec![plain, program]).await.unwrap();
        let scene =
            Scene { folder: tempfile::tempdir().unwrap(), manifest, contents: vec![content] };
        let origin = scene.origin(|_| Fault::None).await;
        let target = fetch(&scene, &origin, "flink").await.unwrap().target;
        let mode =
            |path: &str| fs_err::metadata(target.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("lib/a"), mode("bin/a")), (0o444, 0o555));
        assert!(fs_err::read(target.join("bin/a")).unwrap() == scene.contents[0]);
    }
}

#[tokio::test]
async fn wrong_bytes_never_get_a_name_in_the_cache() {
    let scene = scene().await;
    let liar = scene
        .origin(
            |asked| if asked.path.starts_with("/v1/blobs/") { Fault::Wrong } else { Fault::None },
        )
        .await;
    let error = fetch(&scene, &liar, "one").await.unwrap_err();
    assert!(matches!(error, FetchError::Digest { .. }), "{error}");
    let verified = scene.cache().verify().unwrap();
    assert!(verified.wrong.is_empty() && scene.cache().usage().unwrap().trees == 0);
    let origin = scene.origin(|_| Fault::None).await;
    assert_arrived(&scene, &fetch(&scene, &origin, "two").await.unwrap().target);
}

#[tokio::test]
async fn a_full_disk_under_the_cache_has_its_own_error() {
    let Some(small) = SmallDisk::mount() else { return };
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let cache = open(&small.0.path().join("cache")).unwrap();
    let error = scene.fetch_through(&cache, &origin, "flink").await.unwrap_err();
    assert!(matches!(error, FetchError::NoSpace { .. }), "{error}");
}

#[tokio::test]
async fn a_cache_that_others_can_write_to_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    fs_err::create_dir(&path).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, CacheError::Untrusted { .. }), "{error}");

    if nix::unistd::geteuid().is_root() {
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        nix::unistd::chown(&path, Some(12345.into()), None).unwrap();
        let error = open(&path).unwrap_err();
        assert!(error.to_string().contains("user 12345"), "{error}");
    }
}

#[tokio::test]
async fn progress_of_a_warm_fetch_is_complete_at_once() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    fetch(&scene, &origin, "one").await.unwrap();
    let (sender, receiver) = watch::channel(Progress::default());
    scene
        .cache()
        .materialise(scene.request(&origin, "two"), FetchOptions::default(), sender)
        .await
        .unwrap();
    let progress = *receiver.borrow();
    assert_eq!((progress.files_done, progress.bytes_done), (progress.files, progress.bytes));
    assert!(progress.files >= 3 && progress.bytes > 21 << 20, "{progress:?}");
}

#[tokio::test]
async fn verify_finds_content_changed_through_a_link_with_its_time_reset() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    let arrived = fetch(&scene, &origin, "one").await.unwrap();
    let shared = arrived.shared.as_ref().unwrap().path.join("lib/a.jar");
    drop(arrived);
    // As a task of the same user could do; no metadata shows the change.
    let before = fs_err::metadata(&shared).unwrap();
    fs_err::set_permissions(&shared, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = fs_err::OpenOptions::new().write(true).open(&shared).unwrap();
    std::os::unix::fs::FileExt::write_at(file.file(), b"!", 5).unwrap();
    file.file().set_modified(before.modified().unwrap()).unwrap();
    fs_err::set_permissions(&shared, before.permissions()).unwrap();

    let verified = scene.cache().verify().unwrap();
    assert_eq!((verified.wrong.len(), verified.trees_removed.len()), (1, 1), "{verified:?}");
    let again = fetch(&scene, &origin, "two").await.unwrap();
    assert_arrived(&scene, &again.target);
}

#[tokio::test]
async fn files_of_another_cache_layout_are_ignored_and_stay() {
    let scene = scene().await;
    let cache = scene.place("cache");
    fs_err::create_dir_all(cache.join("v0/blobs")).unwrap();
    for foreign in ["v0/blobs/content", "index.db", "layout"] {
        fs_err::write(cache.join(foreign), "of another version").unwrap();
    }
    let origin = scene.origin(|_| Fault::None).await;
    let arrived = fetch(&scene, &origin, "flink").await.unwrap();
    assert_arrived(&scene, &arrived.target);
    drop(arrived);
    assert_eq!(scene.cache().verify().unwrap().wrong, Vec::<String>::new());
    scene.cache().collect_garbage(0).await.unwrap();
    for foreign in ["v0/blobs/content", "index.db", "layout"] {
        assert_eq!(fs_err::read_to_string(cache.join(foreign)).unwrap(), "of another version");
    }
}

#[tokio::test]
async fn a_manifest_of_another_layout_is_fetched_again() {
    let scene = scene().await;
    let origin = scene.origin(|_| Fault::None).await;
    drop(fetch(&scene, &origin, "one").await.unwrap());
    let manifest = scene.place("cache/manifests").join(scene.shared().to_string());
    fs_err::write(&manifest, "flink-mesos manifest 0\n").unwrap();
    let again = fetch(&scene, &origin, "two").await.unwrap();
    assert_arrived(&scene, &again.target);
    assert_eq!(Digest::of(&fs_err::read(&manifest).unwrap()), scene.shared());
}
