//! The control API's options.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use flink::config::Configuration;

use super::{SettingsError, invalid, port};
use crate::control::Token;

/// The port of the control API.
pub const CONTROL_PORT: &str = "mesos.control.port";
const TOKEN: &str = "mesos.control.token";
const BIND_ADDRESS: &str = "mesos.control.bind-address";

/// The control API's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSettings {
    /// The address to listen on; port 0 means any free one.
    pub bind: SocketAddr,
    /// The token that every request must carry; `None` to generate one at the start.
    pub token: Option<Token>,
}

impl ControlSettings {
    /// The name that TLS clients use; `usual` is this machine's.
    pub fn host<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.bind.ip().is_loopback() { "localhost" } else { usual }
    }
}

/// The control API's options.
pub fn control(config: &Configuration) -> Result<ControlSettings, SettingsError> {
    let token = config.get(TOKEN).map(Token::parse).transpose();
    let token = token.map_err(|error| SettingsError::File { key: TOKEN, reason: error.to_string() })?;
    Ok(ControlSettings { bind: SocketAddr::new(bind(config)?, port(config, CONTROL_PORT)?.unwrap_or(0)), token })
}

fn bind(config: &Configuration) -> Result<IpAddr, SettingsError> {
    let Some(text) = config.get(BIND_ADDRESS) else { return Ok(Ipv4Addr::LOCALHOST.into()) };
    let wrong = |_| invalid(BIND_ADDRESS, config, "an IP address of this machine, 0.0.0.0 or :: for all".to_owned());
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
        assert_eq!(read(TOKEN, "sixteen-letters-").unwrap().bind, usual.bind);
        assert_eq!(read(BIND_ADDRESS, "[::]").unwrap().bind, "[::]:0".parse().unwrap());
        assert_eq!(read(CONTROL_PORT, "4711").unwrap().bind, "127.0.0.1:4711".parse().unwrap());
        assert!(
            read(BIND_ADDRESS, "everywhere").unwrap_err().starts_with("mesos.control.bind-address: everywhere: an IP")
        );
    }

    #[test]
    fn a_token_that_is_empty_blank_or_short_is_refused() {
        for text in ["", "   ", "hunter2"] {
            let error = read(TOKEN, text).unwrap_err();
            assert!(error.starts_with("mesos.control.token: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
