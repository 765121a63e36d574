//! Hadoop's client configuration.

use std::path::{Path, PathBuf};

use super::{Draft, Master, OverlayError, content, tree};

const KEY: &str = "fs.hdfs.hadoopconf";
const VARIABLE: &str = "HADOOP_CONF_DIR";
const TARGET: &str = "hadoop/conf";
/// A folder without one of these is not Hadoop's configuration.
const NEEDED: [&str; 2] = ["core-site.xml", "hdfs-site.xml"];
/// Shipped when they are there, too.
const MORE: [&str; 4] = ["hive-site.xml", "mapred-site.xml", "ssl-client.xml", "yarn-site.xml"];
/// The largest of these files, in bytes. Hadoop's own defaults have a fifth of a megabyte.
const LARGEST: u64 = 16 << 20;

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let is_whole = |folder: &PathBuf| NEEDED.iter().all(|name| folder.join(name).is_file());
    let Some(folder) = candidates(master).into_iter().find(is_whole) else {
        tracing::debug!("No Hadoop configuration to ship");
        return Ok(());
    };
    for name in NEEDED.iter().chain(&MORE) {
        let path = folder.join(name);
        if path.is_file() {
            let secret = content::xml_holds_secret(&common::files::read(&path, LARGEST)?);
            tree::ship_one(&path, &format!("{TARGET}/{name}"), secret, draft)?;
        }
    }
    let place = Draft::place(TARGET);
    draft.export(VARIABLE, &place);
    for key in [KEY, "env.hadoop.conf.dir"] {
        draft.configure(key, &place, "hadoop configuration");
    }
    Ok(())
}

/// Where upstream looked, and where Flink's scripts look today.
fn candidates(master: &Master<'_>) -> Vec<PathBuf> {
    let configured = |key: &str| master.config.get(key).map(PathBuf::from);
    let home = |folder: &str| master.variable("HADOOP_HOME").map(|home| Path::new(&home).join(folder));
    [
        configured(KEY),
        master.variable(VARIABLE).map(PathBuf::from),
        configured("env.hadoop.conf.dir"),
        home("conf"),
        home("etc/hadoop"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
