//! The workers' own logging: a log4j or logback file in place of the distribution's.

use std::path::Path;

use flink::command::LARGEST_LOGGING_FILE;
use flink::options::ConfigOption;
use flink::options::mesos::{WORKER_LOG4J, WORKER_LOGBACK};

use super::{Draft, Master, OverlayError, content, tree};

/// Options, and which file of `conf` theirs replaces.
const FILES: [(ConfigOption<Option<String>>, &str); 2] =
    [(WORKER_LOG4J, "conf/log4j-console.properties"), (WORKER_LOGBACK, "conf/logback-console.xml")];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (option, target) in FILES {
        let Some(path) = master.config.get(&option) else { continue };
        let unreadable = |cause| OverlayError::Configured { key: option.to_string(), cause };
        draft.artifacts.remove(target);
        let file = common::files::open(Path::new(path)).map_err(unreadable);
        let shipped = file.and_then(|_| ship(Path::new(path), target, draft));
        draft.note(shipped);
    }
    Ok(())
}

/// Ships a logging file as `target`: as a secret if it holds one.
pub(super) fn ship(path: &Path, target: &str, draft: &mut Draft) -> Result<(), OverlayError> {
    let (text, metadata) = common::files::read_with_metadata(path, LARGEST_LOGGING_FILE)?;
    let is_xml = Path::new(target).extension().is_some_and(|extension| extension == "xml");
    let secret = if is_xml {
        content::xml_holds_secret(&text)
    } else {
        content::properties_hold_secret(&text)
    };
    tree::ship_read(path, &metadata, target, secret, draft)
}
