//! Read PKCS#12 key stores, as written by `keytool` and `openssl`.

use std::path::Path;

use p12_keystore::{KeyStore, Pkcs12Archive, Pkcs12ImportPolicy};
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::{PrivateKeyInfoRef, der};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::file::Content;
use super::{Loaded, Password, TlsError, content};

/// The first key in the store, with its certificates. Blocks: deriving the key from the password
/// takes a moment.
pub(super) fn read_identity(path: &Path, password: &Password) -> Result<Loaded, TlsError> {
    let bytes = match Content::read(path)? {
        Content::Pkcs12(bytes) => bytes,
        Content::Pem(_) => return Err(content(path, "is no PKCS#12 key store".to_owned())),
    };
    let store = KeyStore::from_pkcs12(&bytes, &password.0, Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|error| unreadable(path, &error))?;
    let none = || content(path, "contains no private key with its certificate".to_owned());
    let (_, entry) = store.private_key_chain().ok_or_else(none)?;
    let own = entry.certs().first().ok_or_else(none)?;
    let key = entry.key().as_der();
    let key = with_public_key(key, own.as_der()).unwrap_or_else(|_| key.to_vec());
    let chain = entry.certs().iter().map(certificate).collect();
    Ok(Loaded { chain, key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)) })
}

/// An elliptic-curve key completed with its public half from the certificate: Java leaves it out,
/// and ring requires it. Other kinds of keys are an error.
fn with_public_key(key: &[u8], certificate: &[u8]) -> der::Result<Vec<u8>> {
    let certificate = x509_cert::Certificate::from_der(certificate)?;
    let public =
        certificate.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    let key = PrivateKeyInfoRef::from_der(key)?;
    let private = sec1::EcPrivateKey::from_der(key.private_key.as_bytes())?;
    let private = sec1::EcPrivateKey { public_key: Some(public), ..private }.to_der()?;
    PrivateKeyInfoRef::new(key.algorithm, OctetStringRef::new(&private)?).to_der()
}

/// All certificates in the content of a store. Blocks.
pub(super) fn certificates(
    bytes: &[u8],
    path: &Path,
    password: &Password,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let archive =
        Pkcs12Archive::from_pkcs12(bytes, &password.0).map_err(|error| unreadable(path, &error))?;
    if archive.certs.is_empty() {
        return Err(content(path, "contains no certificate".to_owned()));
    }
    Ok(archive.certs.iter().map(|bag| certificate(&bag.cert)).collect())
}

fn certificate(certificate: &p12_keystore::Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.as_der().to_vec())
}

fn unreadable(path: &Path, error: &p12_keystore::error::Error) -> TlsError {
    let reason = match error {
        p12_keystore::error::Error::MacError(_) => "cannot be opened with this password".to_owned(),
        other => format!("cannot be read as a PKCS#12 key store: {other}"),
    };
    content(path, reason)
}
