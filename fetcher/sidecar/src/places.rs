//! The paths in the settings, and whether another user could replace what is there. A restart does not change that.

use std::path::Path;

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

/// Checks all paths without changing anything. Blocks.
pub fn check(settings: &Settings) -> Result<(), RefusedPlace> {
    check_socket(&settings.socket)?;
    check_way(&settings.cache).map_err(|error| RefusedPlace::cache(error.to_string()))
}

/// Refuses a path at which another user could listen instead. Blocks.
pub(crate) fn check_socket(path: &Path) -> Result<(), RefusedPlace> {
    check_way(path).map_err(|error| RefusedPlace::socket(error.to_string()))
}
