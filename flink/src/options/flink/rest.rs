//! REST API and web page.

use super::{MILLISECONDS, option};
use crate::options::Declaration;
use crate::options::Kind::{Boolean, Duration, Integer, Text};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("rest.address", Text, "address of the REST API and the web page"),
    option("rest.port", Integer, "port of the REST API and the web page")
        .port()
        .default("8081")
        .formerly(&["web.port"]),
    option("rest.bind-address", Text, "address that the REST API listens on").formerly(&["jobmanager.web.address"]),
    option("rest.bind-port", Text, "port that the REST API listens on, or ports to choose from")
        .default("8081")
        .formerly(&["web.port", "jobmanager.web.port"]),
    option("rest.path", Text, "path of the web page behind a proxy").default("").since(1, 19),
    option("rest.url-prefix", Text, "path that clients put before every URL path").default("/"),
    option("rest.await-leader-timeout", Duration, "how long a client waits for a leader")
        .default("30 s")
        .earlier(MILLISECONDS),
    option("rest.async.store-duration", Duration, "how long the result of a background operation is kept")
        .default("5 min"),
    option("rest.cache.checkpoint-statistics.size", Integer, "number of checkpoints whose statistics are cached")
        .default("1000"),
    option("rest.cache.checkpoint-statistics.timeout", Duration, "how long checkpoint statistics are cached")
        .default("3 s"),
    option(
        "rest.cache.execution-graph.timeout",
        Duration,
        "how long a job's execution graph is cached; not set: `web.refresh-interval`",
    )
    .since(2, 3),
    option("rest.client.max-content-length", Integer, "longest response that a client accepts")
        .default("104857600")
        .unit("bytes"),
    option("rest.server.max-content-length", Integer, "longest request that the server accepts")
        .default("104857600")
        .unit("bytes"),
    option("rest.connection-timeout", Duration, "how long a client waits for a connection")
        .default("15 s")
        .earlier(MILLISECONDS),
    option("rest.idleness-timeout", Duration, "how long a connection may be idle")
        .default("5 min")
        .earlier(MILLISECONDS),
    option("rest.retry.delay", Duration, "pause before a client retries a request")
        .default("3 s")
        .earlier(MILLISECONDS),
    option("rest.retry.max-attempts", Integer, "number of times that a client retries a request").default("20"),
    option("rest.server.numThreads", Integer, "number of threads of the REST server").default("4"),
    option("rest.server.thread-priority", Integer, "priority of the threads of the REST server")
        .between(1, 10)
        .default("5"),
    option("rest.flamegraph.enabled", Boolean, "show flame graphs on the web page").default("false"),
    option("rest.flamegraph.num-samples", Integer, "number of samples of a flame graph").default("100"),
    option("rest.flamegraph.delay-between-samples", Duration, "time between two samples").default("50 ms"),
    option("rest.flamegraph.stack-depth", Integer, "number of stack frames of a sample").default("100"),
    option("rest.flamegraph.refresh-interval", Duration, "age at which a flame graph is built again").default("1 min"),
    option("rest.flamegraph.cleanup-interval", Duration, "time without a request after which a flame graph is dropped")
        .default("10 min"),
    option("rest.profiling.enabled", Boolean, "profile processes on the web page").default("false").since(1, 19),
    option("rest.profiling.dir", Text, "folder of the profiles").default("/tmp").since(1, 19),
    option("rest.profiling.duration-max", Duration, "longest profile").default("5 min").since(1, 19),
    option("rest.profiling.history-size", Integer, "number of profiles to keep").default("10").since(1, 19),
];
