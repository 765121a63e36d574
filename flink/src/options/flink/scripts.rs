//! What Flink's scripts read, and we in their place.

use super::option;
use crate::options::Declaration;
use crate::options::Kind::{Boolean, Integer, Text};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("env.java.home", Text, "Java home; overrides `JAVA_HOME` and `PATH`"),
    option("env.java.opts.all", Text, "JVM options of all processes").default("").formerly(&["env.java.opts"]),
    option("env.java.opts.jobmanager", Text, "JVM options of the JobManager").default(""),
    option("env.java.opts.taskmanager", Text, "JVM options of the TaskManagers").default(""),
    option("env.java.default-opts.all", Text, "JVM options to put before those of `env.java.opts.all`").default(""),
    option("env.java.default-opts.jobmanager", Text, "JVM options to put before those of `env.java.opts.jobmanager`")
        .default(""),
    option("env.java.default-opts.taskmanager", Text, "JVM options to put before those of `env.java.opts.taskmanager`")
        .default(""),
    option("env.log.level", Text, "level of the root logger").default("INFO").since(1, 19),
    option("env.log.max", Integer, "number of old log files to keep").default("10"),
    option("env.hadoop.conf.dir", Text, "folder of Hadoop's configuration; `HADOOP_CONF_DIR` overrides it"),
    option("env.yarn.conf.dir", Text, "folder of YARN's configuration; `YARN_CONF_DIR` overrides it"),
    option("env.hbase.conf.dir", Text, "folder of HBase's configuration; `HBASE_CONF_DIR` overrides it"),
    option("env.java.opts.client", Text, "JVM options of Flink's own command line").default(""),
    option("env.java.opts.historyserver", Text, "JVM options of the history server").default(""),
    option("env.java.opts.sql-gateway", Text, "JVM options of the SQL gateway").default("").since(1, 19),
    option("env.log.dir", Text, "folder of the JobManager's log; `FLINK_LOG_DIR` overrides it"),
    option("env.pid.dir", Text, "folder of process ids, for Flink's own scripts").default("/tmp"),
    option("env.ssh.opts", Text, "options of ssh, for Flink's own scripts"),
    option("env.stdout-err.redirect-to-file", Boolean, "redirect output to a file, for Flink's own scripts")
        .default("false"),
];
