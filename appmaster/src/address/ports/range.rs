//! Port ranges in Flink's notation.

use flink::{
    config::Configuration,
    options::flink::{REST_BIND_PORT, REST_PORT},
};

use crate::settings::SettingsError;

/// The candidate ports for REST, that of `rest.port` first if it is among them; `None` if only
/// `rest.port` counts.
pub(super) fn of_rest(config: &Configuration) -> Result<Option<Vec<u16>>, SettingsError> {
    let Some(text) = config.get(&REST_BIND_PORT) else { return Ok(None) };
    let mut ports = ports_of(text).ok_or_else(|| SettingsError::Value {
        key: REST_BIND_PORT.key(),
        value: text.to_owned(),
        reason:
            "allowed are ports and port ranges separated by commas, such as 8081 or 50100-50200, each from 0 to 65535"
                .to_owned(),
    })?;
    let known_by = config.read(&REST_PORT)?;
    if config.contains(&REST_PORT)
        && let Some(at) = ports.iter().position(|port| *port == known_by)
    {
        ports[..=at].rotate_right(1);
    }
    Ok(Some(ports))
}

/// The port of `rest.port`, if it is not the one port on which REST listens: addresses are translated
/// on the way from clients to this machine.
pub(super) fn translated(config: &Configuration) -> Option<u16> {
    let bound: u16 = config.get(&REST_BIND_PORT)?.trim().parse().ok()?;
    let known_by = config.contains(&REST_PORT).then(|| config.read(&REST_PORT).ok()).flatten()?;
    (bound > 0 && known_by > 0 && known_by != bound).then_some(known_by)
}

/// Flink's notation for ports: `1`, `1-9`, or several of these separated by commas. Each port comes
/// once.
fn ports_of(text: &str) -> Option<Vec<u16>> {
    let parts = text.trim().split(',').map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    });
    let mut seen = vec![false; usize::from(u16::MAX) + 1];
    let ports = parts.collect::<Option<Vec<_>>>()?.into_iter().flatten();
    Some(ports.filter(|port| !std::mem::replace(&mut seen[usize::from(*port)], true)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    #[test]
    fn ports_are_single_ones_and_ranges() {
        assert_eq!(ports_of("1, 5-7 ,9"), Some(vec![1, 5, 6, 7, 9]));
        assert_eq!(ports_of("4-6,1-9,5"), Some(vec![4, 5, 6, 1, 2, 3, 7, 8, 9]), "each once");
        for wrong in ["", "a", "7-5", "1-", "70000", "1;2", "-1"] {
            assert_eq!(ports_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_port_for_clients_beside_the_one_that_rest_listens_on_means_that_addresses_are_translated()
    {
        let elsewhere = |known: &str, bound: &str| {
            let mut config = Configuration::new();
            for (key, value) in [(REST_PORT.key(), known), (REST_BIND_PORT.key(), bound)] {
                config.set(key, value, Source::DynamicProperty);
            }
            translated(&config)
        };
        assert_eq!(elsewhere("31000", "8081"), Some(31000));
        for (known, bound) in [("8081", "8081"), ("0", "8081"), ("31000", "0"), ("9", "1-4")] {
            assert_eq!(elsewhere(known, bound), None, "{known} {bound}");
        }
        let mut only_bound = Configuration::new();
        only_bound.set(&REST_BIND_PORT, "8082", Source::DynamicProperty);
        assert_eq!(translated(&only_bound), None, "the default of rest.port is nobody's choice");
    }

    #[test]
    fn the_configured_port_of_rest_comes_first_in_its_range() {
        let range = |known: &str| {
            let mut config = Configuration::new();
            for (key, value) in [(REST_PORT.key(), known), (REST_BIND_PORT.key(), "1-4")] {
                config.set(key, value, Source::DynamicProperty);
            }
            of_rest(&config).unwrap().unwrap()
        };
        assert_eq!((range("3"), range("9")), (vec![3, 1, 2, 4], vec![1, 2, 3, 4]));
    }
}
