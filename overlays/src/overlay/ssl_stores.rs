//! Key stores and trust stores, except those of the REST API: only the JobManager reads these.

use super::{Draft, Master, OverlayError};

/// Keys, and where workers have their files.
const STORES: [(&str, &str); 4] = [
    ("security.ssl.keystore", "keystore.jks"),
    ("security.ssl.truststore", "truststore.jks"),
    ("security.ssl.internal.keystore", "ssl/internal/keystore"),
    ("security.ssl.internal.truststore", "ssl/internal/truststore"),
];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (key, target) in STORES {
        draft.ship_configured(master, key, target, true, "TLS stores");
    }
    Ok(())
}
