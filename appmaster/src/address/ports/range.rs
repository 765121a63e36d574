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
