//! REST API and web page.

use super::option;
use crate::options::ConfigOption;
use crate::options::Kind::{Boolean, Duration, Integer, Text};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("rest.address", Text, "address of REST and web page"),
    option("rest.port", Integer, "port of REST and web page").port().default("8081").formerly(&["web.port"]),
    option("rest.bind-address", Text, "where REST listens").formerly(&["jobmanager.web.address"]),
    option("rest.bind-port", Text, "ports of which REST takes one")
        .default("8081")
        .formerly(&["web.port", "jobmanager.web.port"]),
    option("rest.path", Text, "path that the web page is known by, behind a proxy").default("").since(1, 19),
    option("rest.url-prefix", Text, "path in front of all others in addresses that clients use").default("/"),
    option("rest.await-leader-timeout", Duration, "how long a client waits for a leader").default("30 s"),
    option("rest.async.store-duration", Duration, "how long the result of an operation in the background is kept")
        .default("5 min"),
    option("rest.cache.checkpoint-statistics.size", Integer, "checkpoints whose statistics are kept ready")
        .default("1000"),
    option("rest.cache.checkpoint-statistics.timeout", Duration, "how old statistics may be").default("3 s"),
    option(
        "rest.cache.execution-graph.timeout",
        Duration,
        "how old what is shown of a job may be; `web.refresh-interval` when not set",
    )
    .since(2, 3),
    option("rest.client.max-content-length", Integer, "longest answer that a client takes")
        .default("104857600")
        .unit("bytes"),
    option("rest.server.max-content-length", Integer, "longest request that is taken")
        .default("104857600")
        .unit("bytes"),
    option("rest.connection-timeout", Duration, "how long a client waits for a connection").default("15 s"),
    option("rest.idleness-timeout", Duration, "how long a connection may be idle").default("5 min"),
    option("rest.retry.delay", Duration, "pause of a client before it asks again").default("3 s"),
    option("rest.retry.max-attempts", Integer, "how often it does").default("20"),
    option("rest.server.numThreads", Integer, "threads that answer").default("4"),
    option("rest.server.thread-priority", Integer, "their priority").between(1, 10).default("5"),
    option("rest.flamegraph.enabled", Boolean, "flame graphs on the web page").default("false"),
    option("rest.flamegraph.num-samples", Integer, "samples of each").default("100"),
    option("rest.flamegraph.delay-between-samples", Duration, "time between two samples").default("50 ms"),
    option("rest.flamegraph.stack-depth", Integer, "frames of each sample").default("100"),
    option("rest.flamegraph.refresh-interval", Duration, "age at which a flame graph is made again").default("1 min"),
    option("rest.flamegraph.cleanup-interval", Duration, "time without a look after which it is dropped")
        .default("10 min"),
    option("rest.profiling.enabled", Boolean, "profiles of processes on the web page").default("false").since(1, 19),
    option("rest.profiling.dir", Text, "folder of the profiles").default("/tmp").since(1, 19),
    option("rest.profiling.duration-max", Duration, "longest profile").default("5 min").since(1, 19),
    option("rest.profiling.history-size", Integer, "how many are kept").default("10").since(1, 19),
];
