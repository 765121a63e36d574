//! Certificates that clients trust, and whether they accept a given certificate.

use std::path::Path;
use std::sync::Arc;

use common::tls::provider;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use super::file::Content;
use super::{Identity, Loaded, Password, TlsError, certificates, content};

/// Trusted certificates. They are not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust(Vec<CertificateDer<'static>>);

impl Trust {
    /// All certificates in a file: PEM, or a PKCS#12 store with its password. Blocks.
    pub fn read(path: &Path, password: Option<&Password>) -> Result<Self, TlsError> {
        match Content::read(path)? {
            Content::Pem(pem) => certificates(&pem, path).map(Self),
            Content::Pkcs12(bytes) => {
                let none = Password::new("");
                super::pkcs12::certificates(&bytes, path, password.unwrap_or(&none)).map(Self)
            }
        }
    }

    /// Trusts a server's own certificates: enough for a self-signed one, or one that includes its
    /// authority. Blocks.
    pub fn in_itself(identity: &Identity) -> Result<Self, TlsError> {
        identity.chain().map(Self)
    }

    /// A client that trusts these certificates, and presents `identity` if a server asks for one.
    /// Blocks.
    pub fn client(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = provider();
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = versions.map_err(|error| TlsError::Read(std::io::Error::other(error)))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        let client = client.with_root_certificates(roots);
        let Some(identity) = identity else { return Ok(Arc::new(client.with_no_client_auth())) };
        let Loaded { chain, key } = identity.loaded()?;
        let client = client.with_client_auth_cert(chain, key);
        let unfit =
            |error| content(identity.certificate(), format!("cannot be shown to servers: {error}"));
        client.map(Arc::new).map_err(unfit)
    }

    /// All certificates in PEM.
    pub fn to_pem(&self) -> String {
        use base64::Engine as _;
        let mut pem = String::new();
        for certificate in &self.0 {
            let text = base64::engine::general_purpose::STANDARD.encode(certificate);
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (line, more) = rest.split_at(rest.len().min(64));
                pem.push_str(line);
                pem.push('\n');
                rest = more;
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
        pem
    }

    /// Whether clients with this trust accept `identity` for that host name or address. Blocks.
    pub fn check(&self, identity: &Identity, host: &str) -> Result<(), TlsError> {
        let path = identity.certificate();
        let not_trusted = |reason: String| TlsError::NotTrusted {
            path: path.to_owned(),
            host: host.to_owned(),
            reason,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        let provider = provider();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|error| not_trusted(error.to_string()))?;
        let chain = identity.chain()?;
        let (own, others) = chain
            .split_first()
            .ok_or_else(|| content(path, "contains no certificate".to_owned()))?;
        let name = ServerName::try_from(host).map_err(|error| not_trusted(error.to_string()))?;
        match verifier.verify_server_cert(own, others, &name, &[], UnixTime::now()) {
            Ok(_) => Ok(()),
            Err(error) => Err(not_trusted(advice(&error))),
        }
    }
}

fn advice(error: &rustls::Error) -> String {
    let advice = match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "it needs a subjectAltName for it (keytool -ext SAN=dns:… or ip:…)",
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the trust store must contain the certificate of its signer"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}
