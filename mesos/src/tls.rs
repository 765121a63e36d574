//! Which certificates a TLS client trusts.

use std::{io, path::Path, path::PathBuf, sync::Arc};

use common::{
    files::LARGEST_CERTIFICATES,
    tls::{install_provider, provider},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with certificates cannot be read.
    #[error("cannot read certificates: {0}")]
    Read(#[from] io::Error),
    /// The file holds no usable certificate.
    #[error("no usable certificate in {path}, allowed are PEM certificates: {why}")]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// The error in it.
        why: String,
    },
    /// The machine has no trusted certificates.
    #[error("no trusted certificates on this machine, name a CA file instead: {0}")]
    NoSystemCertificates(String),
    /// The crypto provider refused its own defaults.
    #[error("no TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A TLS client that trusts the certificates of that PEM file and no others, or, without a file,
/// those of the machine.
///
/// Reads files: call it off the async threads.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    install_provider();
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => roots_of_machine()?,
    };
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// A TLS client that encrypts but takes any certificate: what Mesos's own executors do by default.
pub fn unverified_client_config() -> Arc<ClientConfig> {
    install_provider();
    let verifier = Arc::new(AnyCertificate(provider().signature_verification_algorithms));
    Arc::new(
        ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth(),
    )
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let error = |why: String| TlsError::NoCertificate { path: path.to_owned(), why };
    let text = common::files::read(path, LARGEST_CERTIFICATES)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|source| error(source.to_string()))?;
        roots.add(certificate).map_err(|source| error(source.to_string()))?;
    }
    if roots.is_empty() { Err(error("there is none".to_owned())) } else { Ok(roots) }
}

fn roots_of_machine() -> Result<RootCertStore, TlsError> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        let why = loaded.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(TlsError::NoSystemCertificates(why));
    }
    Ok(roots)
}

/// Takes any certificate; that the other end holds its key is still verified.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
