//! What ten realistic installations come to: the worker's description, its artifacts, and on an
//! agent its configuration and command line, word for word. Each is written down in a file beside
//! this one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod installation;

use installation::Installation;

/// What Flink 1.20 ships, shortened.
const SHIPPED: &str = "\
env:
  java:
    opts:
      all: --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED
jobmanager:
  bind-host: localhost
  rpc:
    address: localhost
    port: 6123
  memory:
    process:
      size: 1600m
taskmanager:
  bind-host: localhost
  host: localhost
  numberOfTaskSlots: 1
  memory:
    process:
      size: 1728m
parallelism:
  default: 1
rest:
  address: localhost
  bind-address: localhost
";

#[test]
fn flink_1_20_as_it_is_shipped() {
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .agrees_with("flink_1_20_as_it_is_shipped");
}

#[test]
fn flink_2_with_java_21() {
    Installation::new("2.3.0")
        .file("jdk/release", "JAVA_VERSION=\"21.0.2\"\n")
        .file("flink/conf/config.yaml", SHIPPED)
        .set("execution.checkpointing.dir=hdfs:///checkpoints")
        .set("pipeline.classpaths=[file:///a.jar, file:///b.jar]")
        .agrees_with("flink_2_with_java_21");
}

#[test]
fn a_configuration_that_comes_from_flink_1_13() {
    let text = "\
# As it was under mesos-appmaster.sh.
jobmanager.rpc.address: am.example.org
mesos.master: zk://zk1:2181,zk2:2181/mesos
mesos.resourcemanager.framework.secret: hush
mesos.resourcemanager.tasks.cpus: 2.0
mesos.resourcemanager.tasks.hostname: _TASK_.flink.mesos
taskmanager.host: _TASK_.flink.mesos
taskmanager.memory.process.size: 4g
taskmanager.numberOfTaskSlots: 4
env.java.opts: -XX:+UseParallelGC -Dgreeting=\"two parts\"
high-availability: zookeeper
high-availability.zookeeper.quorum: zk1:2181,zk2:2181
state.backend: rocksdb
";
    Installation::new("1.20.5")
        .file("flink/conf/flink-conf.yaml", text)
        .agrees_with("a_configuration_that_comes_from_flink_1_13");
}

#[test]
fn flink_1_18_with_each_part_of_the_memory() {
    let text = "\
taskmanager.memory.task.heap.size: 512m
taskmanager.memory.managed.size: 1g
taskmanager.memory.network.max: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.jvm-metaspace.size: 300m
taskmanager.memory.jvm-overhead.max: 300m
taskmanager.cpu.cores: 1.5
taskmanager.numberOfTaskSlots: 3
";
    Installation::new("1.18.1")
        .file("flink/conf/flink-conf.yaml", text)
        .agrees_with("flink_1_18_with_each_part_of_the_memory");
}

#[test]
fn kerberos_and_hdfs() {
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .file("secrets/flink.keytab", "k")
        .file("etc/krb5.conf", "[libdefaults]\n")
        .file("hadoop/core-site.xml", "<configuration/>")
        .file("hadoop/hdfs-site.xml", "<configuration/>")
        .file("hadoop/yarn-site.xml", "<configuration/>")
        .set("security.kerberos.login.keytab=<master>/secrets/flink.keytab")
        .set("security.kerberos.login.principal=flink/_HOST@EXAMPLE.ORG")
        .set("security.kerberos.krb5-conf.path=<master>/etc/krb5.conf")
        .variable("HADOOP_CONF_DIR", "<master>/hadoop")
        .on_agent("HADOOP_CLASSPATH", "/opt/hadoop/*")
        .agrees_with("kerberos_and_hdfs");
}

#[test]
fn tls_everywhere() {
    let store = |key: &str, name: &str| format!("security.ssl.{key}=<master>/ssl/{name}");
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .file("ssl/internal.p12", "i")
        .file("ssl/rest.p12", "r")
        .set("security.ssl.internal.enabled=true")
        .set(&store("internal.keystore", "internal.p12"))
        .set(&store("internal.truststore", "internal.p12"))
        .set("security.ssl.internal.keystore-password=hush")
        .set("security.ssl.internal.truststore-password=hush")
        .set("security.ssl.internal.key-password=hush")
        .set("security.ssl.rest.enabled=true")
        .set(&store("rest.keystore", "rest.p12"))
        .set("security.ssl.rest.keystore-password=hush")
        .agrees_with("tls_everywhere");
}

#[test]
fn checkpoints_in_s3() {
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .file("flink/plugins/s3-fs-presto/flink-s3-fs-presto-1.20.5.jar", "")
        .set("s3.endpoint=https://minio:9000")
        .set("s3.access-key=AKIA")
        .set("s3.secret-key=hush")
        .set("state.checkpoints.dir=s3://bucket/checkpoints")
        .set("containerized.taskmanager.env.AWS_SESSION_TOKEN=hush")
        .set("containerized.taskmanager.env.AWS_REGION=eu-central-1")
        .agrees_with("checkpoints_in_s3");
}

#[test]
fn gpus_and_ports_of_metrics() {
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .set("external-resources=gpu")
        .set("external-resource.gpu.amount=2")
        .set("mesos.resourcemanager.tasks.gpus=2")
        .set("mesos.resourcemanager.tasks.port-assignments=metrics.reporter.prom.port")
        .set("metrics.reporter.prom.factory.class=org.apache.flink.metrics.prometheus.PrometheusReporterFactory")
        .port("metrics.reporter.prom.port", 31002)
        .agrees_with("gpus_and_ports_of_metrics");
}

#[test]
fn the_users_own_jars_files_and_disks() {
    Installation::new("1.20.5")
        .file("flink/conf/config.yaml", SHIPPED)
        .file("flink/usrlib/job.jar", "")
        .file("models/v1/weights.bin", "w")
        .file("keys/api.pem", "p")
        .set("mesos.artifacts.models=<master>/models")
        .set("mesos.secret-artifacts.api.pem=<master>/keys/api.pem")
        .set("mesos.executor.running-when=listening")
        .on_agent("FLINK_CONF_io__tmp__dirs", "/ssd1/flink,/ssd2/flink")
        .agrees_with("the_users_own_jars_files_and_disks");
}

#[test]
fn names_that_nobody_expects() {
    Installation::new("1.20.5")
        .file("etc/our flink/config.yaml", SHIPPED)
        .file("etc/our flink/log4j-console.properties", "rootLogger.level = INFO\n")
        .file("flink/lib/größe & more.jar", "")
        .file("shared/connectors/kafka.jar", "")
        .link("flink/lib/connectors", "shared/connectors")
        .file("flink/opt/flink-python-1.20.5.jar", "")
        .conf_dir("etc/our flink")
        .set("mesos.flink.opt=true")
        .set("containerized.taskmanager.env.GREETING=say \"hi\" to $USER; `now`")
        .set("env.java.opts.taskmanager=-Dname='O''Neil' -Dblank=\"a b\"")
        .agrees_with("names_that_nobody_expects");
}
