//! Kerberos: the keytab and the realm's configuration.

use super::{Draft, Master, OverlayError};

/// The keytab of `security.kerberos.login.keytab`, as a secret.
pub(super) fn collect_keytab(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    draft.ship_configured(master, "security.kerberos.login.keytab", "krb5.keytab", true, "keytab")
}

/// The file of `security.kerberos.krb5-conf.path`. The command line hands it to the JVM.
pub(super) fn collect_krb5_conf(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    draft.ship_configured(master, "security.kerberos.krb5-conf.path", "krb5.conf", false, "krb5.conf")
}
