//! A form with files, which are read while they are sent (RFC 7578).

use std::{io, path::Path};

use fs_err::tokio::File;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{
    Body, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio_util::{bytes::Bytes, io::ReaderStream};

/// A form that is being put together.
pub(super) struct Form {
    boundary: String,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    File(File, u64),
}

impl Form {
    pub(super) fn new() -> Self {
        let boundary = format!("flink-mesos-{:032x}", rand::random::<u128>());
        Self { boundary, parts: Vec::new() }
    }

    pub(super) fn text(&mut self, name: &str, kind: &str, content: &str) {
        self.begin(&format!("name=\"{}\"", quoted(name)), kind);
        self.parts.push(Part::Text(format!("{content}\r\n")));
    }

    pub(super) async fn file(&mut self, name: &str, file: &str, path: &Path) -> io::Result<()> {
        let content = File::open(path).await?;
        let length = content.metadata().await?.len();
        let about = format!("name=\"{}\"; filename=\"{}\"", quoted(name), quoted(file));
        self.begin(&about, "application/x-java-archive");
        self.parts.push(Part::File(content, length));
        self.parts.push(Part::Text("\r\n".to_owned()));
        Ok(())
    }

    fn begin(&mut self, about: &str, kind: &str) {
        self.parts.push(Part::Text(format!(
            "--{}\r\nContent-Disposition: form-data; {about}\r\nContent-Type: {kind}\r\n\r\n",
            self.boundary
        )));
    }

    /// The request that sends it.
    pub(super) fn post(mut self, client: &reqwest::Client, url: String) -> RequestBuilder {
        self.parts.push(Part::Text(format!("--{}--\r\n", self.boundary)));
        let length: u64 = self.parts.iter().map(Part::length).sum();
        let content = stream::iter(self.parts).flat_map(Part::content);
        client
            .post(url)
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={}", self.boundary))
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(content))
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    fn content(self) -> stream::BoxStream<'static, io::Result<Bytes>> {
        use tokio::io::AsyncReadExt as _;
        match self {
            Self::Text(text) => stream::once(async { Ok(Bytes::from(text)) }).boxed(),
            // It may grow meanwhile.
            Self::File(file, length) => {
                ReaderStream::new(file.take(length)).map_err(io::Error::other).boxed()
            }
        }
    }
}

/// A name in a header.
fn quoted(name: &str) -> String {
    name.replace(['"', '\\', '\r', '\n'], "_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_has_its_parts_in_order_and_says_how_long_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), "content").unwrap();
        let mut form = Form::new();
        form.text("request", "application/json", "{}");
        form.file("a\"b", "a.jar", file.path()).await.unwrap();
        let boundary = form.boundary.clone();
        common::tls::install_provider();
        let mut request =
            form.post(&reqwest::Client::new(), "http://h/".to_owned()).build().unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"request\"\r\nContent-Type: application/json\r\n\r\n{{}}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"a_b\"; filename=\"a.jar\"\r\n\
             Content-Type: application/x-java-archive\r\n\r\ncontent\r\n--{boundary}--\r\n"
        );
        let length = request.headers()[CONTENT_LENGTH].to_str().unwrap().to_owned();
        assert_eq!(length, expected.len().to_string());
        let content = axum::body::Body::new(request.body_mut().take().unwrap());
        let content = axum::body::to_bytes(content, usize::MAX).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&content), expected);
    }
}
