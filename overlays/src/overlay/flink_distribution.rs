//! The Flink distribution: `bin`, `conf`, `lib`, `plugins`, and `opt` on request.

use std::path::PathBuf;

use super::{Draft, Master, OverlayError, tree};

/// Ships `opt` too when it is `true`.
const SHIP_OPT: &str = "mesos.flink.opt";

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let home = &master.home.path;
    tree::ship(&home.join("bin"), "bin", draft, |_| true)?;
    if master.home.conf_dir.is_dir() {
        // The effective configuration travels by itself: its files would be a second one, and may hold secrets.
        tree::ship(&master.home.conf_dir, "conf", draft, |path| path != "flink-conf.yaml" && path != "config.yaml")?;
    }
    tree::ship(&master.home.lib(), "lib", draft, |_| true)?;
    let plugins = folder(master, "FLINK_PLUGINS_DIR", "plugins");
    if plugins.is_dir() {
        tree::ship(&plugins, "plugins", draft, |_| true)?;
    } else {
        tracing::warn!(folder = %plugins.display(), "There is no folder of plugins to ship.");
    }
    if master.config.get_bool(SHIP_OPT)?.unwrap_or(false) {
        tree::ship(&folder(master, "FLINK_OPT_DIR", "opt"), "opt", draft, |_| true)?;
    }
    Ok(())
}

/// The folder that the variable names, as Flink's scripts have it, or the one in the distribution.
fn folder(master: &Master<'_>, variable: &str, name: &str) -> PathBuf {
    master.variable(variable).map_or_else(|| master.home.path.join(name), PathBuf::from)
}
