//! Files with certificates and keys: detect the format, whatever the name.

use std::fmt;
use std::path::Path;

use common::files::LARGEST_CERTIFICATES;

use super::TlsError;

/// Key store formats that Java uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFormat {
    /// Java's old format.
    Jks,
    /// Java's old format with stronger encryption.
    Jceks,
    /// The standard format, `keytool`'s default since Java 9.
    Pkcs12,
}

/// The content of such a file.
pub(super) enum Content {
    /// Text, presumably PEM.
    Pem(Vec<u8>),
    Pkcs12(Vec<u8>),
}

impl Content {
    /// Reads a file. Java's old formats are rejected, with the command to convert them.
    pub(super) fn read(path: &Path) -> Result<Self, TlsError> {
        let bytes = common::files::read(path, LARGEST_CERTIFICATES)?;
        match StoreFormat::of(&bytes) {
            None => Ok(Self::Pem(bytes)),
            Some(StoreFormat::Pkcs12) => Ok(Self::Pkcs12(bytes)),
            Some(format) => {
                let from = path.display();
                let command = format!(
                    "keytool -importkeystore -srckeystore {from} -destkeystore {from}.p12 -deststoretype pkcs12"
                );
                Err(TlsError::OtherFormat {
                    path: path.to_owned(),
                    format,
                    wanted: "PKCS#12",
                    command,
                })
            }
        }
    }

    /// The text, where only PEM is accepted.
    pub(super) fn pem(self, path: &Path) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Pem(bytes) => Ok(bytes),
            Self::Pkcs12(_) => {
                let command = format!("openssl pkcs12 -in {0} -nodes -out {0}.pem", path.display());
                let (path, format) = (path.to_owned(), StoreFormat::Pkcs12);
                Err(TlsError::OtherFormat { path, format, wanted: "PEM", command })
            }
        }
    }
}

impl StoreFormat {
    /// Detects the format from the first bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => Some(Self::Jks),
            [0xce, 0xce, 0xce, 0xce, ..] => Some(Self::Jceks),
            // A DER sequence that begins with version number 3; its length takes one to three
            // bytes.
            [0x30, 0x81, _, 0x02, 0x01, 0x03, ..]
            | [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..]
            | [0x30, 0x83, _, _, _, 0x02, 0x01, 0x03, ..] => Some(Self::Pkcs12),
            _ => None,
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
