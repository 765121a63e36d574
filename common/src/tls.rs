//! The cryptography provider for all TLS connections of a process: ring.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the provider of this process. Call it before you build a TLS client or server;
/// calling it again is harmless.
pub fn install_provider() {
    // The error only says that a provider is installed already.
    drop(ring::default_provider().install_default());
}

/// The same provider, for builders that take one.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
