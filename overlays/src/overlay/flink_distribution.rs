//! The Flink distribution: `bin`, `lib`, `plugins`, the logging files of `conf`, and `opt` on
//! request.

use std::path::{Path, PathBuf};

use flink::command::is_logging_file;
use flink::options::mesos::FLINK_OPT;

use super::{Draft, Master, OverlayError, logging, tree};

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let home = &master.home.path;
    tree::ship_folder(&home.join("bin"), "bin", false, draft)?;
    ship_logging(&master.home.conf_dir, draft)?;
    tree::ship_folder(&master.home.lib(), "lib", false, draft)?;
    let plugins = folder(master, "FLINK_PLUGINS_DIR", "plugins");
    if plugins.is_dir() {
        tree::ship_folder(&plugins, "plugins", false, draft)?;
    } else {
        tracing::warn!(folder = %plugins.display(), "No folder of plugins to ship");
    }
    if master.config.read(&FLINK_OPT)? {
        tree::ship_folder(&folder(master, "FLINK_OPT_DIR", "opt"), "opt", false, draft)?;
    }
    Ok(())
}

/// Ships what Flink's processes read in the configuration folder: the logging files directly in it,
/// by the list in [`is_logging_file`]. The effective configuration travels by itself, its secrets
/// apart. Everything else in the folder may be a copy of it: what the links of a Kubernetes volume
/// lead to, a backup, a package manager's or an editor's leftover.
fn ship_logging(folder: &Path, draft: &mut Draft) -> Result<(), OverlayError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|name| is_logging_file(Path::new(name))) else {
            continue;
        };
        let target = format!("conf/{}", name.to_string_lossy());
        logging::ship(&path, &target, draft)?;
    }
    Ok(())
}

/// The folder that the variable names, as Flink's scripts have it, or the one in the distribution.
fn folder(master: &Master<'_>, variable: &str, name: &str) -> PathBuf {
    master.variable(variable).map_or_else(|| master.home.path.join(name), PathBuf::from)
}
