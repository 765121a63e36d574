//! Brings `CommandInfo.uris` into the sandbox: plain copies of local files and of what an HTTP
//! server sends.

use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use axum::body::Bytes;
use fs_err::tokio as fs;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use mesos::v1::command_info::Uri;

/// Endings of archives that the real fetcher unpacks by default.
const ARCHIVES: [&str; 10] =
    [".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".gz", ".jar.pack"];

/// Why a URI could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0:?} is not fetched by the local mesos, allowed are http, file and absolute paths")]
    Scheme(String),
    #[error("{0:?} is an archive, and the local mesos does not extract: set extract to false")]
    Archive(String),
    #[error("output file {0:?} is not within the sandbox, allowed is a relative path without ..")]
    Outside(String),
    #[error("{url} answers {status}")]
    Status { url: Url, status: StatusCode },
    #[error("cannot fetch {url}: {source}")]
    Http { url: Url, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Fetches one URI.
pub(super) async fn fetch(uri: &Uri, sandbox: &Path) -> Result<(), FetchError> {
    let extracts = uri.extract() && !uri.executable();
    if extracts && ARCHIVES.iter().any(|ending| uri.value.ends_with(ending)) {
        return Err(FetchError::Archive(uri.value.clone()));
    }
    let target = sandbox.join(target(uri)?);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).await?;
    }
    match Url::parse(&uri.value) {
        Ok(url) if url.scheme() == "http" => download(&url, &target).await?,
        Ok(url) if url.scheme() == "file" => {
            let source = url.to_file_path().map_err(|()| FetchError::Scheme(uri.value.clone()))?;
            fs::copy(source, &target).await.map(drop)?;
        }
        Err(_) if uri.value.starts_with('/') => fs::copy(&uri.value, &target).await.map(drop)?,
        _ => return Err(FetchError::Scheme(uri.value.clone())),
    }
    if uri.executable() {
        fs::set_permissions(&target, std::fs::Permissions::from_mode(0o755)).await?;
    }
    Ok(())
}

/// Where it goes, relative to the sandbox.
fn target(uri: &Uri) -> Result<PathBuf, FetchError> {
    let last = uri.value.rsplit('/').next().unwrap_or_default();
    let name = uri.output_file.as_deref().unwrap_or(last);
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !inside {
        return Err(FetchError::Outside(name.to_owned()));
    }
    Ok(name.into())
}

async fn download(url: &Url, target: &Path) -> Result<(), FetchError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| FetchError::Http {
        url: url.clone(),
        source,
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let connection = TcpStream::connect((host.trim_matches(['[', ']']), port)).await;
    let connection = TokioIo::new(connection.map_err(|error| failed(error.into()))?);
    let (mut sender, driver) =
        http1::handshake(connection).await.map_err(|error| failed(error.into()))?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "A connection of the fetcher broke");
        }
    }));
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = Request::get(path)
        .header(header::HOST, format!("{host}:{port}"))
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(error.into()))?;
    let mut response = sender.send_request(request).await.map_err(|error| failed(error.into()))?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status { url: url.clone(), status: response.status() });
    }
    let mut file = fs::File::create(target).await?;
    while let Some(frame) = response.frame().await {
        let frame = frame.map_err(|error| failed(error.into()))?;
        if let Some(data) = frame.data_ref() {
            file.write_all(data).await?;
        }
    }
    file.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(value: &str) -> Uri {
        Uri { value: value.into(), ..Uri::default() }
    }

    async fn refusal(uri: Uri) -> String {
        fetch(&uri, tempfile::tempdir().unwrap().path()).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_local_file_arrives_under_its_output_name_and_executable() {
        let sandbox = tempfile::tempdir().unwrap();
        let source = sandbox.path().join("source");
        fs::write(&source, "text").await.unwrap();
        let with = Uri {
            executable: Some(true),
            output_file: Some("bin/x".into()),
            ..uri(source.to_str().unwrap())
        };
        fetch(&with, sandbox.path()).await.unwrap();
        let mode = fs::metadata(sandbox.path().join("bin/x")).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        fetch(&uri(&format!("file://{}", source.display())), sandbox.path()).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_done_is_refused_with_its_name() {
        assert!(refusal(uri("hdfs://nn/x")).await.contains("\"hdfs://nn/x\""));
        assert!(
            refusal(uri("relative/x")).await.contains("allowed are http, file and absolute paths")
        );
        assert!(refusal(uri("/x/flink.tgz")).await.contains("does not extract"));
        let outside = Uri { output_file: Some("../x".into()), ..uri("/etc/hostname") };
        assert!(refusal(outside).await.contains("\"../x\" is not within the sandbox"));
        assert!(refusal(uri("/there/is/no/such/file")).await.contains("/there/is/no/such/file"));
    }
}
