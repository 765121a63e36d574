//! Access control of the control API: requests need a token and one of our addresses, and must
//! not come from a web page of others.
//!
//! Health needs no token. The token for viewers suffices to look at the cluster and its metrics,
//! but not for commands, and not for logs: they may contain what the configuration hides.
//!
//! A browser sends the looked-up name as `Host` and the page it acts for as `Origin`. `Host`
//! reveals a page whose own name resolves to our address (DNS rebinding); `Origin` reveals every
//! other page.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use common::connection_limit::Guest;
use tokio::time::timeout;

use super::{Refused, token::Token};

/// The largest body of a command, in bytes.
const LARGEST: usize = 64 << 10;
/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(10);

/// What a request must fulfil.
#[derive(Debug)]
pub(super) struct Gate {
    /// Allows everything.
    pub(super) token: Token,
    /// Only allows to look.
    pub(super) view_token: Option<Token>,
    /// Our host name as others know it.
    pub(super) name: String,
    /// The host and port by which others reach us, if they are configured.
    pub(super) advertised: Option<(String, u16)>,
}

/// The connection of a request.
#[derive(Clone)]
pub(super) struct Connection {
    /// Our end of it.
    pub(super) local: SocketAddr,
    /// Its slot among all connections.
    pub(super) guest: Arc<Guest<IpAddr>>,
}

/// What a request may do, in increasing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Anyone who reaches the API.
    Anyone,
    /// Looks at the cluster.
    View,
    /// Changes the cluster, and reads logs.
    Operate,
}

impl Role {
    /// What a request needs.
    fn needed(method: &Method, uri: &Uri) -> Self {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Self::Operate;
        }
        match uri.path() {
            "/healthz" | "/readyz" => Self::Anyone,
            "/status" | "/workers" | "/history" | "/events" | "/offers" | "/metrics" => Self::View,
            _ => Self::Operate,
        }
    }
}

/// Passes a request on with its whole body, or refuses it.
pub(super) async fn enter(
    State(gate): State<Arc<Gate>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let role = gate.check(request.method(), request.uri(), request.headers(), connection.local)?;
    if role > Role::Anyone {
        connection.guest.stay();
    }
    let (head, body) = request.into_parts();
    let body = timeout(BODY, to_bytes(body, LARGEST)).await;
    let body = body.map_err(|_| {
        (StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time".to_owned())
    })?;
    let body = body.map_err(|_| {
        let why = format!("the request is cut off, or larger than {LARGEST} bytes");
        (StatusCode::PAYLOAD_TOO_LARGE, why)
    })?;
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

impl Gate {
    /// The role of the request's token, if that suffices.
    fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        local: SocketAddr,
    ) -> Result<Role, Refused> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(authority);
        let ours = |host: &Authority| self.is_ours(host, local);
        if !host.as_ref().is_some_and(ours)
            || hosts.next().is_some()
            || !uri.authority().is_none_or(ours)
        {
            let why = format!(
                "this is the control API at {local}: the Host header must have its address, or {}:{}, with this port",
                self.name,
                local.port()
            );
            return Err((StatusCode::MISDIRECTED_REQUEST, why));
        }
        if headers.get_all(header::ORIGIN).iter().any(|origin| !self.is_own_origin(origin, local)) {
            return Err((StatusCode::FORBIDDEN, "no web page may use the control API".to_owned()));
        }
        let shown = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let role = self.role(shown.and_then(bearer).unwrap_or_default());
        let needed = Role::needed(method, uri);
        if role >= needed {
            return Ok(role);
        }
        if role == Role::Anyone {
            let why = "the application master's token is required (Authorization: Bearer …): that of mesos.web.token, \
                       or the one in its run file";
            return Err((StatusCode::UNAUTHORIZED, why.to_owned()));
        }
        let why = "this token only allows to look at the cluster; commands and logs need the one of mesos.web.token";
        Err((StatusCode::FORBIDDEN, why.to_owned()))
    }

    fn role(&self, shown: &[u8]) -> Role {
        if self.token.is(shown) {
            Role::Operate
        } else if self.view_token.as_ref().is_some_and(|token| token.is(shown)) {
            Role::View
        } else {
            Role::Anyone
        }
    }

    /// Whether the header names this server.
    fn is_ours(&self, host: &Authority, local: SocketAddr) -> bool {
        if host.as_str().contains('@') {
            return false;
        }
        let bare = host.host().trim_matches(['[', ']']);
        if self.advertised.as_ref().is_some_and(|(name, port)| {
            host.port_u16() == Some(*port) && bare.eq_ignore_ascii_case(name)
        }) {
            return true;
        }
        if host.port_u16() != Some(local.port()) {
            return false;
        }
        let address = local.ip().to_canonical();
        if let Ok(named) = bare.parse::<IpAddr>() {
            return named.to_canonical() == address;
        }
        let is = |known: &str| bare.eq_ignore_ascii_case(known);
        is(&self.name) || address.is_loopback() && is("localhost")
    }

    fn is_own_origin(&self, origin: &HeaderValue, local: SocketAddr) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let host = origin.and_then(|(_, host)| host.parse().ok());
        host.is_some_and(|host| self.is_ours(&host, local))
    }
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    value.to_str().ok()?.parse().ok()
}

/// The token behind the scheme, whose letters may be large or small.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-of-a-test";

    const VIEW_TOKEN: &str = "a-token-of-a-viewer";

    fn gate(name: &str, advertised: Option<(&str, u16)>) -> Gate {
        let advertised = advertised.map(|(name, port)| (name.to_owned(), port));
        let view_token = Token::parse(VIEW_TOKEN).ok();
        Gate { token: Token::parse(TOKEN).unwrap(), view_token, name: name.to_owned(), advertised }
    }

    #[test]
    fn the_configured_address_for_others_is_ours_with_its_port_only() {
        let gate = gate("master", Some(("Gateway.example", 31002)));
        let is_ours =
            |host: &str| gate.is_ours(&host.parse().unwrap(), "10.0.0.5:4711".parse().unwrap());
        for host in ["gateway.example:31002", "master:4711", "10.0.0.5:4711"] {
            assert!(is_ours(host), "{host}");
        }
        for host in ["gateway.example:4711", "master:31002", "evil.example:31002"] {
            assert!(!is_ours(host), "{host}");
        }
    }

    fn check(local: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), u16> {
        let gate = gate("Master.example", None);
        let name = |name: &str| name.parse::<header::HeaderName>().unwrap();
        let headers =
            headers.iter().map(|(key, value)| (name(key), value.parse().unwrap())).collect();
        gate.check(&Method::GET, &uri.parse().unwrap(), &headers, local.parse().unwrap())
            .map(drop)
            .map_err(|(status, _)| status.as_u16())
    }

    fn with(local: &str, host: &str, origin: Option<&str>) -> Result<(), u16> {
        let bearer = format!("Bearer {TOKEN}");
        let mut headers = vec![("host", host), ("authorization", &bearer)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        check(local, "/workers", &headers)
    }

    #[test]
    fn a_foreign_host_name_is_refused_whatever_it_resolves_to() {
        for host in ["127.0.0.1:80", "localhost:80", "LOCALHOST:80", "master.example:80"] {
            assert_eq!(with("127.0.0.1:80", host, None), Ok(()), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:81",
            "evil.example:80",
            "localhost.evil.example:80",
            "127.0.0.2:80",
            "",
            "a@localhost:80",
        ] {
            assert_eq!(with("127.0.0.1:80", host, None), Err(421), "{host}");
        }
        assert_eq!(with("[::1]:80", "[::1]:80", None), Ok(()));
        assert_eq!(with("[::ffff:10.0.0.5]:80", "10.0.0.5:80", None), Ok(()));
        assert_eq!(
            with("10.0.0.5:80", "localhost:80", None),
            Err(421),
            "localhost cannot be another machine"
        );
    }

    #[test]
    fn a_request_names_one_host_and_no_other_in_its_target() {
        let bearer = format!("Bearer {TOKEN}");
        let own = [("host", "127.0.0.1:80"), ("authorization", bearer.as_str())];
        assert_eq!(check("127.0.0.1:80", "http://127.0.0.1:80/workers", &own), Ok(()));
        assert_eq!(check("127.0.0.1:80", "http://evil.example/workers", &own), Err(421));
        let two: Vec<_> = own.iter().copied().chain([("host", "evil.example")]).collect();
        let gate = gate("", None);
        let mut headers = HeaderMap::new();
        for (name, value) in two {
            headers.append(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert!(
            gate.check(
                &Method::GET,
                &"/workers".parse().unwrap(),
                &headers,
                "127.0.0.1:80".parse().unwrap()
            )
            .is_err()
        );
        assert_eq!(check("127.0.0.1:80", "/workers", &own[1..]), Err(421), "no host at all");
    }

    #[test]
    fn a_foreign_web_page_is_refused_even_with_the_token() {
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:81",
            "http://127.0.0.1",
            "https://localhost",
        ] {
            assert_eq!(with("127.0.0.1:80", "127.0.0.1:80", Some(origin)), Err(403), "{origin}");
        }
        assert_eq!(with("127.0.0.1:80", "127.0.0.1:80", Some("http://localhost:80")), Ok(()));
    }

    #[test]
    fn nobody_has_access_without_the_token() {
        let host = ("host", "127.0.0.1:80");
        let other = format!("Bearer {TOKEN}x");
        let basic = format!("Basic {TOKEN}");
        for shown in ["", "Bearer", "Bearer ", "Bearer a", TOKEN, &other, &basic] {
            assert_eq!(
                check("127.0.0.1:80", "/workers", &[host, ("authorization", shown)]),
                Err(401),
                "{shown}"
            );
        }
        assert_eq!(check("127.0.0.1:80", "/workers", &[host]), Err(401));
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let shown = format!("{scheme} {TOKEN}");
            assert_eq!(
                check("127.0.0.1:80", "/workers", &[host, ("authorization", &shown)]),
                Ok(()),
                "{scheme}"
            );
        }
    }

    #[test]
    fn a_viewer_may_look_but_neither_give_commands_nor_read_logs_and_health_needs_no_token() {
        let gate = gate("Master.example", None);
        let check = |method: &Method, uri: &str, token: &str| {
            let shown = format!("Bearer {token}");
            let headers = [("host", "127.0.0.1:80"), ("authorization", &shown)].into_iter();
            let headers = headers.map(|(key, value)| {
                (key.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())
            });
            let local = "127.0.0.1:80".parse().unwrap();
            let checked = gate.check(method, &uri.parse().unwrap(), &headers.collect(), local);
            checked.map_err(|(status, _)| status.as_u16())
        };
        for uri in ["/status", "/workers", "/history", "/events?after=1", "/offers", "/metrics"] {
            assert_eq!(check(&Method::GET, uri, VIEW_TOKEN), Ok(Role::View), "{uri}");
            assert_eq!(check(&Method::GET, uri, "x"), Err(401), "{uri}");
        }
        for (method, uri) in [
            (Method::POST, "/commands"),
            (Method::POST, "/status"),
            (Method::GET, "/logs?of=1"),
            (Method::GET, "/workers/"),
            (Method::GET, "/unknown"),
            (Method::POST, "/healthz"),
        ] {
            assert_eq!(check(&method, uri, VIEW_TOKEN), Err(403), "{method} {uri}");
            assert_eq!(check(&method, uri, TOKEN), Ok(Role::Operate), "{method} {uri}");
        }
        for uri in ["/healthz", "/readyz"] {
            assert_eq!(check(&Method::GET, uri, "x"), Ok(Role::Anyone), "{uri}");
        }
    }
}
