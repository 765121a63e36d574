//! What Flink's scripts read, and we in their place.

use super::option;
use crate::options::ConfigOption;
use crate::options::Kind::{Boolean, Integer, Text};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("env.java.home", Text, "java home; `JAVA_HOME` and `PATH` come after it"),
    option("env.java.opts.all", Text, "JVM options of all processes").default("").formerly(&["env.java.opts"]),
    option("env.java.opts.jobmanager", Text, "JVM options of the JobManager").default(""),
    option("env.java.opts.taskmanager", Text, "JVM options of the TaskManagers").default(""),
    option("env.java.default-opts.all", Text, "JVM options before those of `env.java.opts.all`").default(""),
    option("env.java.default-opts.jobmanager", Text, "JVM options before those of `env.java.opts.jobmanager`")
        .default(""),
    option("env.java.default-opts.taskmanager", Text, "JVM options before those of `env.java.opts.taskmanager`")
        .default(""),
    option("env.log.level", Text, "level of the root logger").default("INFO").since(1, 19),
    option("env.log.max", Integer, "how many old log files are kept").default("10"),
    option("env.hadoop.conf.dir", Text, "Hadoop's configuration; `HADOOP_CONF_DIR` overrides it"),
    option("env.yarn.conf.dir", Text, "YARN's configuration; `YARN_CONF_DIR` overrides it"),
    option("env.hbase.conf.dir", Text, "HBase's configuration; `HBASE_CONF_DIR` overrides it"),
    option("env.java.opts.client", Text, "JVM options of Flink's own command line").default(""),
    option("env.java.opts.historyserver", Text, "JVM options of the history server").default(""),
    option("env.java.opts.sql-gateway", Text, "JVM options of the SQL gateway").default("").since(1, 19),
    option("env.log.dir", Text, "folder of the JobManager's log; `FLINK_LOG_DIR` overrides it"),
    option("env.pid.dir", Text, "for Flink's own scripts: where they write process ids").default("/tmp"),
    option("env.ssh.opts", Text, "for Flink's own scripts: options of ssh"),
    option("env.stdout-err.redirect-to-file", Boolean, "for Flink's own scripts: their output goes to a file")
        .default("false"),
];
