//! Flink's own options that have to do with how and where its processes are started. Types, defaults and old names are
//! compared with Flink's classes by a test.

use super::ConfigOption;
use super::Kind::{Boolean, Duration, Integer, List, Memory, Number, Text};

const fn option(key: &'static str, kind: super::Kind, meaning: &'static str) -> ConfigOption {
    ConfigOption::new(key, kind, meaning)
}

pub(super) const OPTIONS: &[ConfigOption] = &[
    // Memory of a TaskManager.
    option("taskmanager.memory.process.size", Memory, "all memory of a TaskManager's process: what Mesos is asked for"),
    option("taskmanager.memory.flink.size", Memory, "memory of a TaskManager without the JVM's own"),
    option("taskmanager.memory.framework.heap.size", Memory, "heap of Flink itself").default("128 mb"),
    option("taskmanager.memory.framework.off-heap.size", Memory, "off-heap memory of Flink itself").default("128 mb"),
    option("taskmanager.memory.task.heap.size", Memory, "heap of the user's code; what is left when not set"),
    option("taskmanager.memory.task.off-heap.size", Memory, "off-heap memory of the user's code").default("0 bytes"),
    option("taskmanager.memory.managed.size", Memory, "memory that operators and state back ends share")
        .formerly(&["taskmanager.memory.size"]),
    option("taskmanager.memory.managed.fraction", Number, "managed memory as a part of the Flink memory")
        .default("0.4"),
    option("taskmanager.memory.network.fraction", Number, "network memory as a part of the Flink memory")
        .default("0.1")
        .formerly(&["taskmanager.network.memory.fraction"]),
    option("taskmanager.memory.network.min", Memory, "least network memory")
        .default("64 mb")
        .formerly(&["taskmanager.network.memory.min"]),
    option("taskmanager.memory.network.max", Memory, "most network memory")
        .default("9223372036854775807 bytes")
        .formerly(&["taskmanager.network.memory.max"]),
    option("taskmanager.network.numberOfBuffers", Integer, "network memory as a number of buffers")
        .default("2048")
        .until(2, 0),
    option("taskmanager.memory.segment-size", Memory, "size of one network buffer").default("32 kb"),
    option("taskmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM").default("256 mb"),
    option("taskmanager.memory.jvm-overhead.fraction", Number, "other memory of the JVM as a part of the process")
        .default("0.1"),
    option("taskmanager.memory.jvm-overhead.min", Memory, "least other memory of the JVM").default("192 mb"),
    option("taskmanager.memory.jvm-overhead.max", Memory, "most other memory of the JVM").default("1 gb"),
    option("taskmanager.heap.size", Memory, "like `taskmanager.memory.flink.size`, from before Flink 1.10").until(2, 0),
    option("taskmanager.heap.mb", Integer, "like `taskmanager.heap.size`").unit("MB").until(2, 0),
    // The other resources and the addresses of a TaskManager.
    option("taskmanager.numberOfTaskSlots", Integer, "slots of a TaskManager").default("1"),
    option("taskmanager.cpu.cores", Number, "CPUs of a TaskManager; one for each slot when not set"),
    option("external-resources", List, "names of other resources, such as GPUs").default(""),
    option("external-resource.<name>.amount", Integer, "how much of an external resource a TaskManager has"),
    option("taskmanager.resource-id", Text, "set to the Mesos task's id"),
    option("taskmanager.host", Text, "the TaskManager's address; the agent's host when not set or `localhost`"),
    option("taskmanager.bind-host", Text, "where the TaskManager listens; everywhere when not set or `localhost`"),
    option("taskmanager.rpc.port", Text, "set to a port of the offer").default("0"),
    option("taskmanager.data.port", Integer, "set to a port of the offer").default("0"),
    option("io.tmp.dirs", Text, "folders for temporary files; the sandbox's when not set")
        .formerly(&["taskmanager.tmp.dirs"]),
    option("taskmanager.registration.timeout", Duration, "how long a TaskManager tries to register before it ends")
        .default("5 min")
        .formerly(&["taskmanager.maxRegistrationDuration"]),
    // The JobManager.
    option("jobmanager.memory.process.size", Memory, "all memory of the JobManager's process"),
    option("jobmanager.memory.flink.size", Memory, "memory of the JobManager without the JVM's own"),
    option("jobmanager.memory.heap.size", Memory, "heap of the JobManager"),
    option("jobmanager.memory.off-heap.size", Memory, "off-heap memory of the JobManager").default("128 mb"),
    option(
        "jobmanager.memory.enable-jvm-direct-memory-limit",
        Boolean,
        "limit the JobManager's direct memory to its off-heap memory",
    )
    .default("false"),
    option("jobmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM").default("256 mb"),
    option("jobmanager.memory.jvm-overhead.fraction", Number, "other memory of the JVM as a part of the process")
        .default("0.1"),
    option("jobmanager.memory.jvm-overhead.min", Memory, "least other memory of the JVM").default("192 mb"),
    option("jobmanager.memory.jvm-overhead.max", Memory, "most other memory of the JVM").default("1 gb"),
    option("jobmanager.heap.size", Memory, "like `jobmanager.memory.heap.size`, from before Flink 1.11").until(2, 0),
    option("jobmanager.heap.mb", Integer, "like `jobmanager.heap.size`").unit("MB").until(2, 0),
    option("jobmanager.rpc.address", Text, "the JobManager's address as TaskManagers see it"),
    option("jobmanager.rpc.port", Integer, "the JobManager's port").default("6123"),
    option("jobmanager.bind-host", Text, "where the JobManager listens"),
    option("rest.address", Text, "address of REST and web page"),
    option("rest.port", Integer, "port of REST and web page").default("8081").formerly(&["web.port"]),
    option("rest.bind-address", Text, "where REST listens").formerly(&["jobmanager.web.address"]),
    option("rest.bind-port", Text, "ports of which REST takes one")
        .default("8081")
        .formerly(&["web.port", "jobmanager.web.port"]),
    option(
        "resourcemanager.taskmanager-registration.timeout",
        Duration,
        "how long a started TaskManager may take to register",
    )
    .default("5 min"),
    option("resourcemanager.taskmanager-timeout", Duration, "how long a TaskManager may be idle")
        .default("30 s")
        .formerly(&["slotmanager.taskmanager-timeout"]),
    option("slot.request.timeout", Duration, "how long a job waits for slots").default("5 min"),
    // High availability.
    option("high-availability.type", Text, "`zookeeper`, or `NONE`")
        .default("NONE")
        .formerly(&["recovery.mode", "high-availability"]),
    option("high-availability.cluster-id", Text, "the cluster's name in the durable state")
        .default("/default")
        .formerly(&["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"]),
    option("high-availability.storageDir", Text, "where the JobManager keeps what is too large for ZooKeeper")
        .formerly(&["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"]),
    option("high-availability.jobmanager.port", Text, "ports of which the JobManager takes one")
        .default("0")
        .formerly(&["recovery.jobmanager.port"]),
    option("high-availability.zookeeper.quorum", Text, "ZooKeeper's servers, `host:port` with commas")
        .formerly(&["recovery.zookeeper.quorum"]),
    option("high-availability.zookeeper.path.root", Text, "root of all clusters in ZooKeeper")
        .default("/flink")
        .formerly(&["recovery.zookeeper.path.root"]),
    option("high-availability.zookeeper.client.acl", Text, "`open`, or `creator`").default("open"),
    option("high-availability.zookeeper.client.session-timeout", Duration, "timeout of ZooKeeper's sessions")
        .default("60 s")
        .formerly(&["recovery.zookeeper.client.session-timeout"]),
    // Security.
    option("security.kerberos.login.keytab", Text, "keytab of the principal; shipped as a secret")
        .formerly(&["security.keytab"]),
    option("security.kerberos.login.principal", Text, "the Kerberos principal").formerly(&["security.principal"]),
    option("security.kerberos.krb5-conf.path", Text, "the Kerberos configuration; shipped"),
    option("security.ssl.enabled", Boolean, "TLS inside and at REST").default("false").until(2, 0),
    option("security.ssl.internal.enabled", Boolean, "TLS between Flink's processes").default("false"),
    option("security.ssl.rest.enabled", Boolean, "TLS at REST").default("false"),
    option("security.ssl.keystore", Text, "key store for both; shipped as a secret"),
    option("security.ssl.keystore-password", Text, "the key store's password"),
    option("security.ssl.key-password", Text, "the key's password"),
    option("security.ssl.truststore", Text, "trust store for both; shipped as a secret"),
    option("security.ssl.truststore-password", Text, "the trust store's password"),
    option("security.ssl.internal.keystore", Text, "key store for Flink's processes; shipped as a secret"),
    option("security.ssl.internal.keystore-password", Text, "its password"),
    option("security.ssl.internal.key-password", Text, "its key's password"),
    option("security.ssl.internal.truststore", Text, "trust store for Flink's processes; shipped as a secret"),
    option("security.ssl.internal.truststore-password", Text, "its password"),
    option("security.ssl.rest.keystore", Text, "key store for REST; shipped as a secret"),
    option("security.ssl.rest.keystore-password", Text, "its password"),
    option("security.ssl.rest.key-password", Text, "its key's password"),
    option("security.ssl.rest.truststore", Text, "trust store for REST; shipped as a secret"),
    option("security.ssl.rest.truststore-password", Text, "its password"),
    // What Flink's scripts read.
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
    option("env.hadoop.conf.dir", Text, "Hadoop's configuration; `HADOOP_CONF_DIR` goes before it"),
    option("env.yarn.conf.dir", Text, "YARN's configuration; `YARN_CONF_DIR` goes before it"),
    option("env.hbase.conf.dir", Text, "HBase's configuration; `HBASE_CONF_DIR` goes before it"),
    option("fs.hdfs.hadoopconf", Text, "Hadoop's configuration, from before Flink 1.10"),
];
