//! The log of an application master in the background.

use std::{path::PathBuf, time::SystemTime};

use anyhow::{Context as _, anyhow};
use flink::options::mesos::FRAMEWORK_NAME;
use fs_err::File;

use crate::{
    environment::Lookup,
    failure::Failure,
    log_folder,
    plan::{self, Request},
    report::Report,
};

/// The log, and the name of the cluster that writes it.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) cluster: String,
}

impl Log {
    /// Opens a new file in the folder of the JobManager's log. Blocks.
    pub(super) fn open(request: &Request, lookup: &Lookup) -> Result<Self, Failure> {
        let mut report = Report::default();
        let home = plan::home(request, &mut report);
        let read = home.and_then(|home| {
            let config = plan::configuration(&home, request, &mut report)?;
            Some((home, config))
        });
        let (home, config) = read.ok_or_else(|| report.failure())?;
        let cluster = config.text(&FRAMEWORK_NAME).to_owned();
        let opened = || -> anyhow::Result<(PathBuf, File)> {
            let folder = log_folder::claim(&plan::logs(&home, &config, lookup))?;
            fs_err::create_dir_all(&folder)?;
            let path = std::path::absolute(folder.join(name(&cluster, SystemTime::now())))?;
            let file = common::own_files::append(&path)?;
            Ok((path, file))
        };
        let (path, file) = opened()
            .context("the log cannot be written: set FLINK_LOG_DIR or env.log.dir to a folder of your own")
            .map_err(|error| Failure::usage(anyhow!(error)))?;
        Ok(Self { path, file, cluster })
    }
}

/// The file's name. Milliseconds keep two starts apart.
fn name(cluster: &str, now: SystemTime) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let cluster: String = cluster.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let time = humantime::format_rfc3339_millis(now).to_string().replace(':', "-");
    format!("flink-mesos-{cluster}-{time}.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_log_has_the_cluster_and_the_time_and_no_folder() {
        let name = name("a/b c", SystemTime::UNIX_EPOCH);
        assert_eq!(name, "flink-mesos-a_b_c-1970-01-01T00-00-00.000Z.log");
    }
}
