//! Object stores and Hadoop's file system, through `OpenDAL`.

use std::path::Path;

use common::causes::with_causes;
use common::files::LARGEST_SECRET;
use common::tls::install_provider;
use fetcher_client::FetchError;
use fetcher_client::responses::is_loopback;
use futures_util::{StreamExt as _, TryStreamExt as _};
use opendal::{Configurator as _, ErrorKind, HttpTransporter, OperationContext, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::{StatusCode, Url};

use crate::body::Body;
use crate::error::SourceError;
use crate::options::SourceOptions;
use crate::settings::Settings;
use crate::uri::{Scheme, SourceUri};

pub(crate) struct Store {
    operator: Operator,
    path: String,
    uri: SourceUri,
}

impl Store {
    /// Credentials come from the settings, else from where the store's own tools find them:
    /// environment variables, files in the home folder, the machine's metadata.
    pub(crate) fn new(uri: &SourceUri, options: &SourceOptions) -> Result<Self, SourceError> {
        let settings = options.settings.get(&uri.scheme()).cloned().unwrap_or_default();
        if let Some(path) = settings.get("credential-path") {
            // The library reads it without a bound.
            let read = common::files::read(Path::new(path), LARGEST_SECRET);
            read.map_err(|error| unusable(uri, format!("credential-path: {error}")))?;
        }
        let store = Self {
            operator: operator(uri, &settings)?,
            path: uri.path().to_owned(),
            uri: uri.clone(),
        };
        let client = client(uri, &settings, options).map_err(|reason| unusable(uri, reason))?;
        let transport = HttpTransporter::new(ReqwestTransport::new(client));
        let context = OperationContext::new().with_http_transport(transport);
        Ok(Self { operator: store.operator.with_context(context), ..store })
    }

    pub(crate) async fn open(
        &self,
        from: u64,
        _version: Option<&str>,
    ) -> Result<Body, SourceError> {
        let failed = |error: opendal::Error| failed(&self.uri, &error);
        let known = self.operator.stat(&self.path).await.map_err(failed)?;
        if !known.is_file() {
            return Err(unusable(&self.uri, "is a folder".to_owned()));
        }
        let total = known.content_length();
        let start = if from <= total { from } else { 0 };
        let version = known
            .etag()
            .map(str::to_owned)
            .or_else(|| known.last_modified().map(|time| time.to_string()));
        if start == total {
            let bytes = futures_util::stream::empty().boxed();
            return Ok(Body { start, total: Some(total), version, bytes });
        }
        let reader = self.operator.reader(&self.path).await.map_err(failed)?;
        let bytes = reader.into_bytes_stream(start..total).await.map_err(failed)?;
        let shown = self.uri.to_string();
        let bytes = bytes.map_err(move |error| {
            let reason = with_causes(&error);
            FetchError::Network { url: shown.clone(), bytes: 0, reason }.into()
        });
        Ok(Body { start, total: Some(total), version, bytes: bytes.boxed() })
    }
}

fn operator(uri: &SourceUri, settings: &Settings) -> Result<Operator, SourceError> {
    let scheme = uri.scheme();
    let pairs = settings.for_store(scheme);
    match scheme {
        Scheme::S3 => {
            let pairs = pairs.chain([("bucket".to_owned(), uri.authority().to_owned())]);
            build(uri, opendal::services::S3Config::from_iter(pairs))
        }
        Scheme::Gs => {
            let pairs = pairs.chain([("bucket".to_owned(), uri.authority().to_owned())]);
            build(uri, opendal::services::GcsConfig::from_iter(pairs))
        }
        Scheme::Hdfs | Scheme::WebHdfs => {
            let endpoint = ("endpoint".to_owned(), web_endpoint(uri));
            build(
                uri,
                opendal::services::WebhdfsConfig::from_iter([endpoint].into_iter().chain(pairs)),
            )
        }
        Scheme::File | Scheme::Http | Scheme::Https => {
            Err(unusable(uri, "is not in an object store".to_owned()))
        }
    }
}

fn build<C: opendal::Configurator>(
    uri: &SourceUri,
    config: opendal::Result<C>,
) -> Result<Operator, SourceError> {
    let built = config.and_then(|config| Operator::new(config.into_builder()));
    built.map_err(|error| failed(uri, &error))
}

/// The namenode's web interface: an `hdfs://` URI has the port of another service.
fn web_endpoint(uri: &SourceUri) -> String {
    /// The default of Hadoop 3.
    const WEB_PORT: u16 = 9870;
    let host = uri.authority();
    match uri.scheme() {
        Scheme::WebHdfs if host.contains(':') => format!("http://{host}"),
        _ => format!("http://{}:{WEB_PORT}", host.split(':').next().unwrap_or(host)),
    }
}

/// Uses the proxies in the environment; this machine itself is connected to directly.
fn client(
    uri: &SourceUri,
    settings: &Settings,
    options: &SourceOptions,
) -> Result<reqwest::Client, String> {
    install_provider();
    let mut builder = reqwest::Client::builder().connect_timeout(options.connect_timeout);
    let endpoint = settings.get("endpoint").map_or_else(|| uri.expose(), str::to_owned);
    if Url::parse(&endpoint).is_ok_and(|url| is_loopback(&url)) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| with_causes(&error))
}

/// The settings or the address must be corrected.
fn unusable(uri: &SourceUri, reason: String) -> SourceError {
    SourceError::Store { uri: uri.to_string(), reason, temporary: false }
}

fn failed(uri: &SourceUri, error: &opendal::Error) -> SourceError {
    let text = format!("{}: {}", error.kind(), error.message());
    let text = text.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    let text = text.escape_debug().to_string();
    match error.kind() {
        ErrorKind::NotFound => FetchError::Status {
            url: uri.to_string(),
            status: StatusCode::NOT_FOUND,
            text,
            retry_after: None,
        }
        .into(),
        ErrorKind::PermissionDenied => {
            FetchError::Refused { url: uri.to_string(), status: StatusCode::FORBIDDEN, text }.into()
        }
        _ => SourceError::Store {
            uri: uri.to_string(),
            reason: text,
            temporary: error.is_temporary(),
        },
    }
}
