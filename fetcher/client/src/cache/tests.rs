//! Several processes, and crashes, on one cache. Each process is this test program again, which
//! runs [`a_process_that_uses_the_cache`].
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![expect(
    clippy::disallowed_methods,
    reason = "starts processes and passes their task in variables"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use fetcher_server::{Artifact, ArtifactServer, ServerOptions, build};

use super::*;
use crate::crash;
use crate::fetch::Materialised;
use crate::lock::{FileLock, Mode};

/// The task of such a process, passed in environment variables.
#[derive(Clone)]
struct Task {
    url: String,
    manifest: Digest,
    token: String,
    cache: PathBuf,
    budget: u64,
    target: PathBuf,
    die_at: u64,
}

impl Task {
    fn start(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "cache::tests::a_process_that_uses_the_cache",
                "--ignored",
                "--quiet",
            ])
            .env("TEST_URL", &self.url)
            .env("TEST_MANIFEST", self.manifest.to_string())
            .env("TEST_TOKEN", &self.token)
            .env("TEST_CACHE", &self.cache)
            .env("TEST_BUDGET", self.budget.to_string())
            .env("TEST_TARGET", &self.target)
            .env("TEST_DIE_AT", self.die_at.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn from_variables() -> Option<Self> {
        let get = |name: &str| std::env::var(name).ok();
        Some(Self {
            url: get("TEST_URL")?,
            manifest: get("TEST_MANIFEST")?.parse().unwrap(),
            token: get("TEST_TOKEN")?,
            cache: get("TEST_CACHE")?.into(),
            budget: get("TEST_BUDGET")?.parse().unwrap(),
            target: get("TEST_TARGET")?.into(),
            die_at: get("TEST_DIE_AT")?.parse().unwrap(),
        })
    }

    fn cache(&self) -> Cache {
        Cache::open(CacheOptions { path: self.cache.clone(), budget: self.budget }).unwrap()
    }

    async fn run(&self) -> Result<Materialised, FetchError> {
        let request = Request {
            urls: vec![self.url.clone()],
            manifest: self.manifest,
            secrets: None,
            token: self.token.parse().unwrap(),
            target: self.target.clone(),
        };
        self.cache().materialise(request, FetchOptions::default(), watch::Sender::default()).await
    }
}

#[test]
fn a_cache_that_another_user_could_replace_is_not_opened() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let path = folder.path().join("cache");
    let error = Cache::open(CacheOptions { path: path.clone(), budget: 1 << 30 }).unwrap_err();
    assert!(matches!(error, CacheError::Replaceable(_)), "{error}");
    assert!(error.to_string().contains("can be replaced by any user: all may write to"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
#[ignore = "run by other tests as a process of its own"]
async fn a_process_that_uses_the_cache() {
    let Some(task) = Task::from_variables() else { return };
    crash::die_at(task.die_at);
    task.run().await.unwrap();
}

struct Scene {
    folder: tempfile::TempDir,
    server: ArtifactServer,
    artifacts: Vec<Artifact>,
}

impl Scene {
    async fn new(contents: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let artifacts: Vec<Artifact> = contents
            .iter()
            .map(|(target, content)| {
                let source = folder.path().join(target.replace('/', "_"));
                fs_err::write(&source, content).unwrap();
                Artifact {
                    source,
                    target: (*target).to_owned(),
                    executable: target.starts_with("bin"),
                    secret: false,
                }
            })
            .collect();
        let (manifest, catalogue) = build(artifacts.clone()).await.unwrap();
        let options = ServerOptions {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..ServerOptions::default()
        };
        let server = ArtifactServer::start(options, manifest, catalogue).await.unwrap();
        Self { folder, server, artifacts }
    }

    fn task(&self, name: &str) -> Task {
        Task {
            url: self.server.url().to_owned(),
            manifest: self.server.manifest(),
            token: self.server.issue_token("tm").expose().to_owned(),
            cache: self.folder.path().join("cache"),
            budget: u64::MAX / 2,
            target: self.folder.path().join(name),
            die_at: u64::MAX,
        }
    }

    fn assert_arrived(&self, target: &Path) {
        for artifact in &self.artifacts {
            let arrived = fs_err::read(target.join(&artifact.target)).unwrap();
            assert!(arrived == fs_err::read(&artifact.source).unwrap(), "{}", artifact.target);
        }
    }
}

fn noise(size: usize, seed: u64) -> Vec<u8> {
    (0..size as u64)
        .map(|at| (at.wrapping_add(seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

async fn wait(mut child: Child) -> std::process::ExitStatus {
    tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap()
}

#[tokio::test]
async fn thirty_two_processes_share_one_cache() {
    let scene = Scene::new(&[
        ("lib/large", noise(20 << 20, 1)),
        ("lib/a", noise(900 << 10, 2)),
        ("plugins/a/a", noise(900 << 10, 2)),
        ("bin/run", noise(100, 3)),
    ])
    .await;
    let tasks: Vec<Task> = (0..32).map(|at| scene.task(&format!("flink-{at}"))).collect();
    let children: Vec<Child> = tasks.iter().map(Task::start).collect();
    for child in children {
        assert!(wait(child).await.success());
    }
    for task in &tasks {
        scene.assert_arrived(&task.target);
    }
    let usage = scene.task("").cache().usage().unwrap();
    assert_eq!((usage.trees, usage.contents, usage.partial, usage.reserved), (1, 3, 0, 0));
    let sent = scene.server.bytes_sent();
    assert!(sent < (20 << 20) + (901 << 10), "{sent} bytes were sent: more than one copy");
}

/// A process dies at every point where something is written, moved or removed. The next one must
/// find a cache in which everything is complete or absent.
#[tokio::test]
async fn a_crash_at_any_step_leaves_everything_complete_or_absent() {
    let scene = Scene::new(&[
        ("lib/large", noise(17 << 20, 1)),
        ("lib/a", noise(9000, 2)),
        ("bin/run", noise(99, 3)),
    ])
    .await;
    let other = Scene::new(&[("lib/other", noise(1000, 4))]).await;
    let mut died = 0;
    for die_at in 1.. {
        let cache = scene.folder.path().join(format!("cache-{die_at}"));
        // A tree that must be removed, so that making room is one of the steps.
        let old =
            Task { cache: cache.clone(), target: cache.with_extension("old"), ..other.task("") };
        old.run().await.unwrap();
        let task = Task {
            cache: cache.clone(),
            budget: 1000,
            target: cache.with_extension("new"),
            ..scene.task("")
        };
        let survived = wait(Task { die_at, ..task.clone() }.start()).await.success();
        died += u64::from(!survived);

        let verified = task.cache().verify().unwrap();
        assert!(verified.wrong.is_empty(), "after step {die_at}: {verified:?}");
        if task.target.exists() {
            scene.assert_arrived(&task.target);
            fs_err::remove_dir_all(&task.target).unwrap();
        }
        task.run().await.unwrap();
        scene.assert_arrived(&task.target);
        fs_err::remove_dir_all(&cache).unwrap();
        fs_err::remove_dir_all(&task.target).unwrap();
        if survived {
            break;
        }
    }
    assert!(died > 30, "only {died} steps were tried");
}

#[tokio::test]
async fn the_least_recently_used_tree_is_removed_to_make_room() {
    let scenes = [
        Scene::new(&[("a", noise(1 << 20, 1))]).await,
        Scene::new(&[("a", noise(1 << 20, 2))]).await,
        Scene::new(&[("a", noise(1 << 20, 3))]).await,
    ];
    let cache = scenes[0].folder.path().join("cache");
    let task = |at: usize, name: &str| Task {
        cache: cache.clone(),
        budget: 2 << 20,
        ..scenes[at].task(name)
    };
    // Copies, so that no sandbox holds a content by a hard link.
    for (at, name) in [(0, "one"), (1, "one"), (0, "two"), (2, "one")] {
        task(at, name).run().await.unwrap();
        fs_err::remove_dir_all(task(at, name).target).unwrap();
    }
    let left: Vec<bool> = scenes
        .iter()
        .map(|scene| cache.join("trees").join(scene.server.manifest().to_string()).exists())
        .collect();
    assert_eq!(left, [true, false, true]);
    assert!(task(0, "").cache().usage().unwrap().bytes <= 2 << 20);
}

/// A file system with 200 inodes, until this is dropped.
struct FewInodes(tempfile::TempDir);

impl FewInodes {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (flags, options) = (nix::mount::MsFlags::empty(), Some("size=16m,nr_inodes=200"));
        let mounted =
            nix::mount::mount(Some("tmpfs"), folder.path(), Some("tmpfs"), flags, options);
        if let Err(error) = mounted {
            // Printed directly, so that it is not captured; the test runner counts such lines.
            let why = format!("\nSKIPPED: few inodes: cannot mount a tmpfs: {error}\n");
            std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes()).unwrap();
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for FewInodes {
    fn drop(&mut self) {
        nix::mount::umount(self.0.path()).unwrap();
    }
}

#[tokio::test]
async fn trees_of_many_folders_make_room_for_each_other_and_leave_inodes_for_others() {
    let Some(small) = FewInodes::mount() else { return };
    let of_folders = async |count: usize, seed: u64| {
        let paths: Vec<String> = (0..count).map(|at| format!("{at}/x")).collect();
        Scene::new(&paths.iter().map(|path| (path.as_str(), noise(8, seed))).collect::<Vec<_>>())
            .await
    };
    let cache =
        Cache::open(CacheOptions { path: small.0.path().join("cache"), budget: u64::MAX / 2 })
            .unwrap();
    let cache = cache.leaving_spare();
    let fetch = async |scene: &Scene| {
        let Task { url, manifest, token, target, .. } = scene.task("flink");
        let request = Request {
            urls: vec![url],
            manifest,
            secrets: None,
            token: token.parse().unwrap(),
            target,
        };
        let fetched =
            cache.materialise(request, FetchOptions::default(), watch::Sender::default()).await;
        fetched.map(|_| cache.root().join("trees").join(manifest.to_string()))
    };
    let first = fetch(&of_folders(75, 1).await).await.unwrap();
    assert!(first.exists());
    let second = fetch(&of_folders(75, 2).await).await.unwrap();
    assert!(second.exists() && !first.exists());
    let error = fetch(&of_folders(97, 3).await).await.unwrap_err();
    assert!(matches!(error, FetchError::NoInodes { needed: 195, .. }), "{error}");
    // What stays free is a twentieth.
    let stat = nix::sys::statvfs::statvfs(small.0.path()).unwrap();
    assert!(stat.files_available() >= 10, "{}", stat.files_available());
}

#[tokio::test]
async fn trees_in_use_are_not_removed() {
    let scenes = [
        Scene::new(&[("a", noise(1 << 20, 1))]).await,
        Scene::new(&[("a", noise(1 << 20, 2))]).await,
    ];
    let cache = scenes[0].folder.path().join("cache");
    let task =
        |at: usize| Task { cache: cache.clone(), budget: 1 << 20, ..scenes[at].task("flink") };
    let in_use = task(0).run().await.unwrap();
    let shared = in_use.shared.as_ref().unwrap().path.clone();
    task(1).run().await.unwrap();
    assert!(shared.join("a").exists());
    let usage = task(0).cache().usage().unwrap();
    assert_eq!((usage.trees, usage.trees_in_use), (2, 1));

    drop(in_use);
    task(0).cache().collect_garbage(0).await.unwrap();
    assert!(!shared.exists());
}

#[tokio::test]
async fn a_damaged_content_is_found_quarantined_and_fetched_again() {
    let scene = Scene::new(&[("lib/large", noise(17 << 20, 1)), ("lib/a", noise(9000, 2))]).await;
    let task = scene.task("one");
    drop(task.run().await.unwrap());
    for blob in task.cache().list("blobs").unwrap() {
        let metadata = blob.metadata().unwrap();
        fs_err::set_permissions(blob.path(), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(blob.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(file.file(), b"wrong", 100).unwrap();
        file.file().set_modified(metadata.modified().unwrap()).unwrap();
        fs_err::set_permissions(blob.path(), metadata.permissions()).unwrap();
    }
    let verified = task.cache().verify().unwrap();
    assert_eq!((verified.contents, verified.wrong.len(), verified.trees_removed.len()), (2, 2, 1));
    assert_eq!(task.cache().list("quarantine").unwrap().len(), 2);

    let again = scene.task("two");
    again.run().await.unwrap();
    scene.assert_arrived(&again.target);
}

#[tokio::test]
async fn acquiring_a_lock_waits_without_a_limit() {
    let scene = Scene::new(&[("a", noise(100, 1))]).await;
    let task = scene.task("flink");
    let lock = task.cache().lock(&task.manifest.to_string());
    let held = Arc::new(FileLock::attempt(&lock, Mode::Unshared).unwrap().unwrap());
    let running = task.run();
    tokio::pin!(running);
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut running).await;
    assert!(early.is_err(), "did not wait");
    drop(held);
    running.await.unwrap();
}
