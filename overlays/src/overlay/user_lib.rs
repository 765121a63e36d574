//! The user's jars: `usrlib` beside `lib`, and those of an application that are elsewhere.

use std::path::Path;

use flink::command::application_jars;
use flink::options::mesos::APPLICATION_JARS;

use super::{Draft, Master, OverlayError, tree};

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let folder = master.home.path.join("usrlib");
    if folder.is_dir() {
        tree::ship_folder(&folder, "usrlib", false, draft)?;
    }
    for (jar, name) in application_jars(master.config)? {
        let unreadable =
            |cause| OverlayError::Configured { key: APPLICATION_JARS.to_string(), cause };
        let opened = common::files::open(Path::new(&jar)).map_err(unreadable);
        let shipped = opened.and_then(|_| {
            tree::ship_file(Path::new(&jar), &format!("usrlib/{name}"), false, draft)
        });
        draft.note(shipped);
    }
    Ok(())
}
