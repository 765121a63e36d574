//! Parse a request's head: method, path and the few headers that are used here.

use std::borrow::Cow;

use fetcher_formats::headers::{AVOID_HEADER, FAULT_HEADER, HOLDER_HEADER, PEER_HEADER};
use percent_encoding::percent_decode_str;

use crate::answer::Status;

/// Longest head that is read, in bytes.
pub(crate) const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// Path prefix of announcements and reports.
pub(crate) const HOLDERS: &str = "/v1/holders/";

/// The request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Method {
    #[default]
    Get,
    Head,
    /// Only at [`HOLDERS`].
    Put,
    /// Only at [`HOLDERS`].
    Delete,
}

/// A parsed head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// Percent-decoded path without query, starting with a slash.
    pub(crate) path: String,
    pub(crate) bearer: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
    pub(crate) if_none_match: Option<String>,
    /// [`PEER_HEADER`], [`AVOID_HEADER`], [`HOLDER_HEADER`] and [`FAULT_HEADER`].
    pub(crate) peer: Option<String>,
    pub(crate) avoid: Option<String>,
    pub(crate) holder: Option<String>,
    pub(crate) fault: Option<String>,
    /// Whether the client asks to close the connection after the answer.
    pub(crate) close: bool,
}

/// The result of parsing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A head, and its length in bytes.
    Complete(Box<Head>, usize),
    Incomplete,
    /// An error status; the connection must be closed after it.
    Refused(Status),
}

/// Parses the head at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => match head(&request) {
            Ok(head) => Parsed::Complete(Box::new(head), length),
            Err(status) => Parsed::Refused(status),
        },
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Parsed::Incomplete,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Parsed::Refused(Status::HeadTooLarge)
        }
        Err(_) => Parsed::Refused(Status::BadRequest),
    }
}

fn head(request: &httparse::Request<'_, '_>) -> Result<Head, Status> {
    let path = path(request.path.unwrap_or_default()).ok_or(Status::BadRequest)?;
    let mut head = Head {
        method: match request.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            Some("PUT") if path.starts_with(HOLDERS) => Method::Put,
            Some("DELETE") if path.starts_with(HOLDERS) => Method::Delete,
            _ => return Err(Status::MethodNotAllowed),
        },
        path,
        close: request.version == Some(0),
        ..Head::default()
    };
    for header in request.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| Status::BadRequest)?.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "authorization" => head.bearer = bearer(value),
            "range" => head.range = Some(value.to_owned()),
            "if-range" => head.if_range = Some(value.to_owned()),
            "if-none-match" => head.if_none_match = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case(PEER_HEADER) => head.peer = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case(AVOID_HEADER) => head.avoid = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case(HOLDER_HEADER) => {
                head.holder = Some(value.to_owned());
            }
            name if name.eq_ignore_ascii_case(FAULT_HEADER) => head.fault = Some(value.to_owned()),
            "connection" => {
                head.close |=
                    value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"));
            }
            // Bodies are never read, and the bytes of one would be taken for the next request.
            "content-length" if value != "0" => return Err(Status::BodyNotAllowed),
            "transfer-encoding" => return Err(Status::BodyNotAllowed),
            _ => {}
        }
    }
    Ok(head)
}

fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// The path of a request target: `/path?query`, or with scheme and host as proxies send it.
fn path(target: &str) -> Option<String> {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|at| rest.get(at..))?
        }
        _ => target,
    };
    let path = target.split(['?', '#']).next()?;
    if !path.starts_with('/') {
        return None;
    }
    percent_decode_str(path).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Head {
        match parse(text.as_bytes()) {
            Parsed::Complete(head, length) if length == text.len() => *head,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn path_token_and_range_are_read() {
        let read = head(
            "GET /a%20b/c?x=1 HTTP/1.1\r\nAuthorization: bearer  t0k\r\nRANGE: bytes=1-2\r\nIf-Range: \"e\"\r\n\r\n",
        );
        assert_eq!(read.path, "/a b/c");
        assert_eq!(read.bearer.as_deref(), Some("t0k"));
        assert_eq!(read.range.as_deref(), Some("bytes=1-2"));
        assert_eq!(read.if_range.as_deref(), Some("\"e\""));
        assert!(!read.close && read.method == Method::Get);
    }

    #[test]
    fn a_target_with_scheme_and_host_is_accepted() {
        assert_eq!(head("HEAD http://host:1/v1/x HTTP/1.1\r\n\r\n").path, "/v1/x");
    }

    #[test]
    fn old_clients_and_close_end_the_connection() {
        assert!(head("GET / HTTP/1.0\r\n\r\n").close);
        assert!(head("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n").close);
    }

    #[test]
    fn unsupported_requests_are_rejected() {
        for (text, status) in [
            ("POST / HTTP/1.1\r\n\r\n", Status::MethodNotAllowed),
            ("PUT /v1/blobs/x HTTP/1.1\r\n\r\n", Status::MethodNotAllowed),
            (
                "PUT /v1/holders/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
                Status::BodyNotAllowed,
            ),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Status::BodyNotAllowed),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Status::BodyNotAllowed),
            ("GET x HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("GET /%ff HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("\u{1}\r\n\r\n", Status::BadRequest),
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Refused(status), "{text:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_HEAD));
        assert_eq!(parse(long.as_bytes()), Parsed::Refused(Status::HeadTooLarge));
    }

    proptest! {
        #[test]
        fn parsing_any_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes);
        }

        #[test]
        fn a_head_may_arrive_in_pieces(cut in 0usize..60) {
            let text = "GET /v1/blobs/x HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n";
            let cut = cut.min(text.len() - 1);
            prop_assert_eq!(parse(&text.as_bytes()[..cut]), Parsed::Incomplete);
        }
    }
}
