//! Sources beyond our own server: downloaded once, complete and verified.

use std::time::Duration;

use common::rate::RateFloor;
use fetcher_client::{Request, materialise};
use fetcher_formats::Digest;
use fetcher_server::{ArtifactServer, build};
use fetcher_sources::{
    FirstUses, Obtained, Scheme, Settings, SourceError, SourceOptions, SourceProgress, SourceUri,
    obtain,
};
use fetcher_tests::support::{artifact, loopback, noise, serve};
use tokio::sync::watch;

use crate::encryption::{certificate, encrypted};
use crate::web::Web;

struct Place {
    folder: tempfile::TempDir,
    options: SourceOptions,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        fs_err::create_dir(&kept).unwrap();
        let backoff = (Duration::from_millis(1), Duration::from_millis(1));
        let options =
            SourceOptions { patience: Duration::ZERO, backoff, ..SourceOptions::new(kept) };
        Self { folder, options }
    }

    fn patient(mut self) -> Self {
        self.options.patience = Duration::from_secs(60);
        self
    }

    async fn obtain(&self, uri: &str, expected: Option<Digest>) -> Result<Obtained, SourceError> {
        obtain(&uri.parse().unwrap(), expected, &self.options, &watch::Sender::default()).await
    }

    fn names(&self) -> Vec<String> {
        let entries = fs_err::read_dir(&self.options.folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_file_from_a_web_server_is_named_by_its_digest() {
    let (place, content) = (Place::new(), noise(3 << 20, 1));
    let web = Web::start(&content).await;
    let (sender, progress) = watch::channel(SourceProgress::default());
    let uri: SourceUri = web.url("/a/b.jar?x=1").parse().unwrap();
    let obtained = obtain(&uri, None, &place.options, &sender).await.unwrap();
    assert_eq!((obtained.digest, obtained.size), (Digest::of(&content), content.len() as u64));
    assert_eq!(place.names(), [obtained.digest.to_string()]);
    assert!(fs_err::read(&obtained.path).unwrap() == content);
    let all = content.len() as u64;
    assert_eq!(*progress.borrow(), SourceProgress { bytes: all, total: Some(all) });
    assert_eq!(web.asked(), ["GET /a/b.jar?x=1"]);
}

#[tokio::test]
async fn an_existing_file_is_not_downloaded_again_unless_it_is_damaged() {
    let (place, content) = (Place::new(), noise(100, 1));
    let web = Web::start(&content).await;
    let digest = Some(Digest::of(&content));
    let first = place.obtain(&web.url("/a"), digest).await.unwrap();
    assert_eq!(place.obtain(&web.url("/a"), digest).await.unwrap(), first);
    assert_eq!(web.asked().len(), 1);
    fs_err::write(&first.path, "damaged").unwrap();
    assert_eq!(place.obtain(&web.url("/a"), digest).await.unwrap(), first);
    assert_eq!((web.asked().len(), fs_err::read(&first.path).unwrap()), (2, content));
}

#[tokio::test]
async fn a_lost_download_continues_at_the_same_byte() {
    let (place, content) = (Place::new().patient(), noise(1 << 20, 1));
    let web = Web::start(&content).await;
    web.change(|state| state.truncate = Some(1000));
    let obtained = place.obtain(&web.url("/a"), None).await.unwrap();
    assert_eq!(obtained.digest, Digest::of(&content));
    assert_eq!(web.asked(), ["GET /a", "GET /a bytes=1000-"]);
}

#[tokio::test]
async fn content_that_changes_during_a_download_is_downloaded_again_and_never_mixed() {
    let (place, before, after) = (Place::new().patient(), noise(5000, 1), noise(4000, 2));
    let web = Web::start(&before).await;
    web.change(|state| (state.truncate, state.next) = (Some(1000), Some(after.clone())));
    let obtained = place.obtain(&web.url("/a"), None).await.unwrap();
    assert_eq!(obtained.digest, Digest::of(&after));
}

#[tokio::test]
async fn a_later_process_continues_where_an_earlier_one_stopped() {
    let (place, content) = (Place::new(), noise(5000, 1));
    let web = Web::start(&content).await;
    web.change(|state| state.truncate = Some(1000));
    let digest = Some(Digest::of(&content));
    let error = place.obtain(&web.url("/a"), digest).await.unwrap_err();
    assert!(error.to_string().contains("broke off after"), "{error}");
    place.obtain(&web.url("/a"), digest).await.unwrap();
    assert_eq!(web.asked(), ["GET /a", "GET /a bytes=1000-"]);
}

#[tokio::test]
async fn a_partial_download_of_another_content_is_discarded() {
    let (place, content) = (Place::new(), noise(5000, 1));
    let web = Web::start(&noise(9000, 2)).await;
    web.change(|state| state.truncate = Some(6000));
    let digest = Some(Digest::of(&content));
    place.obtain(&web.url("/a"), digest).await.unwrap_err();
    web.change(|state| state.content.clone_from(&content));
    // A leftover longer than the content, then one of the same length, then a shorter one: each
    // time it is useless.
    assert_eq!(
        place.patient().obtain(&web.url("/a"), digest).await.unwrap().digest,
        Digest::of(&content)
    );
}

#[tokio::test]
async fn wrong_content_is_rejected_and_leaves_nothing_behind() {
    let place = Place::new();
    let web = Web::start(b"other").await;
    let error = place.obtain(&web.url("/a.jar"), Some(Digest::of(b"wanted"))).await.unwrap_err();
    let text = error.to_string();
    for part in [
        "/a.jar",
        "wrong content",
        &Digest::of(b"other").to_string(),
        &Digest::of(b"wanted").to_string(),
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(place.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_file_is_reported_at_once_and_a_busy_server_is_asked_again() {
    let place = Place::new().patient();
    let web = Web::start(b"content").await;
    web.change(|state| state.status = Some(404));
    let error = place.obtain(&web.url("/gone"), None).await.unwrap_err().to_string();
    assert!(error.contains("/gone answered 404") && web.asked().len() == 1, "{error}");
    let hasty = Place::new();
    web.change(|state| state.status = Some(503));
    let error = hasty.obtain(&web.url("/busy"), None).await.unwrap_err().to_string();
    assert!(error.contains("/busy answered 503"), "{error}");
}

#[tokio::test]
async fn a_very_slow_source_is_given_up() {
    let mut place = Place::new();
    place.options.floor = RateFloor { bytes_per_second: 1000, window: Duration::from_secs(1) };
    let web = Web::start(&noise(1000, 1)).await;
    web.change(|state| state.stall = Some(10));
    let error = place.obtain(&web.url("/a"), None).await.unwrap_err().to_string();
    assert!(error.contains("/a stalled after 10 bytes"), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_but_not_in_circles() {
    let place = Place::new();
    let (web, other) = (Web::start(b"").await, Web::start(b"content").await);
    web.change(|state| state.location = Some(other.url("/there")));
    assert_eq!(place.obtain(&web.url("/here"), None).await.unwrap().digest, Digest::of(b"content"));
    assert_eq!(other.asked(), ["GET /there"]);
    other.change(|state| state.location = Some(web.url("/back")));
    let error = place.obtain(&web.url("/here"), None).await.unwrap_err().to_string();
    assert!(error.contains("in circles"), "{error}");
}

#[tokio::test]
async fn a_web_server_with_tls_needs_a_trusted_certificate() {
    let mut place = Place::new();
    let folder = place.folder.path().to_owned();
    let server = serve(Vec::new(), encrypted()).await;
    let url = server.publish_file("a.jar", artifact(&folder, "a.jar", b"content").source);
    let error = place.obtain(&url, None).await.unwrap_err().to_string();
    assert!(error.contains("/a.jar") && error.contains("certificate"), "{error}");
    let mut settings = Settings::default();
    settings
        .set(Scheme::Https, "authorities", certificate("authority.pem").to_str().unwrap())
        .unwrap();
    place.options.settings.insert(Scheme::Https, settings);
    assert_eq!(place.obtain(&url, None).await.unwrap().digest, Digest::of(b"content"));
}

#[tokio::test]
async fn no_file_that_a_setting_names_is_read_without_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let (large, pipe) = (folder.path().join("large"), folder.path().join("pipe"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (scheme, setting, most) in
        [(Scheme::Https, "authorities", 4 << 20), (Scheme::Gs, "credential-path", 64 << 10)]
    {
        fs_err::File::create(&large).unwrap().set_len(most + 1).unwrap();
        for (path, expected) in [(&large, "is too large: more than"), (&pipe, "is a pipe")] {
            let mut place = Place::new();
            let mut settings = Settings::default();
            settings.set(scheme, setting, path.to_str().unwrap()).unwrap();
            place.options.settings.insert(scheme, settings);
            let error = place
                .obtain(&format!("{scheme}://localhost/a"), None)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[tokio::test]
async fn a_file_of_this_machine_stays_where_it_is() {
    let place = Place::new();
    let file = place.folder.path().join("with blank.txt");
    fs_err::write(&file, "content").unwrap();
    for uri in
        [file.display().to_string(), format!("file://{}", file.display()).replace(' ', "%20")]
    {
        let obtained = place.obtain(&uri, Some(Digest::of(b"content"))).await.unwrap();
        assert_eq!((obtained.path, obtained.size), (file.clone(), 7));
        let error = place.obtain(&uri, Some(Digest::of(b"other"))).await.unwrap_err().to_string();
        assert!(error.contains("with blank.txt has the wrong content"), "{error}");
    }
    let error = place.obtain("/no/such/file", None).await.unwrap_err().to_string();
    assert!(error.contains("/no/such/file"), "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_digest_the_content_of_the_first_use_counts_until_the_user_names_one() {
    let place = Place::new();
    let record = place.folder.path().join("record.json");
    let web = Web::start(b"one").await;
    let uri: SourceUri = web.url("/a?signature=hush").parse().unwrap();
    let progress = watch::Sender::default();
    let open = || FirstUses::open(record.clone()).unwrap();
    open().obtain(&uri, None, &place.options, &progress).await.unwrap();
    assert!(!fs_err::read_to_string(&record).unwrap().contains("hush"));
    web.change(|state| state.content = b"two".to_vec());
    let error = open().obtain(&uri, None, &place.options, &progress).await.unwrap_err().to_string();
    let two = Digest::of(b"two");
    assert!(
        error.contains(&format!("now it is {two}")) && error.contains(&format!("add sha256={two}")),
        "{error}"
    );
    open().obtain(&uri, Some(two), &place.options, &progress).await.unwrap();
    open().obtain(&uri, None, &place.options, &progress).await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_down_does_not_matter_if_its_content_is_here() {
    let place = Place::new();
    let record = place.folder.path().join("record.json");
    let web = Web::start(b"one").await;
    let uri: SourceUri = web.url("/a").parse().unwrap();
    let progress = watch::Sender::default();
    let first = FirstUses::open(record.clone())
        .unwrap()
        .obtain(&uri, None, &place.options, &progress)
        .await
        .unwrap();
    drop(web);
    let mut again = FirstUses::open(record).unwrap();
    assert_eq!(again.obtain(&uri, None, &place.options, &progress).await.unwrap(), first);
}

#[test]
fn a_damaged_record_is_reported_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.json");
    fs_err::write(&record, "{").unwrap();
    let error = FirstUses::open(record).unwrap_err().to_string();
    assert!(error.contains("record.json is damaged"), "{error}");
}

const PROXIED: &str = "http://artifacts.example.org/a.jar";

/// In a process of its own whose environment names a proxy: a source and a tree are fetched through
/// it, but nothing from this machine is.
#[tokio::test]
#[ignore = "run by proxies_of_the_environment_are_used_but_not_for_this_machine"]
async fn proxied() {
    let place = Place::new();
    assert_eq!(place.obtain(PROXIED, None).await.unwrap().digest, Digest::of(b"proxied"));
    let folder = place.folder.path();
    let (manifest, catalogue) = build(vec![artifact(folder, "a", b"content")]).await.unwrap();
    let server = ArtifactServer::start(loopback(), manifest, catalogue).await.unwrap();
    let local = server.publish_file("b", folder.join("a"));
    assert_eq!(place.obtain(&local, None).await.unwrap().digest, Digest::of(b"content"));
    let token = server.issue_token("tm");
    let request = |urls, target: &str| Request {
        urls,
        manifest: server.manifest(),
        secrets: server.secrets(),
        token: token.clone(),
        target: folder.join(target),
    };
    materialise(request(vec![server.url().to_owned()], "flink"), watch::Sender::default())
        .await
        .unwrap();
    let far = vec!["http://am.example.org".to_owned()];
    let error =
        materialise(request(far, "far"), watch::Sender::default()).await.unwrap_err().to_string();
    // The proxy has another content.
    assert!(error.contains("am.example.org") && error.contains("expected"), "{error}");
}

/// The same, with the host in `NO_PROXY`.
#[tokio::test]
#[ignore = "run by proxies_of_the_environment_are_used_but_not_for_this_machine"]
async fn not_proxied() {
    let error = Place::new().obtain(PROXIED, None).await.unwrap_err().to_string();
    assert!(error.contains("artifacts.example.org"), "{error}");
}

#[tokio::test]
async fn proxies_of_the_environment_are_used_but_not_for_this_machine() {
    let proxy = Web::start(b"proxied").await;
    run("sources::proxied", &[("HTTP_PROXY", &proxy.url("")), ("http_proxy", &proxy.url(""))])
        .await;
    let asked = proxy.asked();
    assert_eq!(asked.first().map(String::as_str), Some("GET http://artifacts.example.org/a.jar"));
    assert!(
        asked
            .get(1)
            .is_some_and(|line| line.starts_with("GET http://am.example.org/v1/manifests/")),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 2, "{asked:?}");
    let proxy = Web::start(b"proxied").await;
    run(
        "sources::not_proxied",
        &[("http_proxy", &proxy.url("")), ("NO_PROXY", "artifacts.example.org")],
    )
    .await;
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

/// Runs one test of this program in a process with these variables.
#[expect(clippy::disallowed_methods, reason = "all tests share the environment of this process")]
async fn run(test: &str, variables: &[(&str, &str)]) {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(name);
    }
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
