//! Method, content types and encodings: what is refused before anybody looks at the call.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::codec::{Codec, Described, Media};

/// The call in a request, or the answer that refuses it.
pub(super) fn decoded<M: Described>(
    codec: &Codec,
    method: &Method,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<M, Box<Response>> {
    if method != Method::POST {
        let message = format!(
            "405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'."
        );
        return Err(Box::new(
            (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], message).into_response(),
        ));
    }
    let refuse =
        |status: StatusCode, message: String| Err(Box::new((status, message).into_response()));
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else {
        return refuse(StatusCode::BAD_REQUEST, "Expecting 'Content-Type' to be present".into());
    };
    let Some(media) = Media::ALL.into_iter().find(|media| content_type == media.name()) else {
        let message = "Expecting 'Content-Type' of application/json or application/x-protobuf";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.into());
    };
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING) {
        let message = format!("The local Mesos does not read 'Content-Encoding' {encoding:?}");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    codec.decode(media, body).or_else(|message| refuse(StatusCode::BAD_REQUEST, message))
}

/// The encoding that a subscriber gets its events in: JSON unless it wants protobuf only.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Media, Box<Response>> {
    let lists = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> = lists
        .flat_map(|list| list.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .collect();
    let accepts = |media: &Media| {
        ranges.is_empty()
            || ranges.iter().any(|range| [media.name(), "*/*", "application/*"].contains(range))
    };
    Media::ALL.into_iter().find(accepts).ok_or_else(|| {
        let message = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
        Box::new((StatusCode::NOT_ACCEPTABLE, message).into_response())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Result<Media, StatusCode> {
        let headers = [(header::ACCEPT, value.parse().unwrap())].into_iter().collect();
        accepted(&headers).map_err(|response| response.status())
    }

    #[test]
    fn json_is_preferred_unless_only_protobuf_is_accepted() {
        assert_eq!(accepted(&HeaderMap::new()).unwrap(), Media::Json);
        assert_eq!(accept("*/*"), Ok(Media::Json));
        assert_eq!(accept("application/x-protobuf, application/json;q=0.5"), Ok(Media::Json));
        assert_eq!(accept("application/x-protobuf"), Ok(Media::Protobuf));
        assert_eq!(accept("text/html"), Err(StatusCode::NOT_ACCEPTABLE));
    }

    #[test]
    fn a_compressed_call_is_refused_by_the_name_of_its_encoding() {
        let headers =
            [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
        let headers =
            headers.map(|(name, value)| (name, value.parse().unwrap())).into_iter().collect();
        let body = Bytes::from_static(b"{}");
        let refused = decoded::<mesos::v1::scheduler::Call>(
            &Codec::new().unwrap(),
            &Method::POST,
            &headers,
            &body,
        );
        assert_eq!(refused.unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
