//! REST API and web page.

use std::time::Duration;

use super::MILLISECONDS;
use crate::options::declare::{declare, key};

declare! {
    /// address of the REST API and the web page
    option REST_ADDRESS: Option<String> = key("rest.address");
    /// port of the REST API and the web page
    option REST_PORT: u16 = key("rest.port").port().default("8081").formerly(&["web.port"]);
    /// address that the REST API listens on
    option REST_BIND_ADDRESS: Option<String> = key("rest.bind-address").formerly(&["jobmanager.web.address"]);
    /// port that the REST API listens on, or ports to choose from
    option REST_BIND_PORT: Option<String> = key("rest.bind-port")
        .default("8081").formerly(&["web.port", "jobmanager.web.port"]);
    /// path of the web page behind a proxy
    option _: String = key("rest.path").default("").since(1, 19);
    /// path that clients put before every URL path
    option _: String = key("rest.url-prefix").default("/");
    /// how long a client waits for a leader
    option _: Duration = key("rest.await-leader-timeout").default("30 s").earlier(MILLISECONDS);
    /// how long the result of a background operation is kept
    option _: Duration = key("rest.async.store-duration").default("5 min");
    /// number of checkpoints whose statistics are cached
    option _: i64 = key("rest.cache.checkpoint-statistics.size").default("1000");
    /// how long checkpoint statistics are cached
    option _: Duration = key("rest.cache.checkpoint-statistics.timeout").default("3 s");
    /// how long a job's execution graph is cached; not set: `web.refresh-interval`
    option _: Option<Duration> = key("rest.cache.execution-graph.timeout").since(2, 3);
    /// longest response that a client accepts
    option _: i64 = key("rest.client.max-content-length").default("104857600").unit("bytes");
    /// longest request that the server accepts
    option _: i64 = key("rest.server.max-content-length").default("104857600").unit("bytes");
    /// how long a client waits for a connection
    option _: Duration = key("rest.connection-timeout").default("15 s").earlier(MILLISECONDS);
    /// how long a connection may be idle
    option _: Duration = key("rest.idleness-timeout").default("5 min").earlier(MILLISECONDS);
    /// pause before a client retries a request
    option _: Duration = key("rest.retry.delay").default("3 s").earlier(MILLISECONDS);
    /// number of times that a client retries a request
    option _: i64 = key("rest.retry.max-attempts").default("20");
    /// number of threads of the REST server
    option _: i64 = key("rest.server.numThreads").default("4");
    /// priority of the threads of the REST server
    option _: i64 = key("rest.server.thread-priority").between(1, 10).default("5");
    /// show flame graphs on the web page
    option _: bool = key("rest.flamegraph.enabled").default("false");
    /// number of samples of a flame graph
    option _: i64 = key("rest.flamegraph.num-samples").default("100");
    /// time between two samples
    option _: Duration = key("rest.flamegraph.delay-between-samples").default("50 ms");
    /// number of stack frames of a sample
    option _: i64 = key("rest.flamegraph.stack-depth").default("100");
    /// age at which a flame graph is built again
    option _: Duration = key("rest.flamegraph.refresh-interval").default("1 min");
    /// time without a request after which a flame graph is dropped
    option _: Duration = key("rest.flamegraph.cleanup-interval").default("10 min");
    /// profile processes on the web page
    option _: bool = key("rest.profiling.enabled").default("false").since(1, 19);
    /// folder of the profiles
    option _: String = key("rest.profiling.dir").default("/tmp").since(1, 19);
    /// longest profile
    option _: Duration = key("rest.profiling.duration-max").default("5 min").since(1, 19);
    /// number of profiles to keep
    option _: i64 = key("rest.profiling.history-size").default("10").since(1, 19);
}
