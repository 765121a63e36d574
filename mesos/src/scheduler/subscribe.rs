//! One SUBSCRIBE: to that master, or to the one that it redirects to.

use std::sync::Arc;

use common::causes::with_causes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use prost::Message;
use rustls::ClientConfig;

use super::queue::{PATH, STREAM_ID};
use crate::{
    master::HostPort,
    transport::{Connection, RecordStream, Target, TransportError, read_reason},
    v1::{
        FrameworkInfo,
        scheduler::{Call, OfferConstraints, call},
    },
};

/// Redirects that are followed before masters count as confused.
const MAX_REDIRECTS: usize = 5;
/// The largest event, in bytes: offers of ten thousand agents fit in a tenth of it.
const MAX_EVENT: usize = 256 * 1024 * 1024;

/// What opens masters to us.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) authorization: Option<HeaderValue>,
}

/// What is asked of the allocator from the start.
#[derive(Clone, Default)]
pub(super) struct Wishes {
    pub(super) suppressed_roles: Vec<String>,
    pub(super) offer_constraints: Option<OfferConstraints>,
}

/// A stream of events that has begun.
pub(super) struct Subscription {
    pub(super) target: Target,
    pub(super) stream_id: HeaderValue,
    pub(super) records: RecordStream,
}

/// Why there is none, for people.
pub(super) enum Refusal {
    /// Worth another attempt.
    Retry(String),
    /// There is no such API. A master that is just starting says so, too, before its routes are
    /// there.
    NoApi(String),
    /// The same would be said again.
    Final(String),
}

/// Subscribes at this master or wherever it redirects to.
pub(super) async fn subscribe(
    master: &HostPort,
    access: &Access,
    framework: &FrameworkInfo,
    wishes: &Wishes,
) -> Result<Subscription, Refusal> {
    let mut target = Target { host: master.clone(), tls: access.tls.clone(), socket: None };
    let body = bytes::Bytes::from(subscribe_call(framework, wishes).encode_to_vec());
    let mut headers = HeaderMap::new();
    if let Some(authorization) = &access.authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    for _ in 0..=MAX_REDIRECTS {
        let unreachable = |error: TransportError| {
            let by = if target.host == *master {
                String::new()
            } else {
                format!("redirected by {master}: ")
            };
            Refusal::Retry(by + &with_causes(&error))
        };
        let mut connection = Connection::open(&target).await.map_err(unreachable)?;
        let answer =
            connection.post(PATH, headers.clone(), body.clone()).await.map_err(unreachable)?;
        match answer.status() {
            StatusCode::OK => return accepted(target, connection, answer),
            status if status.is_redirection() => {
                target.host = leader_of(&target, &answer).map_err(Refusal::Retry)?;
            }
            status => {
                return Err(refusal(
                    &target,
                    access.authorization.is_some(),
                    status,
                    &read_reason(answer.into_body()).await,
                ));
            }
        }
    }
    Err(Refusal::Retry(format!(
        "{master} and others only redirect to each other, no leader among them"
    )))
}

fn subscribe_call(framework: &FrameworkInfo, wishes: &Wishes) -> Call {
    let subscribe = call::Subscribe {
        framework_info: framework.clone(),
        suppressed_roles: wishes.suppressed_roles.clone(),
        offer_constraints: wishes.offer_constraints.clone(),
    };
    Call {
        framework_id: framework.id.clone(),
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(subscribe),
        ..Call::default()
    }
}

fn accepted(
    target: Target,
    connection: Connection,
    answer: Response<Incoming>,
) -> Result<Subscription, Refusal> {
    let Some(stream_id) = answer.headers().get(STREAM_ID).cloned() else {
        return Err(Refusal::Retry(format!(
            "{target} answers without a Mesos-Stream-Id: is it a Mesos master?"
        )));
    };
    Ok(Subscription {
        target,
        stream_id,
        records: connection.into_records(answer.into_body(), MAX_EVENT),
    })
}

/// The master that a redirect names: `//host:port/…` as Mesos says it, or with a scheme.
pub(super) fn leader_of(target: &Target, answer: &Response<Incoming>) -> Result<HostPort, String> {
    let location = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let ours = if target.tls.is_some() { "https:" } else { "http:" };
    let authority =
        location.split_once("//").filter(|(scheme, _)| scheme.is_empty() || *scheme == ours);
    authority
        .and_then(|(_, rest)| rest.split('/').next()?.parse().ok())
        .ok_or_else(|| format!("{target} redirects to {location:?}, expected is {ours}//host:port"))
}

fn refusal(target: &Target, authorized: bool, status: StatusCode, reason: &str) -> Refusal {
    let said = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match status {
        StatusCode::NOT_FOUND => Refusal::NoApi(format!(
            "{target} has no v1 scheduler API (404): Mesos 1.0 or newer is needed, or it is no Mesos master"
        )),
        StatusCode::UNAUTHORIZED if authorized => Refusal::Final(format!(
            "{target} refused the framework's principal and secret ({status})"
        )),
        StatusCode::UNAUTHORIZED => Refusal::Final(format!(
            "{target} wants a principal and a secret, and none are set ({status})"
        )),
        _ if status.is_client_error()
            && status != StatusCode::REQUEST_TIMEOUT
            && status != StatusCode::TOO_MANY_REQUESTS =>
        {
            Refusal::Final(format!("{target} refused the framework ({status}){said}"))
        }
        _ => Refusal::Retry(format!("{target} does not take frameworks now ({status}){said}")),
    }
}
