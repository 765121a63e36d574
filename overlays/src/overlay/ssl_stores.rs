//! Key stores and trust stores, except those of the REST API: only the JobManager reads these.

use flink::options::ConfigOption;
use flink::options::flink::{
    SECURITY_SSL_INTERNAL_KEYSTORE, SECURITY_SSL_INTERNAL_TRUSTSTORE, SECURITY_SSL_KEYSTORE,
    SECURITY_SSL_TRUSTSTORE,
};

use super::{Draft, Master, OverlayError};

/// Options, and where workers have their files.
const STORES: [(ConfigOption<Option<String>>, &str); 4] = [
    (SECURITY_SSL_KEYSTORE, "keystore.jks"),
    (SECURITY_SSL_TRUSTSTORE, "truststore.jks"),
    (SECURITY_SSL_INTERNAL_KEYSTORE, "ssl/internal/keystore"),
    (SECURITY_SSL_INTERNAL_TRUSTSTORE, "ssl/internal/truststore"),
];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (option, target) in STORES {
        draft.ship_configured(master, option.key(), target, true, "TLS stores");
    }
    Ok(())
}
