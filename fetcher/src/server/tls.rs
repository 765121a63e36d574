//! The server's own certificate and key.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where the server's certificate and key lie, in PEM. Both may be in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those that lead to the root.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1, without a password.
    pub key: PathBuf,
}

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read; the error names it.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A file of another format, with the way to convert it.
    #[error("{path} is a {format} key store, PEM is needed; convert it: {command}")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it is.
        format: StoreFormat,
        /// The commands that make PEM of it.
        command: String,
    },
    /// No PEM, or not what it should hold.
    #[error("{path} {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Key stores that Java uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFormat {
    /// Java's own old format.
    Jks,
    /// Java's own old format with stronger encryption.
    Jceks,
    /// The standard one, `keytool`'s default since Java 9.
    Pkcs12,
}

impl Identity {
    /// Reads and checks both. Blocks.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        // Whoever was first in this process has chosen the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let chain = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| content(&self.certificate, format!("holds no certificate in PEM: {error}")))?;
        if chain.is_empty() {
            return Err(content(&self.certificate, "holds no certificate in PEM".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| content(&self.key, format!("holds no private key in PEM without a password: {error}")))?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        config.map(Arc::new).map_err(|error| content(&self.key, format!("does not fit the certificate: {error}")))
    }
}

fn content(path: &Path, reason: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), reason }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let bytes = fs_err::read(path)?;
    let Some(format) = StoreFormat::of(&bytes) else { return Ok(bytes) };
    Err(TlsError::OtherFormat { path: path.to_owned(), format, command: format.conversion(path) })
}

impl StoreFormat {
    /// By the first bytes, whatever the file is called.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => Some(Self::Jks),
            [0xce, 0xce, 0xce, 0xce, ..] => Some(Self::Jceks),
            // A DER sequence with a long length that begins with the version number 3.
            [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..] | [0x30, 0x83, _, _, _, 0x02, 0x01, 0x03, ..] => {
                Some(Self::Pkcs12)
            }
            _ => None,
        }
    }

    fn conversion(self, path: &Path) -> String {
        let from = path.display();
        match self {
            Self::Pkcs12 => format!("openssl pkcs12 -in {from} -nodes -out {from}.pem"),
            Self::Jks | Self::Jceks => format!(
                "keytool -importkeystore -srckeystore {from} -destkeystore {from}.p12 -deststoretype PKCS12 && \
                 openssl pkcs12 -in {from}.p12 -nodes -out {from}.pem"
            ),
        }
    }
}

impl fmt::Display for StoreFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Jks => "JKS",
            Self::Jceks => "JCEKS",
            Self::Pkcs12 => "PKCS#12",
        })
    }
}
