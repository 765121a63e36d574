//! Settings for a kind of source: endpoints, regions, credentials.

use std::collections::BTreeMap;
use std::fmt;

use crate::uri::Scheme;

/// Settings of one kind of source, all of them valid. `Debug` hides the values: some are secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, String>);

/// An unknown setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{scheme} sources have no setting `{key}` (allowed: {})", allowed(*.scheme).collect::<Vec<_>>().join(", "))]
pub struct SettingError {
    /// The kind of source.
    pub scheme: Scheme,
    /// The setting.
    pub key: String,
}

/// Our names, and `OpenDAL`'s.
const S3: &[(&str, &str)] = &[
    ("endpoint", "endpoint"),
    ("region", "region"),
    ("access-key-id", "access_key_id"),
    ("secret-access-key", "secret_access_key"),
    ("session-token", "session_token"),
    ("role-arn", "role_arn"),
    ("external-id", "external_id"),
    ("virtual-host-style", "enable_virtual_host_style"),
    ("anonymous", "skip_signature"),
];
const GS: &[(&str, &str)] = &[
    ("endpoint", "endpoint"),
    ("credential", "credential"),
    ("credential-path", "credential_path"),
    ("service-account", "service_account"),
    ("token", "token"),
    ("anonymous", "skip_signature"),
];
const HDFS: &[(&str, &str)] =
    &[("endpoint", "endpoint"), ("user", "user_name"), ("delegation-token", "delegation")];
const HTTPS: &[(&str, &str)] = &[("authorities", "")];

fn names(scheme: Scheme) -> &'static [(&'static str, &'static str)] {
    match scheme {
        Scheme::S3 => S3,
        Scheme::Gs => GS,
        Scheme::Hdfs | Scheme::WebHdfs => HDFS,
        Scheme::Https => HTTPS,
        Scheme::Http | Scheme::File => &[],
    }
}

fn allowed(scheme: Scheme) -> impl Iterator<Item = &'static str> {
    names(scheme).iter().map(|(name, _)| *name)
}

impl Settings {
    /// The settings of a kind of source.
    pub fn names(scheme: Scheme) -> impl Iterator<Item = &'static str> {
        allowed(scheme)
    }

    /// Sets a setting.
    pub fn set(&mut self, scheme: Scheme, key: &str, value: &str) -> Result<(), SettingError> {
        let known = allowed(scheme).find(|known| *known == key);
        let known = known.ok_or_else(|| SettingError { scheme, key: key.to_owned() })?;
        self.0.insert(known, value.to_owned());
        Ok(())
    }

    /// Sets a setting unless it is set already.
    pub fn set_default(
        &mut self,
        scheme: Scheme,
        key: &str,
        value: &str,
    ) -> Result<(), SettingError> {
        if self.get(key).is_some() { Ok(()) } else { self.set(scheme, key, value) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The settings under `OpenDAL`'s names.
    pub(crate) fn for_store(&self, scheme: Scheme) -> impl Iterator<Item = (String, String)> {
        names(scheme)
            .iter()
            .filter_map(|(name, theirs)| Some(((*theirs).to_owned(), self.get(name)?.to_owned())))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unknown_setting_is_rejected_with_the_allowed_ones() {
        let error = Settings::default().set(Scheme::Hdfs, "ha", "x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "hdfs sources have no setting `ha` (allowed: endpoint, user, delegation-token)"
        );
    }

    #[test]
    fn values_are_not_shown() {
        let mut settings = Settings::default();
        settings.set(Scheme::S3, "secret-access-key", "hush").unwrap();
        assert_eq!(format!("{settings:?}"), r#"{"secret-access-key"}"#);
    }
}
