//! Who is let in: the owner, who has the credential, and executors, which find their token in their
//! environment. Nobody else of this machine, and no web page.

use std::{io, path::Path, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use rand::{TryRngCore as _, rngs::OsRng};
use subtle::ConstantTimeEq as _;

use mesos::scheduler::Credential;

use crate::listener::Peer;

/// The file with the credential in the work folder, in the form that Mesos's own flags take.
pub(crate) const FILE: &str = "credential.json";

const PRINCIPAL: &str = "owner";

/// Paths that say nothing about anybody.
const OPEN: [&str; 5] = ["/health", "/master/health", "/version", "/redirect", "/master/redirect"];

/// What is wanted of requests.
pub(crate) struct Access {
    pub(crate) credential: Credential,
    owner: HeaderValue,
    executors: HeaderValue,
    /// `127.0.0.1:port` and `localhost:port`.
    hosts: [String; 2],
}

impl Access {
    /// With secrets made by chance, for a listener on that port. Gives the executors' token, too.
    pub(crate) fn new(port: u16) -> io::Result<(Self, String)> {
        let credential = Credential { principal: PRINCIPAL.to_owned(), secret: secret()? };
        let token = secret()?;
        let owner = credential.authorization();
        let executors =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(io::Error::other)?;
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        Ok((Self { credential, owner, executors, hosts }, token))
    }

    /// Why a request is not let in.
    fn check(&self, path: &str, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let is_ours = |host: &HeaderValue| {
            self.hosts.iter().any(|own| host.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
        };
        if !hosts.next().is_some_and(is_ours) || hosts.next().is_some() {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                "The local Mesos is asked by its address, 127.0.0.1 and its port",
            ));
        }
        if headers.contains_key(header::ORIGIN) {
            return Err((StatusCode::FORBIDDEN, "The local Mesos is not for web pages"));
        }
        if OPEN.contains(&path) {
            return Ok(());
        }
        let shown =
            headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let is = |wanted: &HeaderValue| bool::from(shown.ct_eq(wanted.as_bytes()));
        let is_executor = path.ends_with("/api/v1/executor") && is(&self.executors);
        if is(&self.owner) || is_executor {
            return Ok(());
        }
        Err((
            StatusCode::UNAUTHORIZED,
            "The local Mesos lets its owner in alone: the credential is in its work folder",
        ))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("credential", &self.credential)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Lets a request in or refuses it.
pub(crate) async fn enter(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    match access.check(request.uri().path(), request.headers()) {
        Ok(()) => {
            if !OPEN.contains(&request.uri().path())
                && let Some(peer) = request.extensions().get::<Peer>()
            {
                peer.stay();
            }
            next.run(request).await
        }
        Err((StatusCode::UNAUTHORIZED, why)) => {
            let realm = [(header::WWW_AUTHENTICATE, "Basic realm=\"mesos-local\"")];
            (StatusCode::UNAUTHORIZED, realm, why).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

/// Writes the credential for the owner's other frameworks, readable by nobody else. Blocks.
pub(crate) fn write(credential: &Credential, folder: &Path) -> io::Result<()> {
    let path = folder.join(FILE);
    match fs_err::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let Credential { principal, secret } = credential;
    let text = serde_json::json!({ "principal": principal, "secret": secret }).to_string();
    let mut file =
        fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// 256 bits by chance.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        access: &Access,
        path: &str,
        headers: &[(header::HeaderName, &str)],
    ) -> Result<(), u16> {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        access.check(path, &headers).map_err(|(status, _)| status.as_u16())
    }

    const SCHEDULER: &str = "/api/v1/scheduler";
    const EXECUTOR: &str = "/slave(1)/api/v1/executor";

    #[test]
    fn nobody_but_the_owner_and_executors_is_let_in() {
        let (access, token) = Access::new(5050).unwrap();
        let host = (header::HOST, "127.0.0.1:5050");
        let owner = access.owner.to_str().unwrap().to_owned();
        let executor = format!("Bearer {token}");
        for (path, shown, expected) in [
            (SCHEDULER, owner.as_str(), Ok(())),
            (EXECUTOR, &owner, Ok(())),
            (EXECUTOR, &executor, Ok(())),
            (SCHEDULER, &executor, Err(401)),
            (SCHEDULER, "", Err(401)),
            (EXECUTOR, "Basic b3duZXI6", Err(401)),
            ("/anything", "", Err(401)),
            ("/health", "", Ok(())),
        ] {
            let shown = (header::AUTHORIZATION, shown);
            assert_eq!(check(&access, path, &[host.clone(), shown]), expected, "{path}");
        }
        assert_eq!(check(&access, SCHEDULER, &[host]), Err(401));
        let (other, _) = Access::new(5050).unwrap();
        assert_ne!(other.credential.secret, access.credential.secret);
    }

    #[test]
    fn a_web_page_is_not_let_in_even_with_the_credential() {
        let (access, _) = Access::new(5050).unwrap();
        let owner = (header::AUTHORIZATION, access.owner.to_str().unwrap().to_owned());
        let owner = (owner.0, owner.1.as_str());
        let host = |host| (header::HOST, host);
        assert_eq!(check(&access, SCHEDULER, &[host("localhost:5050"), owner.clone()]), Ok(()));
        for foreign in ["evil.example:5050", "127.0.0.1", "127.0.0.1:80", "[::1]:5050"] {
            assert_eq!(
                check(&access, SCHEDULER, &[host(foreign), owner.clone()]),
                Err(421),
                "{foreign}"
            );
        }
        let origin = (header::ORIGIN, "http://127.0.0.1:5050");
        assert_eq!(check(&access, SCHEDULER, &[host("127.0.0.1:5050"), owner, origin]), Err(403));
    }
}
