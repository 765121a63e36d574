//! The paths in the settings, and whether another user could replace what is there. A restart does
//! not change that.

use std::io;
use std::path::{Path, PathBuf};

use common::failures::needs_a_person;
use common::own_files::check_place;
use common::trusted_path::check_way;

use crate::settings::Settings;

/// A path that is refused: an error of the configuration.
#[derive(Debug, thiserror::Error)]
#[error("setting `{setting}`: {reason}")]
pub struct RefusedPlace {
    setting: &'static str,
    reason: String,
}

impl RefusedPlace {
    pub(crate) fn socket(reason: String) -> Self {
        Self { setting: "socket", reason }
    }

    pub(crate) fn cache(reason: String) -> Self {
        Self { setting: "cache", reason }
    }
}

/// An error of the configuration if the path must be changed, or what is there; other errors may
/// pass, such as a full disk.
pub(crate) fn refused(
    error: io::Error,
    refusal: impl FnOnce(String) -> RefusedPlace,
) -> anyhow::Error {
    if needs_a_person(&error) { refusal(error.to_string()).into() } else { error.into() }
}

/// Checks all paths without changing anything. Blocks.
pub fn check(settings: &Settings) -> Result<(), RefusedPlace> {
    check_socket(&settings.socket)?;
    check_cache(&settings.cache)
}

/// Refuses a cache that another user could replace, and what is no folder. Blocks.
pub(crate) fn check_cache(path: &Path) -> Result<(), RefusedPlace> {
    check_way(path).map_err(|error| RefusedPlace::cache(error.to_string()))?;
    match fs_err::metadata(path) {
        Ok(found) if !found.is_dir() => Err(RefusedPlace::cache(format!(
            "{} is not a folder: name another path",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Refuses a path at which another user could listen instead, or has put something in the place of
/// its lock. Blocks.
pub(crate) fn check_socket(path: &Path) -> Result<(), RefusedPlace> {
    let checked = check_way(path).and_then(|()| check_place(&lock_of(path)));
    checked.map_err(|error| RefusedPlace::socket(error.to_string()))
}

/// The lock of the socket's path.
pub(crate) fn lock_of(socket: &Path) -> PathBuf {
    let mut name = socket.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    socket.with_file_name(name)
}
