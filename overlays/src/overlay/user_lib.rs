//! The user's jars: `usrlib` beside `lib`, and those of an application that are elsewhere.

use std::path::Path;

use super::{Draft, Master, OverlayError, tree};
use crate::config::{Configuration, ConfigurationError};

const JARS: &str = "mesos.application.jars";

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let folder = master.home.path.join("usrlib");
    if folder.is_dir() {
        tree::ship(&folder, "usrlib", draft)?;
    }
    for (jar, name) in application_jars(master.config)? {
        let unreadable = |cause| OverlayError::Configured { key: JARS.to_owned(), cause };
        let opened = fs_err::File::open(&jar).map_err(unreadable);
        let shipped = opened.and_then(|_| tree::ship_one(Path::new(&jar), &format!("usrlib/{name}"), false, draft));
        draft.note(shipped);
    }
    Ok(())
}

/// Jars for `usrlib` out of `mesos.application.jars`, and the names that they have there.
pub fn application_jars(config: &Configuration) -> Result<Vec<(String, String)>, ConfigurationError> {
    let jars = config.get_list(JARS)?.unwrap_or_default();
    let named = jars.into_iter().map(|jar| {
        let path = Path::new(&jar);
        let name = path.file_name()?.to_str()?.to_owned();
        // Flink takes nothing else out of usrlib.
        path.extension().is_some_and(|extension| extension == "jar").then_some((jar, name))
    });
    named.collect::<Option<_>>().ok_or_else(|| ConfigurationError::Value {
        key: JARS.to_owned(),
        value: config.get(JARS).unwrap_or_default().to_owned(),
        allowed: "a list of paths that end with '.jar'",
        origin: config.source(JARS).cloned().unwrap_or(crate::config::Source::Default),
    })
}
