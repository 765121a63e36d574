//! The workers' own logging: a log4j or logback file in place of the distribution's.

use std::path::Path;

use flink::command::LARGEST_LOGGING_FILE;
use flink::config::Configuration;

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
        let file = common::files::open(Path::new(path)).map_err(unreadable);
        let shipped = file.and_then(|_| ship(Path::new(path), target, draft));
        draft.note(shipped);
    }
    Ok(())
}

/// Ships a logging file as `target`: as a secret if it holds one.
pub(super) fn ship(path: &Path, target: &str, draft: &mut Draft) -> Result<(), OverlayError> {
    let text = common::files::read(path, LARGEST_LOGGING_FILE)?;
    tree::ship_one(path, target, holds_secrets(&String::from_utf8_lossy(&text)), draft)
}

/// Does a logging file name something that is a secret, such as an appender's password? In log4j's form that is the name
/// before `=`, in logback's an element.
fn holds_secrets(text: &str) -> bool {
    let is_comment = |line: &&str| !line.trim_start().starts_with(['#', '!']);
    let names = text.lines().filter(is_comment).filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()));
    let elements = text.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ', '/']).next());
    // Most files have no such word anywhere.
    Configuration::is_secret(text) && names.chain(elements).any(Configuration::is_secret)
}
