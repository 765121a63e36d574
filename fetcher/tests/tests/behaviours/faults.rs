use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use common::rate::RateFloor;
use fetcher_client::{FetchBlame, FetchError, FetchOptions, Progress, Request, materialise_with};
use fetcher_formats::Manifest;
use fetcher_server::build;
use fetcher_tests::origin::{Asked, Fault, Origin};
use fetcher_tests::support::{artifact, folder_is_empty, noise};
use tokio::sync::watch;

const MIB: usize = 1 << 20;

/// One file of `size` bytes on an origin with a script.
struct Scene {
    place: tempfile::TempDir,
    manifest: Manifest,
    content: Vec<u8>,
}

impl Scene {
    async fn new(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let content = noise(size, 7);
        let (manifest, _) =
            build(vec![artifact(folder.path(), "lib/a.jar", &content)]).await.unwrap();
        Self { place: tempfile::tempdir().unwrap(), manifest, content }
    }

    /// An origin where requests for blobs meet `script`, and the manifest is served normally.
    async fn origin(
        &self,
        script: impl Fn(usize, &Asked) -> Fault + Send + Sync + 'static,
    ) -> Origin {
        let blobs = [self.content.clone()];
        Origin::start(&self.manifest, &blobs, move |before, asked| {
            if asked.path.starts_with("/v1/blobs/") { script(before, asked) } else { Fault::None }
        })
        .await
    }

    async fn fetch(&self, origins: &[&Origin]) -> Result<Progress, FetchError> {
        self.fetch_to(&self.place.path().join("flink"), origins).await
    }

    async fn fetch_to(&self, target: &Path, origins: &[&Origin]) -> Result<Progress, FetchError> {
        self.fetch_with(quick(), target, origins).await
    }

    async fn fetch_with(
        &self,
        options: FetchOptions,
        target: &Path,
        origins: &[&Origin],
    ) -> Result<Progress, FetchError> {
        let request = Request {
            urls: origins.iter().map(|origin| origin.url()).collect(),
            manifest: self.manifest.digest(),
            secrets: None,
            token: "t".parse().unwrap(),
            target: target.to_owned(),
        };
        let (sender, receiver) = watch::channel(Progress::default());
        materialise_with(request, options, sender).await?;
        let progress = *receiver.borrow();
        Ok(progress)
    }

    fn assert_arrived(&self) {
        assert!(fs_err::read(self.place.path().join("flink/lib/a.jar")).unwrap() == self.content);
    }
}

/// The defaults, with shorter waits between attempts. A busy machine may stall a transfer for a
/// while.
fn quick() -> FetchOptions {
    FetchOptions {
        patience: Duration::from_secs(30),
        busy_patience: Duration::from_secs(30),
        backoff: (Duration::from_millis(1), Duration::from_millis(50)),
        ..FetchOptions::default()
    }
}

/// The same, with transfers that stall for a second given up.
fn watchful() -> FetchOptions {
    FetchOptions {
        floor: RateFloor { bytes_per_second: 1000, window: Duration::from_secs(1) },
        ..quick()
    }
}

fn blob_requests(origin: &Origin) -> Vec<Asked> {
    origin.asked().into_iter().filter(|asked| asked.path.starts_with("/v1/blobs/")).collect()
}

#[tokio::test]
async fn a_manifest_that_never_ends_is_given_up() {
    let scene = Scene::new(10).await;
    let origin = Origin::start(&scene.manifest, &[], |_, _| Fault::Stall(5)).await;
    let request = Request {
        urls: vec![origin.url()],
        manifest: scene.manifest.digest(),
        secrets: None,
        token: "t".parse().unwrap(),
        target: scene.place.path().join("flink"),
    };
    // The limit holds even for a server that is not below the rate floor.
    let options = FetchOptions {
        manifest_time: Duration::from_millis(50),
        patience: Duration::ZERO,
        ..quick()
    };
    let error = materialise_with(request, options, watch::Sender::default()).await.unwrap_err();
    assert_eq!(error.blame(), FetchBlame::Network);
    assert!(error.to_string().contains("the manifest did not come within"), "{error}");
}

#[tokio::test]
async fn a_lost_transfer_continues_at_the_same_byte() {
    let scene = Scene::new(3 * MIB).await;
    let origin =
        scene.origin(|before, _| if before < 2 { Fault::Truncate(MIB) } else { Fault::None }).await;
    let progress = scene.fetch(&[&origin]).await.unwrap();
    scene.assert_arrived();
    let ranges: Vec<_> = blob_requests(&origin).into_iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [None, Some(MIB..3 * MIB), Some(2 * MIB..3 * MIB)]);
    assert_eq!(progress.bytes_done, progress.bytes);
}

#[tokio::test]
async fn a_lost_transfer_of_a_large_file_repeats_no_byte() {
    let scene = Scene::new(40 * MIB).await;
    let origin = scene
        .origin(|before, _| if before < 6 { Fault::Truncate(5 * MIB) } else { Fault::None })
        .await;
    let progress = scene.fetch(&[&origin]).await.unwrap();
    scene.assert_arrived();
    assert_eq!(progress.bytes_done, progress.bytes);
    let mut asked: Vec<usize> =
        blob_requests(&origin).iter().map(|asked| asked.range.clone().unwrap().start).collect();
    let count = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), count, "a part was requested twice: {asked:?}");
}

#[tokio::test]
async fn a_server_without_ranges_works() {
    let scene = Scene::new(3 * MIB).await;
    let origin = scene
        .origin(|before, _| if before == 0 { Fault::Truncate(MIB) } else { Fault::NoRange })
        .await;
    scene.fetch(&[&origin]).await.unwrap();
    scene.assert_arrived();

    let scene = Scene::new(20 * MIB).await;
    let origin = scene.origin(|_, _| Fault::NoRange).await;
    scene.fetch(&[&origin]).await.unwrap();
    scene.assert_arrived();
}

#[tokio::test]
async fn a_stalled_transfer_is_given_up_and_continues_elsewhere() {
    let scene = Scene::new(3 * MIB).await;
    let origin =
        scene.origin(|before, _| if before == 0 { Fault::Stall(MIB) } else { Fault::None }).await;
    scene.fetch_with(watchful(), &scene.place.path().join("flink"), &[&origin]).await.unwrap();
    scene.assert_arrived();
    assert_eq!(blob_requests(&origin)[1].range, Some(MIB..3 * MIB));
}

#[tokio::test]
async fn a_server_that_stalls_forever_is_a_network_error() {
    let scene = Scene::new(MIB).await;
    let origin = scene.origin(|_, _| Fault::Stall(0)).await;
    let options = FetchOptions { patience: Duration::from_secs(1), ..watchful() };
    let error =
        scene.fetch_with(options, &scene.place.path().join("flink"), &[&origin]).await.unwrap_err();
    assert!(matches!(error, FetchError::Stalled { .. }), "{error}");
    assert_eq!(error.blame(), FetchBlame::Network);
    folder_is_empty(scene.place.path()).await;
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let scene = Scene::new(MIB).await;
    let origin = scene
        .origin(|before, _| match before {
            0 => Fault::Status(503, Some(0)),
            1 => Fault::Status(500, None),
            2 => Fault::Status(429, None),
            _ => Fault::None,
        })
        .await;
    scene.fetch(&[&origin]).await.unwrap();
    scene.assert_arrived();
}

#[tokio::test]
async fn wrong_bytes_are_rejected_at_once_and_nothing_is_visible() {
    for size in [MIB, 20 * MIB] {
        let scene = Scene::new(size).await;
        let origin = scene.origin(|_, _| Fault::Wrong).await;
        let error = scene.fetch(&[&origin]).await.unwrap_err();
        assert!(matches!(error, FetchError::Digest { .. }), "{error}");
        assert_eq!(error.blame(), FetchBlame::Artifact);
        assert!(error.to_string().contains(&origin.url()), "{error}");
        assert!(blob_requests(&origin).len() <= 2, "wrong bytes were requested again");
        folder_is_empty(scene.place.path()).await;
    }
}

#[tokio::test]
async fn a_file_of_another_size_is_rejected() {
    let scene = Scene::new(MIB).await;
    let origin = scene.origin(|_, _| Fault::Longer).await;
    let error = scene.fetch(&[&origin]).await.unwrap_err();
    let FetchError::Size { expected, seen, .. } = error else { panic!("{error}") };
    assert_eq!((expected, seen), (MIB as u64, MIB as u64 + 1));
}

#[tokio::test]
async fn a_missing_blob_is_not_requested_again() {
    let scene = Scene::new(MIB).await;
    let origin = scene.origin(|_, _| Fault::Status(404, None)).await;
    let error = scene.fetch(&[&origin]).await.unwrap_err();
    assert!(error.to_string().contains("404") && error.to_string().contains("sorry"), "{error}");
    assert_eq!(error.blame(), FetchBlame::Artifact);
    assert_eq!(blob_requests(&origin).len(), 1);
}

#[tokio::test]
async fn a_mirror_with_wrong_content_is_dropped_for_a_good_one() {
    for size in [MIB, 20 * MIB] {
        let scene = Scene::new(size).await;
        let (liar, honest) =
            (scene.origin(|_, _| Fault::Wrong).await, scene.origin(|_, _| Fault::None).await);
        let progress = scene.fetch(&[&liar, &honest]).await.unwrap();
        scene.assert_arrived();
        assert_eq!(progress.bytes_done, progress.bytes);
        assert!(!blob_requests(&liar).is_empty(), "the wrong mirror was never asked");
    }
}

#[tokio::test]
async fn a_mirror_that_is_down_does_not_matter() {
    let scene = Scene::new(20 * MIB).await;
    let down = scene.origin(|_, _| Fault::None).await;
    let address = down.url();
    drop(down);
    let up = scene.origin(|_, _| Fault::None).await;
    let request = Request {
        urls: vec![address, up.url()],
        manifest: scene.manifest.digest(),
        secrets: None,
        token: "t".parse().unwrap(),
        target: scene.place.path().join("flink"),
    };
    materialise_with(request, quick(), watch::Sender::default()).await.unwrap();
    scene.assert_arrived();
}

#[tokio::test]
async fn a_server_that_is_down_is_a_network_error_after_a_while() {
    let scene = Scene::new(MIB).await;
    let origin = scene.origin(|_, _| Fault::None).await;
    let request = Request {
        urls: vec![origin.url()],
        manifest: scene.manifest.digest(),
        secrets: None,
        token: "t".parse().unwrap(),
        target: scene.place.path().join("flink"),
    };
    drop(origin);
    let options = FetchOptions { patience: Duration::from_millis(100), ..quick() };
    let error = materialise_with(request, options, watch::Sender::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "the cause is missing: {error}");
}

#[tokio::test]
async fn a_manifest_with_another_digest_is_rejected() {
    let scene = Scene::new(MIB).await;
    let origin = Origin::start(&scene.manifest, &[], |_, _| Fault::Wrong).await;
    let error = scene.fetch(&[&origin]).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Digest { expected, .. } if expected == scene.manifest.digest()),
        "{error}"
    );
}

#[tokio::test]
async fn the_token_is_sent_with_every_request() {
    let scene = Scene::new(MIB).await;
    let origin = scene.origin(|_, _| Fault::None).await;
    scene.fetch(&[&origin]).await.unwrap();
    assert!(origin.asked().iter().all(|asked| asked.token == "Bearer t"));
}

#[tokio::test]
async fn a_full_disk_has_its_own_error() {
    let Some(small) = SmallDisk::mount() else { return };
    let scene = Scene::new(6 * MIB).await;
    let origin = scene.origin(|_, _| Fault::None).await;
    let error = scene.fetch_to(&small.0.path().join("flink"), &[&origin]).await.unwrap_err();
    let FetchError::NoSpace { needed, available, .. } = &error else { panic!("{error}") };
    assert!(*needed > 6 << 20 && *available < 5 << 20, "{error}");
    assert_eq!(error.blame(), FetchBlame::Host);
    assert!(blob_requests(&origin).is_empty(), "the lack of space was known before any request");
    folder_is_empty(small.0.path()).await;
}

#[tokio::test]
async fn a_disk_that_fills_up_during_the_fetch_has_its_own_error() {
    let Some(small) = SmallDisk::mount() else { return };
    let scene = Scene::new(900 << 10).await;
    let filler = small.0.path().join("filler");
    let path = filler.clone();
    let origin = scene
        .origin(move |_, _| {
            fs_err::write(&path, vec![0; 8 * MIB]).unwrap_err();
            Fault::None
        })
        .await;
    let error = scene.fetch_to(&small.0.path().join("flink"), &[&origin]).await.unwrap_err();
    assert!(matches!(error, FetchError::NoSpace { .. }), "{error}");
    fs_err::remove_file(filler).unwrap();
    folder_is_empty(small.0.path()).await;
}

/// A tmpfs of 4 MiB; needs root.
pub(crate) struct SmallDisk(pub(crate) tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        match mount_tmpfs(folder.path()) {
            Ok(()) => Some(Self(folder)),
            Err(error) => {
                // Printed directly, so that it is not captured; the test runner counts such lines.
                let why = format!("\nSKIPPED: a full disk: cannot mount a tmpfs: {error}\n");
                std::io::stderr().write_all(why.as_bytes()).unwrap();
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        nix::mount::umount(self.0.path()).unwrap();
    }
}

fn mount_tmpfs(path: &Path) -> nix::Result<()> {
    let flags = nix::mount::MsFlags::empty();
    nix::mount::mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("size=4m"))
}
