//! The server's own certificate and key, and the certificates that its clients must trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use common::tls::install_provider;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use file::Content;

pub use file::StoreFormat;
pub use trust::Trust;

mod file;
mod pkcs12;
mod trust;

/// Location of the server's certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// In PEM. Both may be in the same file.
    Pem {
        /// The certificate, followed by the intermediate ones up to the root.
        certificate: PathBuf,
        /// The private key: PKCS#8, PKCS#1 or SEC1, without a password.
        key: PathBuf,
    },
    /// In a PKCS#12 key store. If it has several keys, the first name counts.
    KeyStore {
        /// The store.
        path: PathBuf,
        /// The password of store and key, which is the same in this format.
        password: Password,
    },
}

/// A password; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read; the error names it.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The file has another format; the error includes the command to convert it.
    #[error("{path} is a {format} key store, {wanted} is required; convert it: {command}")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: StoreFormat,
        /// The required format.
        wanted: &'static str,
        /// The command that converts it.
        command: String,
    },
    /// The content is wrong, or the password does not open it.
    #[error("{path} {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// Clients would reject the certificate.
    #[error("workers would not trust the certificate in {path} under the name {host}: {reason}")]
    NotTrusted {
        /// The file with the certificate.
        path: PathBuf,
        /// The host name or address that clients use.
        host: String,
        /// Why they would reject it, and how to fix that.
        reason: String,
    },
}

/// A certificate with its chain, and its key.
pub(crate) struct Loaded {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads and checks both. Blocks.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        install_provider();
        let loaded = self.loaded()?;
        let key = match self {
            Self::Pem { key, .. } => key,
            Self::KeyStore { path, .. } => path,
        };
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(loaded.chain, loaded.key);
        config
            .map(Arc::new)
            .map_err(|error| content(key, format!("does not fit the certificate: {error}")))
    }

    /// Identity in a file of any supported format; the name of a PEM file ends with `.pem`.
    pub fn in_file(path: PathBuf, password: Option<Password>) -> Self {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pem")) {
            return Self::Pem { certificate: path.clone(), key: path };
        }
        Self::KeyStore { path, password: password.unwrap_or_else(|| Password::new("")) }
    }

    fn loaded(&self) -> Result<Loaded, TlsError> {
        match self {
            Self::Pem { certificate, key } => read_pem(certificate, key),
            Self::KeyStore { path, password } => pkcs12::read_identity(path, password),
        }
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        match self {
            Self::Pem { certificate, .. } => read_chain(certificate),
            Self::KeyStore { path, password } => Ok(pkcs12::read_identity(path, password)?.chain),
        }
    }

    fn certificate(&self) -> &Path {
        match self {
            Self::Pem { certificate, .. } => certificate,
            Self::KeyStore { path, .. } => path,
        }
    }
}

impl Password {
    /// A password in plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(hidden)")
    }
}

fn read_pem(certificate: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let chain = read_chain(certificate)?;
    let no_key =
        |error| content(key, format!("contains no unencrypted private key in PEM: {error}"));
    let key = PrivateKeyDer::from_pem_slice(&Content::read(key)?.pem(key)?).map_err(no_key)?;
    Ok(Loaded { chain, key })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(&Content::read(path)?.pem(path)?, path)
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found =
        found.map_err(|error| content(path, format!("contains no certificate in PEM: {error}")))?;
    if found.is_empty() {
        Err(content(path, "contains no certificate in PEM".to_owned()))
    } else {
        Ok(found)
    }
}

fn content(path: &Path, reason: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), reason }
}
