//! The user's own files and folders: `mesos.artifacts.<name>`, and `mesos.secret-artifacts.<name>`
//! for what nobody else may see. Workers have them as `artifacts/<name>` beside Flink's folders.

use std::path::Path;

use flink::options::mesos::{ARTIFACT, SECRET_ARTIFACT};

use super::{Draft, Master, OverlayError, tree};

const PREFIXES: [(&str, bool); 2] = [(ARTIFACT.prefix(), false), (SECRET_ARTIFACT.prefix(), true)];

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (prefix, secret) in PREFIXES {
        for (key, value) in master.config.iter() {
            let Some(name) = key.strip_prefix(prefix) else { continue };
            let shipped = ship(key, name, Path::new(value), secret, draft);
            draft.note(shipped);
        }
    }
    Ok(())
}

fn ship(
    key: &str,
    name: &str,
    path: &Path,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(OverlayError::ArtifactName { key: key.to_owned() });
    }
    let missing = |cause| OverlayError::Configured { key: key.to_owned(), cause };
    fs_err::metadata(path).map_err(missing)?;
    tree::ship(path, &format!("artifacts/{name}"), secret, draft)
}
