//! TLS of the JobManager's REST API and of our servers, as Flink's options say.

use std::{path::PathBuf, sync::Arc};

use fetcher_server::{Identity, Password, TlsError, Trust};
use flink::{
    config::Configuration,
    options::{
        flink::{
            SECURITY_SSL_KEYSTORE, SECURITY_SSL_KEYSTORE_PASSWORD,
            SECURITY_SSL_REST_AUTHENTICATION_ENABLED as MUTUAL,
            SECURITY_SSL_REST_KEYSTORE as KEY_STORE, SECURITY_SSL_REST_KEYSTORE_PASSWORD,
            SECURITY_SSL_REST_TRUSTSTORE as TRUST_STORE, SECURITY_SSL_REST_TRUSTSTORE_PASSWORD,
            SECURITY_SSL_TRUSTSTORE, SECURITY_SSL_TRUSTSTORE_PASSWORD,
        },
        mesos::{
            ARTIFACT_SERVER_SSL_AUTHORITIES, ARTIFACT_SERVER_SSL_CERTIFICATE,
            ARTIFACT_SERVER_SSL_ENABLED, ARTIFACT_SERVER_SSL_KEY, WEB_SSL_ENABLED,
        },
    },
};
use rustls::ServerConfig;

use super::{ControlSettings, SettingsError, invalid};
use crate::report::Report;

/// Which servers speak TLS.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The JobManager's REST API.
    pub rest: Option<Endpoint>,
    /// The artifact server.
    pub artifacts: Option<Endpoint>,
    /// The control API, with the same certificate.
    pub control: Option<Endpoint>,
}

/// A server that speaks TLS.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its certificate and key.
    pub identity: Identity,
    /// The option that names the certificate.
    key: &'static str,
    /// The option that names the file with the authorities to trust, the file, and its password.
    authorities: Option<(&'static str, PathBuf, Option<Password>)>,
}

impl Endpoint {
    /// The TLS configuration of one of our servers. Blocks.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, SettingsError> {
        self.identity.load().map_err(|error| wrong(self.key, &error))
    }

    /// The authorities that clients must trust, after a check that they accept the certificate for
    /// the name `host`. Blocks.
    pub fn trusted(&self, host: &str) -> Result<Trust, SettingsError> {
        let trust = self.authorities()?;
        trust.check(&self.identity, host).map_err(|error| wrong(self.key, &error))?;
        Ok(trust)
    }

    /// The authorities that clients must trust. Blocks.
    pub fn authorities(&self) -> Result<Trust, SettingsError> {
        let (key, trust) = match &self.authorities {
            Some((key, path, password)) => (*key, Trust::read(path, password.as_ref())),
            // Without authorities, the certificate itself must be trusted.
            None => (self.key, Trust::in_itself(&self.identity)),
        };
        trust.map_err(|error| wrong(key, &error))
    }
}

fn wrong(key: &'static str, error: &TlsError) -> SettingsError {
    SettingsError::File { key, reason: error.to_string() }
}

impl Tls {
    /// Reads which servers speak TLS. The artifact server does if REST does, as upstream's did, or
    /// if it has its own certificate. The control API does by default if it listens beyond loopback
    /// and there is a certificate.
    pub(super) fn read(
        config: &Configuration,
        control: Option<&ControlSettings>,
        report: &mut Report,
    ) -> Option<Self> {
        let for_artifacts = report.setting(config, config.read(&ARTIFACT_SERVER_SSL_ENABLED));
        let for_control = report.setting(config, config.read(&WEB_SSL_ENABLED));
        let rest = report.setting(config, rest(config));
        let (for_artifacts, for_control) = (for_artifacts?, for_control?);
        let is_used = for_artifacts || for_control != Some(false);
        let own = if is_used { report.setting(config, own(config)) } else { Some(None) };
        let (rest, own) = (rest?, own?);
        let certificate = own.or_else(|| rest.clone());
        let is_open = control.is_some_and(|control| !control.bind.ip().is_loopback());
        let control = match for_control {
            Some(true) => {
                let found = certificate.clone().ok_or_else(|| no_certificate(config));
                Some(report.setting(config, found)?)
            }
            None if is_open => certificate.clone(),
            Some(false) | None => None,
        };
        Some(Self { rest, artifacts: certificate.filter(|_| for_artifacts), control })
    }
}

fn no_certificate(config: &Configuration) -> SettingsError {
    let hint = "the control API speaks TLS with the artifact server's certificate: set mesos.resourcemanager.artifactserver.ssl.certificate \
                and .key, or the key store of security.ssl.rest";
    invalid(WEB_SSL_ENABLED.key(), config, hint.to_owned())
}

/// The key store and trust store of REST, from its own options or the general ones, if it speaks
/// TLS.
fn rest(config: &Configuration) -> Result<Option<Endpoint>, SettingsError> {
    if !flink::tls::rest(config)? {
        return Ok(None);
    }
    if config.read(&MUTUAL)? {
        let reason = "flink-mesos has no certificate to present to the JobManager: set it to false";
        return Err(invalid(MUTUAL.key(), config, reason.to_owned()));
    }
    let first = |own, general| config.get(&own).or_else(|| config.get(&general)).map(str::to_owned);
    let hint =
        "with TLS at REST: the PKCS#12 key store of this machine, e.g. /etc/flink/keystore.p12";
    let path = first(KEY_STORE, SECURITY_SSL_KEYSTORE);
    let path = path.ok_or(SettingsError::Missing { key: KEY_STORE.key(), hint })?.into();
    let password = first(SECURITY_SSL_REST_KEYSTORE_PASSWORD, SECURITY_SSL_KEYSTORE_PASSWORD)
        .unwrap_or_default();
    let password = Password::new(password);
    let store_password =
        first(SECURITY_SSL_REST_TRUSTSTORE_PASSWORD, SECURITY_SSL_TRUSTSTORE_PASSWORD);
    let store_password = store_password.map(Password::new);
    let authorities = first(TRUST_STORE, SECURITY_SSL_TRUSTSTORE);
    let authorities = authorities.map(|store| (TRUST_STORE.key(), store.into(), store_password));
    Ok(Some(Endpoint {
        identity: Identity::KeyStore { path, password },
        key: KEY_STORE.key(),
        authorities,
    }))
}

/// The artifact server's own certificate.
fn own(config: &Configuration) -> Result<Option<Endpoint>, SettingsError> {
    let (certificate, key) = match (
        config.get(&ARTIFACT_SERVER_SSL_CERTIFICATE),
        config.get(&ARTIFACT_SERVER_SSL_KEY),
    ) {
        (Some(certificate), Some(key)) => (certificate.into(), key.into()),
        (None, None) => return Ok(None),
        (Some(_), None) => {
            let key = ARTIFACT_SERVER_SSL_KEY.key();
            return Err(SettingsError::Missing { key, hint: "the certificate's key, in PEM" });
        }
        (None, Some(_)) => {
            let key = ARTIFACT_SERVER_SSL_CERTIFICATE.key();
            return Err(SettingsError::Missing { key, hint: "the key's certificate, in PEM" });
        }
    };
    let authorities = config.get(&ARTIFACT_SERVER_SSL_AUTHORITIES);
    let authorities =
        authorities.map(|path| (ARTIFACT_SERVER_SSL_AUTHORITIES.key(), path.into(), None));
    let identity = Identity::Pem { certificate, key };
    Ok(Some(Endpoint { identity, key: ARTIFACT_SERVER_SSL_CERTIFICATE.key(), authorities }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::{super::control, *};

    fn read(options: &[(&str, &str)]) -> Result<Tls, String> {
        read_by("2.3.0", options)
    }

    fn read_by(flink: &str, options: &[(&str, &str)]) -> Result<Tls, String> {
        let mut config = Configuration::new();
        config.read_as(flink.parse().unwrap());
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        Report::of(|report| Tls::read(&config, control(&config).ok().as_ref(), report))
    }

    const REST: [(&str, &str); 3] = [
        ("security.ssl.rest.enabled", "true"),
        ("security.ssl.rest.keystore", "/k.p12"),
        ("security.ssl.rest.keystore-password", "hush"),
    ];
    const SWITCH: &str = "mesos.resourcemanager.artifactserver.ssl.enabled";

    #[test]
    fn the_artifact_server_speaks_tls_when_rest_does_unless_switched_off() {
        let both = read(&REST).unwrap();
        let store = Identity::KeyStore { path: "/k.p12".into(), password: Password::new("hush") };
        assert_eq!(both.rest.unwrap().identity, store);
        assert_eq!(both.artifacts.unwrap().identity, store);
        let off = read(&[&REST[..], &[(SWITCH, "false")]].concat()).unwrap();
        assert!(off.rest.is_some() && off.artifacts.is_none());
        let neither = read(&[(SWITCH, "true"), ("security.ssl.internal.enabled", "true")]).unwrap();
        assert!(neither.rest.is_none() && neither.artifacts.is_none());
    }

    #[test]
    fn the_older_general_options_count_before_flink_2() {
        let old = [("security.ssl.enabled", "true"), ("security.ssl.keystore", "/old.p12")];
        let artifacts = read_by("1.20.5", &old).unwrap().artifacts;
        let Identity::KeyStore { path, .. } = artifacts.unwrap().identity else { panic!() };
        assert_eq!(path.to_str(), Some("/old.p12"));
        let other = [&old[..], &[("security.ssl.rest.enabled", "false")]].concat();
        assert!(read_by("1.20.5", &other).unwrap().rest.is_none());
        assert!(read(&old).unwrap().rest.is_none(), "Flink 2 does not know the first one");
    }

    #[test]
    fn the_artifact_servers_own_certificate_is_enough_and_needs_its_key() {
        let own = read(&[
            (ARTIFACT_SERVER_SSL_CERTIFICATE.key(), "/c.pem"),
            (ARTIFACT_SERVER_SSL_KEY.key(), "/k.pem"),
        ])
        .unwrap();
        assert!(own.rest.is_none() && own.artifacts.is_some());
        for half in [ARTIFACT_SERVER_SSL_CERTIFICATE.key(), ARTIFACT_SERVER_SSL_KEY.key()] {
            assert!(read(&[(half, "/x.pem")]).unwrap_err().contains("must be configured"));
        }
    }

    #[test]
    fn the_control_api_speaks_tls_beyond_loopback_where_there_is_a_certificate() {
        const WIDE: (&str, &str) = ("mesos.web.bind-address", "0.0.0.0");
        let speaks =
            |more: &[(&str, &str)]| read(&[&REST[..], more].concat()).unwrap().control.is_some();
        assert!(
            !speaks(&[])
                && speaks(&[WIDE])
                && speaks(&[(WEB_SSL_ENABLED.key(), "true")])
                && !speaks(&[WIDE, (WEB_SSL_ENABLED.key(), "false")])
        );
        assert!(read(&[WIDE]).unwrap().control.is_none());
        let none = read(&[(WEB_SSL_ENABLED.key(), "true")]).unwrap_err();
        assert!(
            none.starts_with("mesos.web.ssl.enabled: true: ") && none.contains("ssl.certificate"),
            "{none}"
        );
    }

    #[test]
    fn invalid_tls_options_are_reported() {
        assert!(
            read(&REST[..1])
                .unwrap_err()
                .starts_with("security.ssl.rest.keystore must be configured")
        );
        let mutual = read(&[&REST[..], &[(MUTUAL.key(), "true")]].concat()).unwrap_err();
        assert!(mutual.contains("set it to false"), "{mutual}");
        let gone =
            read(&REST).unwrap().artifacts.unwrap().trusted("localhost").unwrap_err().to_string();
        assert!(
            gone.starts_with("security.ssl.rest.keystore: ") && gone.contains("/k.p12"),
            "{gone}"
        );
    }
}
