//! The folders that we and the JobManager write to.

use std::path::{Path, PathBuf};

use flink::{
    config::Configuration,
    home::FlinkHome,
    options::{
        flink::{
            BLOB_STORAGE_DIRECTORY, ENV_LOG_DIR, IO_TMP_DIRS, PROCESS_JOBMANAGER_WORKING_DIR,
            PROCESS_WORKING_DIR, WEB_TMPDIR, WEB_UPLOAD_DIR,
        },
        mesos::STATE_DIR,
    },
};
use nix::{
    sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, statfs},
    unistd::{AccessFlags, access},
};

use crate::{
    environment::Lookup,
    job_manager, log_folder,
    report::Report,
    settings::{Draft, StateLocation},
    working_folder,
};

/// Folders that the JobManager creates when it starts. Where several stand together, the first that
/// is set counts.
const CREATED: [&[&str]; 3] = [
    &[BLOB_STORAGE_DIRECTORY.key()],
    &[WEB_UPLOAD_DIR.key(), WEB_TMPDIR.key()],
    &[PROCESS_JOBMANAGER_WORKING_DIR.key(), PROCESS_WORKING_DIR.key()],
];

/// The configured folder of the JobManager's log.
pub fn logs(home: &FlinkHome, config: &Configuration, lookup: &Lookup) -> PathBuf {
    let named = lookup("FLINK_LOG_DIR").or_else(|| config.get(&ENV_LOG_DIR).map(str::to_owned));
    named.map_or_else(|| home.path.join("log"), PathBuf::from)
}

/// Checks the folders that we write to: logs of a JobManager of our own, state and temporary files.
pub(super) fn check_ours(logs: Option<&PathBuf>, settings: &Draft, report: &mut Report) {
    let usable = |folder: PathBuf| {
        is_writable(&folder)
            .and_then(|()| job_manager::logs::check(&folder).map_err(|e| e.to_string()))
    };
    if let Some(logs) = logs
        && let Err(why) = log_folder::find(logs).map_err(|e| e.to_string()).and_then(usable)
    {
        report.error(format!("FLINK_LOG_DIR, {ENV_LOG_DIR}: logs cannot be written: {why}"));
    }
    if let Some(StateLocation::Directory(folder)) = &settings.state
        && let Err(why) = is_writable(folder)
    {
        report.error(format!("{STATE_DIR}: the state cannot be written: {why}"));
    }
    if let Err(why) = working_folder::check(&std::env::temp_dir()) {
        report.error(format!("TMPDIR: {why}"));
    }
}

/// Flink's processes fail to start if a folder in `plugins` has no jar.
pub(super) fn check_plugins(home: &FlinkHome, lookup: &Lookup, report: &mut Report) {
    let named = lookup("FLINK_PLUGINS_DIR").filter(|folder| !folder.is_empty());
    let plugins = named.map_or_else(|| home.path.join("plugins"), PathBuf::from);
    let mut folders: Vec<_> =
        fs_err::read_dir(plugins).into_iter().flatten().filter_map(Result::ok).collect();
    folders.sort_by_key(fs_err::DirEntry::path);
    let is_jar = |path: PathBuf| path.is_file() && path.extension().is_some_and(|end| end == "jar");
    for folder in folders.iter().map(fs_err::DirEntry::path).filter(|path| path.is_dir()) {
        let mut files = fs_err::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        if !files.any(|file| is_jar(file.path())) {
            report.error(format!(
                "{}: Flink does not start if a plugin's folder has no jar: remove it",
                folder.display()
            ));
        }
    }
}

/// Checks what the JobManager needs of this machine. It fails to start without the first of its
/// temporary folders, or if it cannot create the others.
pub(super) fn check_job_managers(config: &Configuration, report: &mut Report) {
    let mut unusable = |key: &str, why: String| {
        let origin =
            config.source(key).map(|origin| format!(" (from {origin})")).unwrap_or_default();
        report.error(format!("{key}: the JobManager cannot use it on this machine: {why}{origin}"));
    };
    for keys in CREATED {
        let Some((key, folder)) = keys.iter().find_map(|key| Some((key, config.get(key)?))) else {
            continue;
        };
        if let Err(why) = is_writable(Path::new(folder)) {
            unusable(key, why);
        }
    }
    let Some(temporary) = config.get(&IO_TMP_DIRS).filter(|folders| !folders.is_empty()) else {
        return;
    };
    for (at, folder) in
        temporary.split([',', ':']).map(str::trim).filter(|folder| !folder.is_empty()).enumerate()
    {
        let is_there = at > 0 || Path::new(folder).is_dir();
        let why = if is_there {
            is_writable(Path::new(folder)).err()
        } else {
            Some(format!("{folder} is not a folder"))
        };
        if let Some(why) = why {
            unusable(IO_TMP_DIRS.key(), why);
        }
    }
}

/// Whether the folder is writable, or can be created.
fn is_writable(folder: &Path) -> Result<(), String> {
    let folder = std::path::absolute(folder).map_err(|e| e.to_string())?;
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(&folder);
    if !there.is_dir() {
        return Err(format!("{} is not a folder", there.display()));
    }
    // `access` lets root write to these.
    if statfs(there).is_ok_and(|of| [PROC_SUPER_MAGIC, SYSFS_MAGIC].contains(&of.filesystem_type()))
    {
        return Err(format!("{} belongs to the kernel", there.display()));
    }
    access(there, AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|e| format!("{}: {}", there.display(), e.desc()))
}
