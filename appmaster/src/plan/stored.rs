//! The state of a cluster that would be taken over, compared with the options.

use flink::options::mesos::STATE_DIR;
use scheduler::{
    core::state::State,
    store::{FileStore, StoreError},
    takeover::{self, Difference},
};

use crate::{
    report::Report,
    settings::{Draft, FrameworkSettings, StateLocation},
};

/// The state in a folder of this machine. Blocks.
pub(super) fn in_folder(settings: &Draft, report: &mut Report) -> Option<State> {
    let Some(StateLocation::Directory(folder)) = &settings.state else { return None };
    let looked = FileStore::look(folder).map_err(|error| match error {
        // It names the option.
        StoreError::Untrusted(_) => error.to_string(),
        _ => format!("{STATE_DIR}: {error}"),
    });
    let state = report.value(looked)??;
    compare(&state, settings.framework.as_ref(), report);
    Some(state)
}

/// Compares the stored framework with the options.
pub(crate) fn compare(state: &State, framework: Option<&FrameworkSettings>, report: &mut Report) {
    let Some(framework) = framework else { return };
    let wanted = framework.registration();
    note(takeover::differences(state, &wanted, framework.forgotten.as_deref()), report);
}

/// Notes options that cannot take effect.
pub(crate) fn note(differences: impl IntoIterator<Item = Difference>, report: &mut Report) {
    for difference in differences {
        match difference {
            Difference::Refused(text) => report.error(text),
            Difference::Ignored(text) => report.warning(text),
        }
    }
}
