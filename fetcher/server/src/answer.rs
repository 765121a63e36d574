//! Answers: status, headers, and the source of the body.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use fetcher_formats::hashing::Fingerprint;
use fs_err::File;

/// The status codes of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    PartialContent,
    NoContent,
    NotModified,
    TemporaryRedirect,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Gone,
    BodyNotAllowed,
    RangeNotSatisfiable,
    HeadTooLarge,
    Internal,
    Unavailable,
}

impl Status {
    /// Code and phrase for the status line.
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::PartialContent => "206 Partial Content",
            Self::NoContent => "204 No Content",
            Self::TemporaryRedirect => "307 Temporary Redirect",
            Self::NotModified => "304 Not Modified",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::Gone => "410 Gone",
            Self::BodyNotAllowed => "413 Content Too Large",
            Self::RangeNotSatisfiable => "416 Range Not Satisfiable",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Internal => "500 Internal Server Error",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

/// The source of a body.
#[derive(Debug)]
pub(crate) enum Body {
    Bytes(Bytes),
    File(FileBody),
}

/// A part of an open file that must not change while it is sent.
#[derive(Debug)]
pub(crate) struct FileBody {
    pub(crate) file: File,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) range: Range<u64>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    /// Whether the connection is closed after this answer.
    pub(crate) close: bool,
}

impl Answer {
    /// An answer with a one-line text.
    pub(crate) fn text(status: Status, text: &str) -> Self {
        let body = Body::Bytes(Bytes::from(format!("{text}\n")));
        Self {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body,
            close: false,
        }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: Status) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(Bytes::new()), close: false }
    }

    pub(crate) fn new(status: Status, content_type: &str, body: Body) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body,
            close: false,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Length of the body in bytes.
    pub(crate) fn length(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(file) => file.range.end - file.range.start,
        }
    }

    /// Head and body, unless the body is a file.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut bytes = self.head();
        if let Body::Bytes(body) = &self.body {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// Status line and headers as sent.
    pub(crate) fn head(&self) -> Vec<u8> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut text = format!("HTTP/1.1 {}\r\nDate: {date}\r\n", self.status.line());
        // Writing to a String cannot fail.
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").ok();
        }
        if !matches!(self.status, Status::NotModified | Status::NoContent) {
            write!(text, "Content-Length: {}\r\n", self.length()).ok();
        }
        text +=
            if self.close { "Connection: close\r\n\r\n" } else { "Connection: keep-alive\r\n\r\n" };
        text.into_bytes()
    }
}
