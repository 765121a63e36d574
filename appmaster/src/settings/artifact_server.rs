//! How workers reach our artifact server.

use std::net::{IpAddr, SocketAddr};

use flink::{
    config::Configuration,
    options::{
        ConfigOption,
        mesos::{
            ARTIFACT_SERVER_ADDRESS, ARTIFACT_SERVER_BIND_ADDRESS, ARTIFACT_SERVER_BIND_PORT,
            ARTIFACT_SERVER_EXECUTOR_PORT, ARTIFACT_SERVER_PEERS_ABOVE,
            ARTIFACT_SERVER_PLAIN_SECRETS, ARTIFACT_SERVER_PORT,
        },
    },
};

use super::{SettingsError, invalid};

/// The artifact server's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactServerSettings {
    /// The port to listen on; 0 means any free port.
    pub port: u16,
    /// The port given to workers, if that is another one.
    pub advertised_port: Option<u16>,
    /// The address to listen on; the JobManager's if `None`.
    pub bind: Option<IpAddr>,
    /// The host given to workers; the JobManager's if `None`.
    pub address: Option<String>,
    /// Number of simultaneous transfers above which hosts are referred to each other; 0 means
    /// never.
    pub peers_above: usize,
    /// Secrets may be sent to other machines without encryption.
    pub plain_secrets: bool,
    /// The port that serves only the executor's program, without encryption; 0 means any free one.
    pub executor_port: Option<u16>,
}

impl ArtifactServerSettings {
    /// The address to listen on; `usual` is the JobManager's.
    pub fn listen(&self, usual: IpAddr) -> SocketAddr {
        SocketAddr::new(self.bind.unwrap_or(usual), self.port)
    }

    /// Where Mesos's fetcher gets the executor without encryption, if that is allowed.
    pub fn listen_for_mesos(&self, usual: IpAddr) -> Option<SocketAddr> {
        self.executor_port.map(|port| SocketAddr::new(self.bind.unwrap_or(usual), port))
    }

    /// The host given to workers; `usual` is the JobManager's.
    pub fn host<'a>(&'a self, usual: &'a str) -> &'a str {
        self.address.as_deref().unwrap_or(usual)
    }
}

/// The artifact server's options.
pub(super) fn artifact_server(
    config: &Configuration,
) -> Result<ArtifactServerSettings, SettingsError> {
    let (port, bound) =
        (config.read(&ARTIFACT_SERVER_PORT)?, config.read(&ARTIFACT_SERVER_BIND_PORT)?);
    Ok(ArtifactServerSettings {
        port: bound.unwrap_or(port),
        advertised_port: Some(port).filter(|port| *port > 0 && bound.is_some()),
        bind: bind(config)?,
        address: host(config, &ARTIFACT_SERVER_ADDRESS)?,
        peers_above: config.read(&ARTIFACT_SERVER_PEERS_ABOVE)?,
        plain_secrets: config.read(&ARTIFACT_SERVER_PLAIN_SECRETS)?,
        executor_port: config.read(&ARTIFACT_SERVER_EXECUTOR_PORT)?,
    })
}

fn bind(config: &Configuration) -> Result<Option<IpAddr>, SettingsError> {
    let Some(text) = config.get(&ARTIFACT_SERVER_BIND_ADDRESS) else { return Ok(None) };
    let key = ARTIFACT_SERVER_BIND_ADDRESS.key();
    let wrong =
        |_| invalid(key, config, "an IP address of this machine, 0.0.0.0 or :: for all".to_owned());
    text.trim_start_matches('[').trim_end_matches(']').parse().map(Some).map_err(wrong)
}

/// A host for others to connect to.
pub(super) fn host(
    config: &Configuration,
    option: &ConfigOption<Option<String>>,
) -> Result<Option<String>, SettingsError> {
    let Some(text) = config.get(option) else { return Ok(None) };
    let host = text.trim_start_matches('[').trim_end_matches(']');
    let is_name = |host: &str| {
        host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    if host.parse::<IpAddr>().is_ok() || (!host.is_empty() && is_name(host)) {
        return Ok(Some(host.to_owned()));
    }
    let allowed =
        "a host name or an IP address, without scheme and port (the port has an option of its own)";
    Err(invalid(option.key(), config, allowed.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<ArtifactServerSettings, SettingsError> {
        let mut config = Configuration::new();
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        artifact_server(&config)
    }

    #[test]
    fn it_listens_where_the_job_manager_does_by_default() {
        let usual: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(read(&[]).unwrap().listen(usual), "10.0.0.1:0".parse().unwrap());
        let other = read(&[
            (ARTIFACT_SERVER_BIND_ADDRESS.key(), "::"),
            (ARTIFACT_SERVER_PORT.key(), "7000"),
        ])
        .unwrap();
        assert_eq!(other.listen(usual), "[::]:7000".parse().unwrap());
    }

    #[test]
    fn the_port_for_workers_may_differ_from_the_one_it_listens_on() {
        let translated = read(&[
            (ARTIFACT_SERVER_PORT.key(), "31000"),
            (ARTIFACT_SERVER_BIND_PORT.key(), "7000"),
        ])
        .unwrap();
        assert_eq!((translated.port, translated.advertised_port), (7000, Some(31000)));
        let same = read(&[(ARTIFACT_SERVER_PORT.key(), "31000")]).unwrap();
        assert_eq!((same.port, same.advertised_port), (31000, None));
    }

    #[test]
    fn the_address_for_workers_is_a_host_and_nothing_else() {
        for (text, host) in [
            ("am.example.org", "am.example.org"),
            ("[fd00::1]", "fd00::1"),
            ("10.1.2.3", "10.1.2.3"),
        ] {
            assert_eq!(
                read(&[(ARTIFACT_SERVER_ADDRESS.key(), text)]).unwrap().address.as_deref(),
                Some(host)
            );
        }
        for text in ["http://am:80", "am:80", "a b", ""] {
            assert!(read(&[(ARTIFACT_SERVER_ADDRESS.key(), text)]).is_err(), "{text}");
        }
        assert!(
            read(&[(ARTIFACT_SERVER_BIND_ADDRESS.key(), "am.example.org")])
                .unwrap_err()
                .to_string()
                .contains("an IP address")
        );
    }
}
