//! What Flink's scripts read, and we in their place.

use crate::options::declare::{declare, key};

declare! {
    /// Java home; overrides `JAVA_HOME` and `PATH`
    option ENV_JAVA_HOME: Option<String> = key("env.java.home");
    /// JVM options of all processes
    option ENV_JAVA_OPTS_ALL: String = key("env.java.opts.all").default("").formerly(&["env.java.opts"]);
    /// JVM options of the JobManager
    option ENV_JAVA_OPTS_JOBMANAGER: String = key("env.java.opts.jobmanager").default("");
    /// JVM options of the TaskManagers
    option ENV_JAVA_OPTS_TASKMANAGER: String = key("env.java.opts.taskmanager").default("");
    /// JVM options to put before those of `env.java.opts.all`
    option ENV_JAVA_DEFAULT_OPTS_ALL: String = key("env.java.default-opts.all").default("");
    /// JVM options to put before those of `env.java.opts.jobmanager`
    option ENV_JAVA_DEFAULT_OPTS_JOBMANAGER: String = key("env.java.default-opts.jobmanager").default("");
    /// JVM options to put before those of `env.java.opts.taskmanager`
    option ENV_JAVA_DEFAULT_OPTS_TASKMANAGER: String = key("env.java.default-opts.taskmanager").default("");
    /// level of the root logger
    option ENV_LOG_LEVEL: String = key("env.log.level").default("INFO").since(1, 19);
    /// number of old log files to keep
    option ENV_LOG_MAX: i64 = key("env.log.max").default("10");
    /// folder of Hadoop's configuration; `HADOOP_CONF_DIR` overrides it
    option ENV_HADOOP_CONF_DIR: Option<String> = key("env.hadoop.conf.dir");
    /// folder of YARN's configuration; `YARN_CONF_DIR` overrides it
    option ENV_YARN_CONF_DIR: Option<String> = key("env.yarn.conf.dir");
    /// folder of HBase's configuration; `HBASE_CONF_DIR` overrides it
    option ENV_HBASE_CONF_DIR: Option<String> = key("env.hbase.conf.dir");
    /// JVM options of Flink's own command line
    option ENV_JAVA_OPTS_CLIENT: String = key("env.java.opts.client").default("");
    /// JVM options of the history server
    option ENV_JAVA_OPTS_HISTORYSERVER: String = key("env.java.opts.historyserver").default("");
    /// JVM options of the SQL gateway
    option ENV_JAVA_OPTS_SQL_GATEWAY: String = key("env.java.opts.sql-gateway").default("").since(1, 19);
    /// folder of the JobManager's log; `FLINK_LOG_DIR` overrides it
    option ENV_LOG_DIR: Option<String> = key("env.log.dir");
    /// folder of process ids, for Flink's own scripts
    option _: String = key("env.pid.dir").default("/tmp");
    /// options of ssh, for Flink's own scripts
    option _: Option<String> = key("env.ssh.opts");
    /// redirect output to a file, for Flink's own scripts
    option _: bool = key("env.stdout-err.redirect-to-file").default("false");
}
