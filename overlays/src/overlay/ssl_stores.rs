//! Key stores and trust stores.

use super::{Draft, Master, OverlayError};

/// Keys, and where workers have their files.
const STORES: [(&str, &str); 6] = [
    ("security.ssl.keystore", "keystore.jks"),
    ("security.ssl.truststore", "truststore.jks"),
    ("security.ssl.internal.keystore", "ssl/internal/keystore"),
    ("security.ssl.internal.truststore", "ssl/internal/truststore"),
    ("security.ssl.rest.keystore", "ssl/rest/keystore"),
    ("security.ssl.rest.truststore", "ssl/rest/truststore"),
];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (key, target) in STORES {
        draft.ship_configured(master, key, target, true, "TLS stores");
    }
    Ok(())
}
