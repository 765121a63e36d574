//! Checks this machine: distribution, configuration, memory, Java, command lines, files and
//! folders.

use std::path::{Path, PathBuf};

use flink::{
    check::check as check_options,
    command::{self, CommandError, Directories},
    config::Configuration,
    home::FlinkHome,
    java::Java,
    memory::JobManagerMemory,
    options::{
        flink::{
            BLOB_STORAGE_DIRECTORY, ENV_LOG_DIR, IO_TMP_DIRS, PROCESS_JOBMANAGER_WORKING_DIR,
            PROCESS_WORKING_DIR, WEB_TMPDIR, WEB_UPLOAD_DIR,
        },
        mesos::{MASTER, STATE_DIR},
    },
};
use nix::{
    sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, statfs},
    unistd::{AccessFlags, access},
};
use overlays::{
    overlay::{self, ContainerSpec},
    worker,
};

use super::{Report, Subject, application};
use crate::{
    control::run_file,
    job_manager::logs,
    log_folder,
    plan::{self, Lookup, Request},
    settings::{self, Settings, SettingsError, StateLocation},
};

/// Folders that the JobManager creates when it starts. Where several stand together, the first that
/// is set counts.
const CREATED: [&[&str]; 3] = [
    &[BLOB_STORAGE_DIRECTORY.key()],
    &[WEB_UPLOAD_DIR.key(), WEB_TMPDIR.key()],
    &[PROCESS_JOBMANAGER_WORKING_DIR.key(), PROCESS_WORKING_DIR.key()],
];

/// What a check of this machine found.
pub(super) struct Found {
    /// The effective configuration.
    pub(super) config: Configuration,
    /// The secrets that workers get: options, variables and files.
    pub(super) secrets: Vec<String>,
}

/// Checks everything, for a session or for an application with this job. Returns what was found, if
/// the configuration is readable. Blocks.
pub(super) fn check(subject: &Subject, lookup: &Lookup, report: &mut Report) -> Option<Found> {
    let Subject { request, job, local, .. } = subject;
    let home = plan::home(request).map_err(|e| report.error(e)).ok()?;
    report.fact(format!("Flink {} in {}", home.version, home.path.display()));
    let config = configuration(&home, request, report)?;
    for problem in check_options(&config) {
        if problem.fatal { report.error(problem) } else { report.warning(problem) }
    }
    // The Mesos for a laptop has a fixed address, and no containers.
    let is_beside = |problem: &SettingsError| *local && problem.key() == Some(MASTER.key());
    for problem in
        settings::problems(&config, &home.version).into_iter().filter(|problem| !is_beside(problem))
    {
        report.setting(&problem, &config);
    }
    if let Ok(settings) = Settings::read(&config, &home.version) {
        report.fact(wanted(&settings));
        if let Err(e) = plan::executor(settings.executor_binary.as_deref()) {
            report.error(e);
        }
        if *local && settings.container.is_some() {
            let hint = "the Mesos for a laptop has neither images nor volumes";
            report.error(format!("mesos.resourcemanager.tasks.container.*: {hint}"));
        }
        for missing in settings.uris.missing() {
            report.setting(&missing, &config);
        }
    }
    if let Err(e) = JobManagerMemory::compute(&config, &home.version) {
        report.error(format!("the JobManager's memory: {e}"));
    }
    let java =
        Java::find(&config, lookup).and_then(|java| java.check(&home.version).map(|()| java));
    let java = java.map_err(|e| report.error(e)).ok();
    if let Some(java) = &java {
        report.fact(format!("Java {}: {}", java.version, java.program.display()));
        if java.version > Java::NEWEST_TRIED {
            let (program, newest) = (java.program.display(), Java::NEWEST_TRIED);
            report.warning(format!(
                "{program}: Flink was not tested with Java {}; the newest version tested is {newest}",
                java.version
            ));
        }
        command_lines(&home, java, &config, lookup, report);
    }
    for problem in config.unwritable(&home.version) {
        report.error(problem);
    }
    let secrets = files(&home, &config, lookup, report);
    if !local {
        folders(&home, &config, lookup, report);
    }
    job_managers_folders(&home, &config, lookup, report);
    if let Some(obstacle) = run_file::obstacle(lookup) {
        report.warning(obstacle.advice());
    }
    if let Some(job) = job {
        application::check(job, &home, &config, java.as_ref(), report);
    }
    Some(Found { config, secrets })
}

/// The effective configuration. Errors in one source do not hide those in another.
fn configuration(
    home: &FlinkHome,
    request: &Request,
    report: &mut Report,
) -> Option<Configuration> {
    let loaded = Configuration::load(&home.conf_dir, &home.version).map_err(|e| report.error(e));
    let mut config = loaded.clone().unwrap_or_default();
    let environment =
        config.apply_environment(request.environment.iter().cloned()).map_err(|e| report.error(e));
    let dynamic = config.apply_dynamic_properties(&request.dynamic).map_err(|e| report.error(e));
    loaded.and(environment).and(dynamic).ok()?;
    plan::apply_flags(&mut config, request);
    Some(config)
}

/// Checks the processes' command lines. Errors in memory and in options' forms are reported
/// elsewhere.
fn command_lines(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    lookup: &Lookup,
    report: &mut Report,
) {
    let folder = plan::log_folder(home, config, lookup);
    let directories = Directories { conf: home.conf_dir.clone(), log: folder.clone(), tmp: folder };
    let commands = [
        command::job_manager(home, java, config, &directories, lookup),
        command::task_manager(home, java, config, &directories, lookup),
    ];
    for problem in commands.into_iter().filter_map(Result::err) {
        match &problem {
            CommandError::Memory(_) | CommandError::Configuration(_) => {}
            // Already reported with the options' forms.
            CommandError::Options { key, .. } if config.contains(key) => {}
            _ => report.error(problem),
        }
    }
}

/// Checks what workers would be sent. Returns the secrets among it.
fn files(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &Lookup,
    report: &mut Report,
) -> Vec<String> {
    if !home.conf_dir.join("log4j-console.properties").is_file() {
        let folder = home.conf_dir.display();
        report.warning(format!(
            "{folder}: without log4j-console.properties Flink's processes log nothing"
        ));
    }
    let spec = match overlay::collect(home, config, lookup) {
        Ok(spec) => spec,
        Err(problems) => {
            problems.iter().for_each(|problem| report.error(problem));
            return Vec::new();
        }
    };
    spec.unreadable().for_each(|problem| report.error(problem));
    let values = worker::names_of_secrets(&spec);
    report.fact(shipped(&spec, !values.is_empty()));
    let files = spec.artifacts.into_iter().filter(|file| file.secret).map(|file| file.target);
    values.into_iter().chain(files).collect()
}

fn shipped(spec: &ContainerSpec, has_secret_values: bool) -> String {
    // Secret values of configuration and environment are sent in a separate file.
    let values = usize::from(has_secret_values);
    let secrets = values + spec.artifacts.iter().filter(|file| file.secret).count();
    let bytes: u64 = spec
        .artifacts
        .iter()
        .filter_map(|file| Some(fs_err::metadata(&file.source).ok()?.len()))
        .sum();
    let secrets =
        if secrets == 0 { "none secret".to_owned() } else { format!("{secrets} of them secret") };
    let (files, megabytes) = (spec.artifacts.len() + values, (bytes as f64 / 1e6).ceil());
    format!("{files} files ({megabytes} MB) will be shipped to each worker, {secrets}")
}

/// Checks the folders that we write to.
fn folders(home: &FlinkHome, config: &Configuration, lookup: &Lookup, report: &mut Report) {
    let logs = log_folder::find(&plan::log_folder(home, config, lookup)).map_err(|e| e.to_string());
    let usable = |folder: PathBuf| {
        is_writable(&folder).and_then(|()| logs::check(&folder).map_err(|e| e.to_string()))
    };
    if let Err(why) = logs.and_then(usable) {
        report.error(format!("FLINK_LOG_DIR, {ENV_LOG_DIR}: logs cannot be written: {why}"));
    }
    if let Ok(StateLocation::Directory(folder)) = settings::state_location(config)
        && let Err(why) = is_writable(&folder)
    {
        report.error(format!("{STATE_DIR}: the state cannot be written: {why}"));
    }
}

/// Checks what the JobManager needs of this machine. It fails to start if a folder in `plugins` has
/// no jar, without the first of its temporary folders, or if it cannot create the others.
fn job_managers_folders(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &Lookup,
    report: &mut Report,
) {
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

fn wanted(settings: &Settings) -> String {
    let demand = &settings.core.demand;
    let (cpus, mem) = (demand.total("cpus"), demand.total("mem"));
    format!(
        "TaskManagers: {}, each takes {cpus} cpus, {mem} MB, {} ports of Mesos",
        settings.workers,
        demand.ports.len()
    )
}
