//! `mesos.source.*`: the settings of the sources.

use std::collections::BTreeMap;

use fetcher_sources::{Scheme, Settings};
use flink::config::Configuration;

use crate::{report::Report, settings::SettingsError};

/// What their keys begin with.
pub(super) const PREFIX: &str = "mesos.source.";

/// Reads them, by kind of source.
pub(super) fn settings(
    config: &Configuration,
    report: &mut Report,
) -> Option<BTreeMap<Scheme, Settings>> {
    let mut settings: BTreeMap<Scheme, Settings> = BTreeMap::new();
    let mut is_sound = true;
    for (key, value) in config.iter() {
        let Some((scheme, name)) = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let set = set(&mut settings, scheme, name, value);
        let set = set.map_err(|reason| SettingsError::Named { key: key.to_owned(), reason });
        is_sound &= report.setting(config, set).is_some();
    }
    is_sound.then_some(settings)
}

fn set(
    settings: &mut BTreeMap<Scheme, Settings>,
    scheme: &str,
    name: &str,
    value: &str,
) -> Result<(), String> {
    let known = Scheme::named(scheme).ok_or_else(|| {
        let all: Vec<_> = Scheme::ALL.iter().map(ToString::to_string).collect();
        format!("`{scheme}` is not a kind of source (allowed: {})", all.join(", "))
    })?;
    settings.entry(known).or_default().set(known, name, value).map_err(|error| error.to_string())
}
