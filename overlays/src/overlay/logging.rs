//! The workers' own logging: a log4j or logback file in place of the distribution's.

use std::path::Path;

use flink::command::LARGEST_LOGGING_FILE;

use super::{Draft, Master, OverlayError, content, tree};

/// Keys, and which file of `conf` theirs replaces.
const FILES: [(&str, &str); 2] =
    [("mesos.worker.log4j", "conf/log4j-console.properties"), ("mesos.worker.logback", "conf/logback-console.xml")];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (key, target) in FILES {
        let Some(path) = master.config.get(key) else { continue };
        let unreadable = |cause| OverlayError::Configured { key: key.to_owned(), cause };
        draft.artifacts.remove(target);
        let file = common::files::open(Path::new(path)).map_err(unreadable);
        let shipped = file.and_then(|_| ship(Path::new(path), target, draft));
        draft.note(shipped);
    }
    Ok(())
}

/// Ships a logging file as `target`: as a secret if it holds one.
pub(super) fn ship(path: &Path, target: &str, draft: &mut Draft) -> Result<(), OverlayError> {
    let text = common::files::read(path, LARGEST_LOGGING_FILE)?;
    let is_xml = Path::new(target).extension().is_some_and(|extension| extension == "xml");
    let secret = if is_xml { content::xml_holds_secret(&text) } else { content::properties_hold_secret(&text) };
    tree::ship_one(path, target, secret, draft)
}
