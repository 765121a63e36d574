//! The body of a request, with limits for its size, its time, and the memory of all such bodies.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use common::files::LARGEST_CERTIFICATES;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::state::Daemon;

/// Time limit for a request's body; those of our clients have a few hundred bytes.
const BODY: Duration = Duration::from_secs(10);

/// The largest body of a request without certificates, in bytes.
pub(super) const LARGEST: usize = 64 << 10;
/// The largest one with certificates. A line end of theirs has two characters in JSON.
pub(super) const LARGEST_WITH_CERTIFICATES: usize = LARGEST_CERTIFICATES as usize + 4 * LARGEST;
/// How many of the largest fit into the memory for bodies with certificates.
const MOST_WITH_CERTIFICATES: usize = 4;

/// A request's body, if it arrives in time.
pub(super) struct Body<T>(pub(super) T);

/// Memory for a body that is larger than usual, until its fetch has ended. Connections share a
/// small amount: an executor that gets none fetches by itself.
pub(super) struct Memory(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Memory {
    /// The memory for all such bodies, in bytes.
    pub(super) fn all() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MOST_WITH_CERTIFICATES * LARGEST_WITH_CERTIFICATES))
    }
}

impl FromRequestParts<Arc<Daemon>> for Memory {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut Parts,
        daemon: &Arc<Daemon>,
    ) -> Result<Self, Self::Rejection> {
        let length = parts.headers.get(header::CONTENT_LENGTH);
        // Without a length, the body may have any.
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let length = length.unwrap_or(usize::MAX).min(LARGEST_WITH_CERTIFICATES);
        if length <= LARGEST {
            return Ok(Self(None));
        }
        let memory = Arc::clone(&daemon.memory).try_acquire_many_owned(length as u32);
        memory.map(|memory| Self(Some(memory))).map_err(|_| {
            let why = "too many requests with large certificates are being answered; try again\n";
            (StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match timeout(BODY, Json::from_request(request, state)).await {
            Ok(Ok(Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let why = format!(
                    "the request is too large: allowed are {LARGEST} bytes, and \
                     {LARGEST_WITH_CERTIFICATES} for a fetch with certificates\n"
                );
                Err((StatusCode::PAYLOAD_TOO_LARGE, why).into_response())
            }
            Ok(Err(rejection)) => Err(rejection.into_response()),
            Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n")
                .into_response()),
        }
    }
}
