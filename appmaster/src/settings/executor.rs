//! The executor: its program on this machine, how it gets onto an agent, and how it logs there.

use std::{
    env::current_exe,
    path::{Path, PathBuf},
};

use flink::{
    config::Configuration,
    options::{
        ConfigOption, Kind,
        mesos::{
            EXECUTOR_BINARY, EXECUTOR_COMMAND, EXECUTOR_INSTALLED, EXECUTOR_LOG_FORMAT,
            EXECUTOR_LOG_LEVEL, EXECUTOR_LOG_SIZE,
        },
    },
};
use scheduler::launch::ExecutorDelivery;

use super::{SettingsError, invalid};
use crate::report::Report;

/// The executor's path in the packages.
const INSTALLED: &str = "/usr/bin/flink-mesos-executor";

/// Our executor's binary: the configured one, otherwise the one next to this program, otherwise the
/// installed one.
pub(super) fn binary(config: &Configuration, report: &mut Report) -> Option<PathBuf> {
    if let Some(path) = report.setting(config, config.read(&EXECUTOR_BINARY))?.map(PathBuf::from) {
        let is_file = if path.is_file() { Ok(()) } else { Err(missing(&path)) };
        return report.setting(config, is_file).map(|()| path);
    }
    let beside =
        current_exe().ok().and_then(|exe| Some(exe.parent()?.join("flink-mesos-executor")));
    let places = [beside, Some(PathBuf::from(INSTALLED))];
    let found = places.into_iter().flatten().find(|path| path.is_file());
    report.value(found.ok_or_else(|| {
        format!(
            "flink-mesos-executor is neither next to this program nor at {INSTALLED}; set its path with -D{EXECUTOR_BINARY}=…"
        )
    }))
}

fn missing(path: &Path) -> SettingsError {
    let reason = format!("{} is not a file", path.display());
    SettingsError::File { key: EXECUTOR_BINARY.key(), reason }
}

/// The installed executor, if configured.
pub(super) fn delivery(config: &Configuration) -> Result<Option<ExecutorDelivery>, SettingsError> {
    if let Some(path) = config.read(&EXECUTOR_COMMAND)? {
        return Ok(Some(ExecutorDelivery::Installed(path)));
    }
    Ok(config.read(&EXECUTOR_INSTALLED)?.then(|| ExecutorDelivery::Installed(INSTALLED.to_owned())))
}

/// The executor's log options, as environment variables because it logs before it knows any worker.
/// Options that are not set are left to the agent.
pub(super) fn variables(config: &Configuration) -> Result<Vec<(String, String)>, SettingsError> {
    let level = one_of(config, &EXECUTOR_LOG_LEVEL)?;
    let format = one_of(config, &EXECUTOR_LOG_FORMAT)?;
    let size = config.read(&EXECUTOR_LOG_SIZE)?.map(|size| size.0);
    let named = [
        ("FLINK_MESOS_EXECUTOR_LOG", level.map(str::to_owned)),
        ("FLINK_MESOS_EXECUTOR_LOG_FORMAT", format.map(str::to_owned)),
        ("FLINK_MESOS_EXECUTOR_LOG_SIZE", size.map(|size| size.to_string())),
    ];
    Ok(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn one_of<'a>(
    config: &'a Configuration,
    option: &ConfigOption<Option<String>>,
) -> Result<Option<&'a str>, SettingsError> {
    match (config.get(option), option.declaration().kind) {
        (Some(value), Kind::Choice(allowed)) if !allowed.contains(&value) => {
            Err(invalid(option.key(), config, format!("allowed are {}", allowed.join(", "))))
        }
        (value, _) => Ok(value),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn configured(entries: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(*key, *value, Source::Computed("a test"));
        }
        variables(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_executor_gets_the_configured_log_options() {
        assert_eq!(configured(&[]).unwrap(), []);
        let variables = configured(&[
            (EXECUTOR_LOG_LEVEL.key(), "debug"),
            (EXECUTOR_LOG_FORMAT.key(), "json"),
            (EXECUTOR_LOG_SIZE.key(), "10 mb"),
        ])
        .unwrap();
        let expected = [
            ("FLINK_MESOS_EXECUTOR_LOG", "debug"),
            ("FLINK_MESOS_EXECUTOR_LOG_FORMAT", "json"),
            ("FLINK_MESOS_EXECUTOR_LOG_SIZE", "10485760"),
        ];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_level_format_or_size_that_no_executor_could_use_is_refused() {
        let refused = |key, value| configured(&[(key, value)]).unwrap_err();
        assert_eq!(
            refused(EXECUTOR_LOG_FORMAT.key(), "xml"),
            "mesos.executor.log-format: xml: allowed are text, json"
        );
        assert!(
            refused(EXECUTOR_LOG_LEVEL.key(), "loud")
                .ends_with("allowed are error, warn, info, debug, trace")
        );
        assert_eq!(
            refused(EXECUTOR_LOG_SIZE.key(), "1 kb"),
            "mesos.executor.log-size: 1 kb is out of range (64k to 1t)"
        );
    }
}
