//! `mesos.resourcemanager.tasks.uris`: users' own files for the sandboxes of their TaskManagers.
//!
//! Upstream's list, whose URIs may now carry options in place of a fragment:
//! `https://host/a.tgz#sha256=…&extract=true&executable=false&destination=dir/name`.

mod sources;
mod task_uri;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use fetcher_formats::TreePath;
use fetcher_sources::{Scheme, Settings};
use flink::{config::Configuration, options::mesos::TASKS_URIS};

pub use self::task_uri::{TAKEN, TaskUri};
use super::SettingsError;
use crate::report::Report;

/// More than any user needs.
const MOST: usize = 1000;

/// The URIs and the settings of their sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskUris {
    /// In their order in the list.
    pub uris: Vec<TaskUri>,
    /// By kind of source.
    pub settings: BTreeMap<Scheme, Settings>,
}

impl TaskUris {
    /// Reads the URIs and all `mesos.source.*`. Blocks: files of this machine must exist.
    pub(super) fn read(config: &Configuration, report: &mut Report) -> Option<Self> {
        let uris = uris(config, report);
        let settings = sources::settings(config, report);
        Some(Self { uris: uris?, settings: settings? })
    }
}

fn uris(config: &Configuration, report: &mut Report) -> Option<Vec<TaskUri>> {
    let written = config.get(&TASKS_URIS).unwrap_or_default().split(',').map(str::trim);
    let written: Vec<_> = written.filter(|uri| !uri.is_empty()).collect();
    if written.len() > MOST {
        let many = refused(format!("{} URIs, allowed are {MOST}", written.len()));
        report.invalid(config, &many);
        return None;
    }
    let mut uris = Vec::new();
    for text in &written {
        uris.extend(report.setting(config, TaskUri::parse(text)));
    }
    let has_places = report.setting(config, check_places(&uris)).is_some();
    for path in uris.iter().filter_map(|uri| uri.source.local()) {
        let opened = common::files::open(&path).map_err(|error| refused(error.to_string()));
        report.setting(config, opened);
    }
    Some(uris).filter(|uris| has_places && uris.len() == written.len())
}

/// No two URIs may have the same path, or one below another's file.
fn check_places(uris: &[TaskUri]) -> Result<(), SettingsError> {
    let mut places: HashMap<&str, &TaskUri> = HashMap::new();
    let clash = |one: &TaskUri, other: &TaskUri| {
        let shown =
            |uri: &TaskUri| uri.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        refused(format!(
            "{} and {} conflict in the sandbox, `{}` and `{}`: give one of them a destination=…",
            one.source,
            other.source,
            shown(one),
            shown(other)
        ))
    };
    for uri in uris {
        let Some(place) = &uri.destination else { continue };
        if let Some(other) = places.insert(place.as_str(), uri) {
            return Err(clash(other, uri));
        }
    }
    for uri in uris {
        let above = uri
            .destination
            .iter()
            .flat_map(TreePath::ancestors)
            .find_map(|ancestor| places.get(ancestor));
        if let Some(other) = above {
            return Err(clash(other, uri));
        }
    }
    Ok(())
}

fn refused(reason: String) -> SettingsError {
    SettingsError::File { key: TASKS_URIS.key(), reason }
}
