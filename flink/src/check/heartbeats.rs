//! The two options of heartbeats, which Flink refuses if they do not fit together.

use std::time::Duration;

use super::Problem;
use crate::config::{Configuration, Source};
use crate::options::ConfigOption;
use crate::options::flink::{HEARTBEAT_INTERVAL as INTERVAL, HEARTBEAT_TIMEOUT as TIMEOUT};

/// Why no process of Flink would start with these heartbeats. Values of another form have a problem
/// of their own.
pub(super) fn problem(config: &Configuration) -> Option<Problem> {
    let interval = config.read(&INTERVAL).ok()?;
    let timeout = config.read(&TIMEOUT).ok()?;
    let (option, message) = if interval.as_millis() == 0 {
        (INTERVAL, format!("{} is no time: set at least 1 ms", shown(config, &INTERVAL)))
    } else if interval.as_millis() > timeout.as_millis() {
        let (interval, timeout) = (shown(config, &INTERVAL), shown(config, &TIMEOUT));
        let option = if config.contains(&INTERVAL) { INTERVAL } else { TIMEOUT };
        let message = format!(
            "the interval ({interval}) is longer than {TIMEOUT} ({timeout}): set a shorter interval or a longer timeout"
        );
        (option, message)
    } else {
        return None;
    };
    let origin = config.source(&option).cloned().unwrap_or(Source::Default);
    Some(Problem { key: (&option).into(), origin, message, fatal: true })
}

fn shown(config: &Configuration, option: &ConfigOption<Duration>) -> String {
    let by_default = || format!("{} by default", option.declaration().default.unwrap_or_default());
    config.get(option).map_or_else(by_default, str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::check;
    use super::*;

    #[test]
    fn heartbeats_with_which_flink_does_not_start_are_refused() {
        for (version, interval, timeout, wrong) in [
            (
                "1.20.5",
                Some("60 s"),
                None,
                "heartbeat.interval: the interval (60 s) is longer than heartbeat.timeout (50 s by default)",
            ),
            (
                "1.20.5",
                None,
                Some("5 s"),
                "heartbeat.timeout: the interval (10 s by default) is longer than heartbeat.timeout (5 s)",
            ),
            (
                "1.18.1",
                Some("3000"),
                Some("2000"),
                "heartbeat.interval: the interval (3000) is longer",
            ),
            ("2.3.0", Some("0"), None, "heartbeat.interval: 0 is no time"),
            ("2.3.0", Some("1 ns"), None, "heartbeat.interval: 1 ns is no time"),
            ("2.3.0", Some("50 s"), Some("50 s"), ""),
            ("1.18.1", None, None, ""),
        ] {
            let mut config = Configuration::new();
            config.read_as(version.parse().unwrap());
            for (key, value) in [(INTERVAL, interval), (TIMEOUT, timeout)] {
                if let Some(value) = value {
                    config.set(&key, value, Source::DynamicProperty);
                }
            }
            let found: Vec<_> = check(&config).iter().map(ToString::to_string).collect();
            let is_right = match found.as_slice() {
                [] => wrong.is_empty(),
                [said] => !wrong.is_empty() && said.starts_with(wrong),
                _ => false,
            };
            assert!(is_right, "{version} {interval:?} {timeout:?}: {found:?}");
        }
    }
}
