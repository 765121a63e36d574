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

/// More paths than options name; the others are not looked at.
const MOST_PATHS: usize = 10_000;

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
    let named = config.iter().flat_map(|(_, value)| paths_in(value)).take(MOST_PATHS);
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

/// The absolute paths in an option's value: the value itself, the entries of a list, `file:`
/// addresses, and what java's options name, as in `-javaagent:/a.jar=x` or `-Da=/b`. Only a path
/// that is the whole value may have blanks.
fn paths_in(value: &str) -> impl Iterator<Item = &Path> {
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(c, ',' | ';' | ':' | '=' | '#' | '?' | '"' | '\'' | '[' | ']' | '{' | '}')
    };
    let mut before = "";
    let parts = value.split(ends).filter(move |part| {
        let scheme = std::mem::replace(&mut before, part);
        // Two slashes begin the host of an address, unless it is a file's.
        part.starts_with('/') && (scheme == "file" || !part.starts_with("//"))
    });
    let whole = value.starts_with('/').then_some(value);
    whole.into_iter().chain(parts).map(Path::new)
}

fn list(found: &BTreeSet<Writable>) -> String {
    let named: Vec<_> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_file_is_looked_at() {
        for (value, expected) in [
            ("/a b/c", &["/a b/c", "/a"][..]),
            ("file:///a.tgz#extract=true", &["///a.tgz"]),
            ("file:/a, /b.jar;file:///c", &["/a", "/b.jar", "///c"]),
            ("-Xmx1g -javaagent:/a.jar=x -Da=/b", &["/a.jar", "/b"]),
            ("-Xbootclasspath/a:/a.jar:/b.jar", &["/a.jar", "/b.jar"]),
            ("['/a', \"/b\"]", &["/a", "/b"]),
            ("zk://host:2181/mesos,http://host/a", &[]),
            ("a/b", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> = paths_in(value).filter_map(Path::to_str).collect();
            assert_eq!(found, expected, "{value}");
        }
    }
}
