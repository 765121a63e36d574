//! The user's jars: `usrlib` beside `lib`.

use super::{Draft, Master, OverlayError, tree};

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let folder = master.home.path.join("usrlib");
    if folder.is_dir() {
        tree::ship(&folder, "usrlib", draft, |_| true)?;
    }
    Ok(())
}
