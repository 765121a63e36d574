//! The control API's options.

use std::net::{IpAddr, SocketAddr};

use flink::{
    config::Configuration,
    options::{
        ConfigOption,
        mesos::{
            WEB_ADDRESS, WEB_BIND_ADDRESS, WEB_BIND_PORT, WEB_PORT, WEB_TOKEN, WEB_VIEW_TOKEN,
        },
    },
};

use super::{SettingsError, artifact_server::host, invalid};
use crate::control::Token;

/// The control API's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSettings {
    /// The address to listen on; port 0 means any free one.
    pub bind: SocketAddr,
    /// The host by which others reach it, if that is another one.
    pub address: Option<String>,
    /// The port by which others reach it, if that is another one.
    pub port: Option<u16>,
    /// The token that every request must carry; `None` to generate one at the start.
    pub token: Option<Token>,
    /// The token that only allows to look; `None`: there is none.
    pub view_token: Option<Token>,
}

impl ControlSettings {
    /// The name that TLS clients use; `usual` is this machine's.
    pub fn host<'a>(&'a self, usual: &'a str) -> &'a str {
        match &self.address {
            Some(address) => address,
            None if self.bind.ip().is_loopback() => "localhost",
            None => usual,
        }
    }
}

/// The control API's options.
pub(crate) fn control(config: &Configuration) -> Result<ControlSettings, SettingsError> {
    let (port, bound) = (config.read(&WEB_PORT)?, config.read(&WEB_BIND_PORT)?);
    Ok(ControlSettings {
        bind: SocketAddr::new(bind(config)?, bound.unwrap_or(port)),
        address: host(config, &WEB_ADDRESS)?,
        port: Some(port).filter(|port| *port > 0 && bound.is_some()),
        token: control_token(config)?,
        view_token: token(config, &WEB_VIEW_TOKEN)?,
    })
}

/// The token of the control API, if one is configured.
pub(crate) fn control_token(config: &Configuration) -> Result<Option<Token>, SettingsError> {
    token(config, &WEB_TOKEN)
}

fn token(
    config: &Configuration,
    option: &ConfigOption<Option<String>>,
) -> Result<Option<Token>, SettingsError> {
    let token = config.get(option).map(Token::parse).transpose();
    token.map_err(|error| SettingsError::File { key: option.key(), reason: error.to_string() })
}

fn bind(config: &Configuration) -> Result<IpAddr, SettingsError> {
    let text = config.text(&WEB_BIND_ADDRESS);
    let key = WEB_BIND_ADDRESS.key();
    let wrong =
        |_| invalid(key, config, "an IP address of this machine, 0.0.0.0 or :: for all".to_owned());
    text.trim_start_matches('[').trim_end_matches(']').parse().map_err(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn read(key: &str, value: &str) -> Result<ControlSettings, String> {
        let mut config = Configuration::new();
        config.set(key, value, Source::DynamicProperty);
        control(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn it_listens_on_loopback_by_default() {
        let usual = control(&Configuration::new()).unwrap();
        assert_eq!((usual.bind, usual.token), (([127, 0, 0, 1], 0).into(), None));
        assert_eq!(read(WEB_TOKEN.key(), "sixteen-letters-").unwrap().bind, usual.bind);
        assert_eq!(read(WEB_BIND_ADDRESS.key(), "[::]").unwrap().bind, "[::]:0".parse().unwrap());
        assert_eq!(read(WEB_PORT.key(), "4711").unwrap().bind, "127.0.0.1:4711".parse().unwrap());
        assert!(
            read(WEB_BIND_ADDRESS.key(), "everywhere")
                .unwrap_err()
                .starts_with("mesos.web.bind-address: everywhere: an IP")
        );
    }

    #[test]
    fn the_address_and_port_for_others_may_differ_from_those_it_listens_on() {
        let mut config = Configuration::new();
        for (key, value) in [
            (WEB_ADDRESS.key(), "gateway.example.org"),
            (WEB_PORT.key(), "31002"),
            (WEB_BIND_PORT.key(), "4711"),
        ] {
            config.set(key, value, Source::DynamicProperty);
        }
        let control = control(&config).unwrap();
        assert_eq!((control.bind.port(), control.port), (4711, Some(31002)));
        assert_eq!(control.host("usual"), "gateway.example.org");
        let error = read(WEB_ADDRESS.key(), "http://gateway").unwrap_err();
        assert!(error.starts_with("mesos.web.address: http://gateway: a host name"), "{error}");
        assert_eq!(read(WEB_PORT.key(), "4711").unwrap().port, None);
    }

    #[test]
    fn the_names_that_the_options_had_in_0_1_0_are_still_read() {
        let mut config = Configuration::new();
        for (key, value) in [
            ("mesos.control.port", "4711"),
            ("mesos.control.bind-address", "::1"),
            ("mesos.control.token", "sixteen-letters-"),
        ] {
            config.set(key, value, Source::DynamicProperty);
        }
        let control = control(&config).unwrap();
        assert_eq!(control.bind, "[::1]:4711".parse().unwrap());
        assert_eq!(control.token, Token::parse("sixteen-letters-").ok());
    }

    #[test]
    fn a_token_that_is_empty_blank_or_short_is_refused() {
        for key in [WEB_TOKEN.key(), WEB_VIEW_TOKEN.key()] {
            for text in ["", "   ", "hunter2"] {
                let error = read(key, text).unwrap_err();
                assert!(
                    error.starts_with(&format!("{key}: ")) && !error.contains("hunter2"),
                    "{error}"
                );
            }
        }
    }
}
