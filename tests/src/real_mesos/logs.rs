//! Keeps the logs of a cluster whose test has failed.

use std::path::{Path, PathBuf};

const LARGEST: u64 = 4 << 20;

/// Copies the logs of masters, agents and sandboxes out of `work`, and returns their new folder.
pub(super) fn keep(work: &Path) -> Option<PathBuf> {
    let target = std::env::temp_dir().join("flink-mesos-logs").join(work.file_name()?);
    let mut folders = vec![work.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).ok()?.map_while(Result::ok) {
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && is_log(&path)
                && entry.metadata().is_ok_and(|about| about.len() <= LARGEST)
            {
                let copy = target.join(path.strip_prefix(work).ok()?);
                fs_err::create_dir_all(copy.parent()?).ok()?;
                fs_err::copy(&path, copy).ok()?;
            }
        }
    }
    Some(target)
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(name, "stdout" | "stderr")
        || [".log", ".out", ".err"].iter().any(|ending| name.ends_with(ending))
}
