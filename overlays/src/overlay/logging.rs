//! The workers' own logging: a log4j or logback file in place of the distribution's.

use std::path::Path;

use super::{Draft, Master, OverlayError, tree};

/// Keys, and which file of `conf` theirs replaces.
const FILES: [(&str, &str); 2] =
    [("mesos.worker.log4j", "conf/log4j-console.properties"), ("mesos.worker.logback", "conf/logback-console.xml")];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (key, target) in FILES {
        let Some(path) = master.config.get(key) else { continue };
        let unreadable = |cause| OverlayError::Configured { key: key.to_owned(), cause };
        draft.artifacts.remove(target);
        let opened = common::files::open(Path::new(path)).map_err(unreadable);
        let shipped = opened.and_then(|_| tree::ship_one(Path::new(path), target, false, draft));
        draft.note(shipped);
    }
    Ok(())
}
