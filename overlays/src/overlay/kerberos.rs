//! Kerberos: the keytab and the realm's configuration.

use flink::options::flink::{SECURITY_KERBEROS_KRB5_CONF_PATH, SECURITY_KERBEROS_LOGIN_KEYTAB};

use super::{Draft, Master, OverlayError};

/// The keytab of `security.kerberos.login.keytab`, as a secret.
#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect_keytab(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    draft.ship_configured(
        master,
        SECURITY_KERBEROS_LOGIN_KEYTAB.key(),
        "krb5.keytab",
        true,
        "keytab",
    );
    Ok(())
}

/// The file of `security.kerberos.krb5-conf.path`. The command line hands it to the JVM.
#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect_krb5_conf(
    master: &Master<'_>,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    draft.ship_configured(
        master,
        SECURITY_KERBEROS_KRB5_CONF_PATH.key(),
        "krb5.conf",
        false,
        "krb5.conf",
    );
    Ok(())
}
