//! Checks that not every user of this machine could change what this user runs: the configuration,
//! files that it names, and files that workers get.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use common::world_writable::{Writable, file_at, folder_at, folders_above};
use flink::{config::Configuration, home::FlinkHome};

use crate::report::Report;

/// How many files or folders a line names.
const NAMED: usize = 3;

/// Reports an error for files that everybody may change, and a warning for folders in which
/// everybody could replace them. Such a folder may be one of Kubernetes's `emptyDir` volumes, which
/// only the containers of a pod reach, and whose mode nobody can change there.
pub(super) fn check<'a>(
    home: &FlinkHome,
    config: &Configuration,
    shipped: impl Iterator<Item = &'a Path>,
    report: &mut Report,
) {
    let read = Configuration::file(&home.conf_dir, &home.version);
    // Files that options name.
    let named = config.iter().map(|(_, value)| Path::new(value)).filter(|path| path.is_absolute());
    let named = named.filter(|path| path.is_file()).map(Path::to_owned);
    let files: BTreeSet<PathBuf> =
        read.into_iter().chain(named).chain(shipped.map(Path::to_owned)).collect();
    let changeable: BTreeSet<_> = files.iter().filter_map(|file| file_at(file)).collect();
    if !changeable.is_empty() {
        report.error(format!(
            "every user of this machine may change {} and so run programs as this user: take the \
             right to write from others, with chmod o-w",
            list(&changeable)
        ));
    }
    let mut folders: BTreeSet<_> = files.iter().flat_map(|file| folders_above(file)).collect();
    // Flink and the overlays look for files in these.
    let searched = files.iter().filter(|file| file.starts_with(&home.path));
    let searched = searched.filter_map(|file| file.parent()).collect::<BTreeSet<_>>();
    folders.extend(searched.into_iter().chain([home.conf_dir.as_path()]).filter_map(folder_at));
    if !folders.is_empty() {
        report.warning(format!(
            "every user of this machine may replace files in {}: take the right to write from \
             others, with chmod o-w",
            list(&folders)
        ));
    }
}

fn list(found: &BTreeSet<Writable>) -> String {
    let named: Vec<_> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}
