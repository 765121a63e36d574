//! The class path in Flink's order.

use std::path::{Path, PathBuf};

use super::{CommandError, Launch, text};
use crate::home::is_distribution;
use crate::options::ConfigOption;
use crate::options::flink::{ENV_HADOOP_CONF_DIR, ENV_HBASE_CONF_DIR, ENV_YARN_CONF_DIR};

impl Launch<'_> {
    /// All jars below `lib` in byte order with Flink's own at the end, then Hadoop's class path and
    /// configuration folders.
    pub(super) fn class_path(&self) -> Result<String, CommandError> {
        let mut jars = Vec::new();
        collect_jars(&self.home.lib(), &mut jars)?;
        jars.sort();
        let (distribution, others): (Vec<_>, Vec<_>) = jars.into_iter().partition(|jar| {
            jar.file_name().is_some_and(|name| is_distribution(&name.to_string_lossy()))
        });
        let mut entries = Vec::new();
        for jar in others.iter().chain(&distribution) {
            entries.push(text(&self.home.class_path_entry(jar))?);
            if entries.last().is_some_and(|entry| entry.contains(':')) {
                return Err(CommandError::Path {
                    path: jar.clone(),
                    reason: "a class path cannot hold a colon",
                });
            }
        }
        // An empty entry would mean the working directory.
        entries.extend(self.hadoop_entries().filter(|entry| !entry.is_empty()));
        Ok(entries.join(":"))
    }

    /// As `config.sh` finds them: the environment, then the configuration.
    fn hadoop_entries(&self) -> impl Iterator<Item = String> {
        let folder = |variable: &str, option: &ConfigOption<Option<String>>| {
            self.variable(variable)
                .or_else(|| self.config.get(option).map(str::to_owned))
                .unwrap_or_default()
        };
        let class_path = self.variable("HADOOP_CLASSPATH").unwrap_or_default();
        let mut hadoop = folder("HADOOP_CONF_DIR", &ENV_HADOOP_CONF_DIR);
        if hadoop.is_empty() {
            hadoop = self.hadoop_folder_of_home().unwrap_or_default();
        }
        if hadoop.is_empty() && class_path.is_empty() {
            hadoop = existing("/etc/hadoop/conf".to_owned()).unwrap_or_default();
        }
        let yarn = folder("YARN_CONF_DIR", &ENV_YARN_CONF_DIR);
        let mut hbase = folder("HBASE_CONF_DIR", &ENV_HBASE_CONF_DIR);
        if hbase.is_empty() {
            let of_home =
                self.variable("HBASE_HOME").and_then(|home| existing(format!("{home}/conf")));
            hbase = of_home.or_else(|| existing("/etc/hbase/conf".to_owned())).unwrap_or_default();
        }
        [class_path, hadoop, yarn, hbase].into_iter()
    }

    fn hadoop_folder_of_home(&self) -> Option<String> {
        let home = self.variable("HADOOP_HOME")?;
        existing(format!("{home}/etc/hadoop")).or_else(|| existing(format!("{home}/conf")))
    }
}

fn existing(folder: String) -> Option<String> {
    Path::new(&folder).is_dir().then_some(folder)
}

fn collect_jars(folder: &Path, jars: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_jars(&path, jars)?;
        } else if path.extension().is_some_and(|extension| extension == "jar") {
            jars.push(path);
        }
    }
    Ok(())
}
