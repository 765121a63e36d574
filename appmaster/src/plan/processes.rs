//! Flink's processes on this machine: Java, the JobManager's memory, command lines.

use std::path::Path;

use flink::{
    command::{self, CommandError, Directories},
    config::Configuration,
    home::FlinkHome,
    java::Java,
    memory::JobManagerMemory,
};

use crate::{
    environment::Lookup,
    report::Report,
    settings::{SettingsError, is_external},
};

/// Checks that Flink's processes could be started. Returns the JobManager's java. Blocks: it may
/// ask java for its version.
pub(super) fn check(
    home: &FlinkHome,
    config: &Configuration,
    logs: &Path,
    lookup: &Lookup,
    report: &mut Report,
) -> Option<Java> {
    if !is_external(config) {
        let memory = JobManagerMemory::compute(config, &home.version);
        report.setting(config, memory.map_err(SettingsError::JobManagerMemory));
    }
    let java = java(home, config, lookup, report);
    if let Some(java) = &java {
        command_lines(home, java, config, logs, lookup, report);
    }
    for problem in config.unwritable(&home.version) {
        report.error(problem);
    }
    java
}

fn java(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &Lookup,
    report: &mut Report,
) -> Option<Java> {
    let java = report.value(Java::find(config, lookup))?;
    report.value(java.check(&home.version))?;
    report.fact(format!("Java {}: {}", java.version, java.program.display()));
    if java.version > Java::NEWEST_TRIED {
        let (program, newest) = (java.program.display(), Java::NEWEST_TRIED);
        report.warning(format!(
            "{program}: Flink was not tested with Java {}; the newest version tested is {newest}",
            java.version
        ));
    }
    Some(java)
}

/// Checks the processes' command lines. Errors in memory and in options' forms are reported
/// elsewhere.
fn command_lines(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    logs: &Path,
    lookup: &Lookup,
    report: &mut Report,
) {
    let (conf, log) = (home.conf_dir.clone(), logs.to_owned());
    let directories = Directories { conf, tmp: log.clone(), log };
    let job_manager = (!is_external(config))
        .then(|| command::job_manager(home, java, config, &directories, lookup));
    let task_manager = command::task_manager(home, java, config, &directories, lookup);
    for problem in job_manager.into_iter().chain([task_manager]).filter_map(Result::err) {
        match &problem {
            CommandError::Memory(_) | CommandError::Configuration(_) => {}
            // Already reported with the options' forms.
            CommandError::Options { key, .. } if config.contains(key) => {}
            _ => report.error(problem),
        }
    }
}
