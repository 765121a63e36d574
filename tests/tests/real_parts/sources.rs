//! Object stores as sources of the users' files: moto as S3 and gcp-storage-emulator as Google's
//! storage. HDFS cannot be installed here, so a program answers as its documentation says.

use std::time::Duration;

use fetcher_formats::Digest;
use fetcher_sources::{Obtained, Scheme, Settings, SourceError, SourceOptions, obtain};
use tempfile::TempDir;
use tests::{Keeper, Program, ReservedPort, stores_python, wait_until};
use tokio::sync::watch;

const CONTENT: &[u8] = b"what a user wants to have in every sandbox";

/// A running store, and the folder for what is fetched from it.
struct Store {
    _keeper: Keeper,
    _port: ReservedPort,
    endpoint: String,
    folder: TempDir,
    client: reqwest::Client,
}

impl Store {
    async fn start(arguments: impl FnOnce(u16, &std::path::Path) -> Vec<String>) -> Self {
        let (keeper, folder, port) =
            (Keeper::start(), TempDir::new().unwrap(), ReservedPort::new());
        let number = port.number();
        let mut program = Program::new(stores_python(), &folder.path().join("store.log"));
        program.arguments = arguments(number, folder.path());
        keeper.run(&program);
        common::tls::install_provider();
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let endpoint = format!("http://127.0.0.1:{number}");
        let listens =
            async || tokio::net::TcpStream::connect(("127.0.0.1", number)).await.ok().map(drop);
        wait_until("the store listens", Duration::from_secs(60), listens).await;
        Self { _keeper: keeper, _port: port, endpoint, folder, client }
    }

    fn options(&self, scheme: Scheme, more: &[(&str, &str)]) -> SourceOptions {
        let mut settings = Settings::default();
        for (key, value) in [("endpoint", self.endpoint.as_str())].iter().chain(more) {
            settings.set(scheme, key, value).unwrap();
        }
        let mut options = SourceOptions {
            patience: Duration::ZERO,
            ..SourceOptions::new(self.folder.path().to_owned())
        };
        options.settings.insert(scheme, settings);
        options
    }

    async fn put(&self, method: reqwest::Method, path: &str, body: &'static [u8]) {
        let kind = if body.starts_with(b"{") { "application/json" } else { "text/plain" };
        let request = self
            .client
            .request(method, format!("{}{path}", self.endpoint))
            .header("Content-Type", kind)
            .body(body);
        request.send().await.unwrap().error_for_status().unwrap();
    }
}

async fn fetch(
    uri: &str,
    expected: Option<Digest>,
    options: &SourceOptions,
) -> Result<Obtained, SourceError> {
    obtain(&uri.parse().unwrap(), expected, options, &watch::Sender::default()).await
}

/// Fetches a whole file, the rest of an interrupted download, and a missing file.
async fn behaves_as_a_source(options: &SourceOptions, there: &str, gone: &str) {
    let digest = Digest::of(CONTENT);
    let obtained = fetch(there, None, options).await.unwrap();
    assert_eq!((obtained.digest, obtained.size), (digest, CONTENT.len() as u64));

    fs_err::remove_file(&obtained.path).unwrap();
    let uri: fetcher_sources::SourceUri = there.parse().unwrap();
    fs_err::write(options.folder.join(format!("{}.partial", uri.fingerprint())), &CONTENT[..20])
        .unwrap();
    let resumed = fetch(there, Some(digest), options).await.unwrap();
    assert!(fs_err::read(resumed.path).unwrap() == CONTENT);

    let error = fetch(gone, None, options).await.unwrap_err().to_string();
    assert!(error.contains(gone) && error.contains("404"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_as_moto_speaks_it() {
    let arguments = |port: u16, _: &std::path::Path| {
        ["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]
            .map(str::to_owned)
            .to_vec()
    };
    let store = Store::start(arguments).await;
    store.put(reqwest::Method::PUT, "/bucket", b"").await;
    store.put(reqwest::Method::PUT, "/bucket/models/a.txt", CONTENT).await;
    let keys = [("region", "eu-west-1"), ("access-key-id", "key"), ("secret-access-key", "hush")];
    let options = store.options(Scheme::S3, &keys);
    behaves_as_a_source(&options, "s3://bucket/models/a.txt", "s3://bucket/models/gone.txt").await;
    behaves_as_a_source(&options, "s3a://bucket/models/a.txt", "s3://nobucket/a.txt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_storage_as_its_emulator_speaks_it() {
    let arguments = |port: u16, _: &std::path::Path| {
        let program = "import sys; from gcp_storage_emulator.server import create_server; \
                       create_server('127.0.0.1', int(sys.argv[1]), in_memory=True).run()";
        ["-c", program, &port.to_string()].map(str::to_owned).to_vec()
    };
    let store = Store::start(arguments).await;
    store.put(reqwest::Method::POST, "/storage/v1/b?project=p", br#"{"name": "bucket"}"#).await;
    let upload = "/upload/storage/v1/b/bucket/o?uploadType=media&name=models/a.txt";
    store.put(reqwest::Method::POST, upload, CONTENT).await;
    let options = store.options(Scheme::Gs, &[("anonymous", "true")]);
    behaves_as_a_source(&options, "gs://bucket/models/a.txt", "gs://bucket/models/gone.txt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hdfs_as_the_documentation_of_its_web_interface_says() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("third_party/webhdfs.py");
    let arguments = |port: u16, folder: &std::path::Path| {
        let file = folder.join("content");
        fs_err::write(&file, CONTENT).unwrap();
        let arguments = [script.display().to_string(), port.to_string(), "/user/a.txt".to_owned()];
        arguments.into_iter().chain([file.display().to_string(), "flink".to_owned()]).collect()
    };
    let store = Store::start(arguments).await;
    let host = store.endpoint.strip_prefix("http://").unwrap();
    let options = store.options(Scheme::Hdfs, &[("user", "flink")]);
    behaves_as_a_source(
        &options,
        "hdfs://namenode:8020/user/a.txt",
        "hdfs://namenode:8020/user/gone.txt",
    )
    .await;
    let mut options = store.options(Scheme::Hdfs, &[]);
    let mut settings = Settings::default();
    settings.set(Scheme::WebHdfs, "user", "flink").unwrap();
    options.settings.insert(Scheme::WebHdfs, settings);
    let there = format!("webhdfs://{host}/user/a.txt");
    behaves_as_a_source(&options, &there, &format!("webhdfs://{host}/user/gone.txt")).await;
    let error =
        fetch("hdfs://namenode:8020/user/a.txt", None, &options).await.unwrap_err().to_string();
    assert!(error.contains("hdfs://namenode:8020/user/a.txt") && error.contains("403"), "{error}");
}
