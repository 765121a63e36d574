//! Hadoop's client configuration.

use std::path::{Path, PathBuf};

use flink::options::flink::{ENV_HADOOP_CONF_DIR, FS_HDFS_HADOOPCONF};

use super::{Draft, Master, OverlayError, content, tree};

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
            let (text, metadata) = common::files::read_with_metadata(&path, LARGEST)?;
            let secret = content::xml_holds_secret(&text);
            tree::ship_read(&path, &metadata, &format!("{TARGET}/{name}"), secret, draft)?;
        }
    }
    let place = Draft::place(TARGET);
    draft.export(VARIABLE, &place);
    for option in [FS_HDFS_HADOOPCONF, ENV_HADOOP_CONF_DIR] {
        draft.configure(option.key(), &place, "hadoop configuration");
    }
    Ok(())
}

/// Where upstream looked, and where Flink's scripts look today.
fn candidates(master: &Master<'_>) -> Vec<PathBuf> {
    let configured = |option| master.config.get(&option).map(PathBuf::from);
    let home =
        |folder: &str| master.variable("HADOOP_HOME").map(|home| Path::new(&home).join(folder));
    [
        configured(FS_HDFS_HADOOPCONF),
        master.variable(VARIABLE).map(PathBuf::from),
        configured(ENV_HADOOP_CONF_DIR),
        home("conf"),
        home("etc/hadoop"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
