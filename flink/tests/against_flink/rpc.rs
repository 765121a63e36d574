//! Options of the RPC system, as each Flink and the Pekko in it read them.

use flink::check::check;
use flink::config::{Configuration, Source};
use flink::version::FlinkVersion;

use super::oracle::{Oracle, flink, flink_home};
use super::values::VERSIONS;

/// Configurations as `key=value`, with `&` between several, that Pekko refuses when it reads them,
/// if at all.
const SETTINGS: &[&str] = &[
    "akka.framesize=10485760b",
    "akka.framesize=lots",
    "pekko.ask.timeout=0 s",
    "pekko.ask.timeout=922337203685477580 ms",
    "pekko.ask.timeout=922337203685477581 ms",
    "pekko.startup-timeout=0 s",
    "pekko.tcp.timeout=9223372036854775807 ms",
    "pekko.throughput=-1",
    "pekko.framesize=10485760b",
    "pekko.framesize=10485760",
    "pekko.framesize=",
    "pekko.framesize=10 MB",
    "pekko.framesize=10 MiB",
    "pekko.framesize=10 mb",
    "pekko.framesize=10m",
    "pekko.framesize=10 Mi",
    "pekko.framesize=100kB",
    "pekko.framesize=100kb",
    "pekko.framesize=100KB",
    "pekko.framesize=100K",
    "pekko.framesize=100 kilobytes",
    "pekko.framesize=100 kibibyte",
    "pekko.framesize=10485760 bytes",
    "pekko.framesize=10485760 Bytes",
    "pekko.framesize=1.5MB",
    "pekko.framesize=.5MB",
    "pekko.framesize=1.MB",
    "pekko.framesize=.",
    "pekko.framesize=MB",
    "pekko.framesize=1 M B",
    "pekko.framesize=1.2.3MB",
    "pekko.framesize=1e6b",
    "pekko.framesize=1e+6b",
    "pekko.framesize=1.5e-1MB",
    "pekko.framesize=1e",
    "pekko.framesize=1E",
    "pekko.framesize=-1",
    "pekko.framesize=+10485760b",
    "pekko.framesize=31999b",
    "pekko.framesize=31999.9b",
    "pekko.framesize=32000",
    "pekko.framesize=31.25k",
    "pekko.framesize=31.24k",
    "pekko.framesize=2147483647.9b",
    "pekko.framesize=2147483648b",
    "pekko.framesize=2048Mi",
    "pekko.framesize=1g",
    "pekko.framesize=1yottabyte",
    "pekko.framesize=010485760",
    "pekko.framesize=10_485_760b",
    "pekko.framesize=10,485,760b",
    "pekko.framesize=0x1000000",
    "pekko.framesize=1 0485760",
    "pekko.framesize= 10485760b ",
    "pekko.framesize=\n10485760b\n",
    "pekko.framesize=10\nMB",
    "pekko.framesize=10\tMB",
    "pekko.framesize=\"10485760b\"",
    "pekko.framesize=\" 10485760b \"",
    "pekko.framesize=\"10485760b\" \"x\"",
    "pekko.framesize='10485760b'",
    "pekko.framesize=10485760b}",
    "pekko.framesize=[10485760]",
    "pekko.framesize=${x}",
    "pekko.framesize=true",
    "pekko.framesize=NaN",
    "pekko.framesize=Infinity",
    "pekko.ask.timeout=ten",
    "akka.ask.timeout=-1 s",
    "pekko.startup-timeout=Inf",
    "pekko.tcp.timeout=-1 s",
    "pekko.retry-gate-closed-for=-1",
    "pekko.throughput=2147483648",
    "pekko.log.lifecycle.events=yes",
    "pekko.jvm-exit-on-fatal-error=FALSE",
    "pekko.ssl.enabled=on",
    "pekko.fork-join-executor.parallelism-factor=-1",
    "pekko.fork-join-executor.parallelism-min=0",
    "pekko.fork-join-executor.parallelism-min=0&pekko.fork-join-executor.parallelism-factor=0",
    "pekko.fork-join-executor.parallelism-min=0&akka.fork-join-executor.parallelism-factor=0.1",
    "pekko.fork-join-executor.parallelism-min=40000",
    "pekko.fork-join-executor.parallelism-min=40000&pekko.fork-join-executor.parallelism-max=40000",
    "pekko.fork-join-executor.parallelism-min=32767&pekko.fork-join-executor.parallelism-max=40000",
    "pekko.fork-join-executor.parallelism-max=0",
];

/// Those that it refuses when it starts, if at all.
const STARTS: &[&str] = &[
    "pekko.ask.callstack=yes",
    "pekko.framesize=10485760b # ten",
    "pekko.retry-gate-closed-for=0",
    "pekko.retry-gate-closed-for=4611686018427",
    "pekko.retry-gate-closed-for=4611686018428",
    "pekko.client-socket-worker-pool.pool-size-max=0",
    "pekko.server-socket-worker-pool.pool-size-max=-1",
    "pekko.server-socket-worker-pool.pool-size-max=0",
    "pekko.server-socket-worker-pool.pool-size-min=0&pekko.server-socket-worker-pool.pool-size-factor=0",
];

#[test]
fn options_of_the_rpc_system_are_refused_exactly_if_each_flink_does_not_read_them() {
    let differences =
        VERSIONS.map(|line| differences(line, &mut flink(line), "rpc-settings", SETTINGS));
    assert!(differences.concat().is_empty(), "{}", differences.concat().join("\n"));
}

#[test]
fn options_of_the_rpc_system_are_refused_exactly_if_each_flink_does_not_start_with_them() {
    // Flink waits ten seconds before most of these fail. The JVM may end afterwards, so other
    // tests do not share it.
    let differences = std::thread::scope(|scope| {
        let lines = VERSIONS.map(|line| {
            scope.spawn(move || {
                differences(line, &mut Oracle::start(&flink_home(line)), "rpc-starts", STARTS)
            })
        });
        lines.map(|line| line.join().unwrap()).concat()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Where this Flink's answers are others than ours.
fn differences(line: &str, flink: &mut Oracle, question: &str, cases: &[&str]) -> Vec<String> {
    let texts: Vec<String> = cases.iter().map(|case| (*case).to_owned()).collect();
    let (version, answers) = (flink.version, flink.ask(question, &texts).unwrap());
    assert_eq!(answers.len(), cases.len());
    let compared =
        cases.iter().zip(answers).map(|(case, theirs)| (case, theirs, ours(case, version)));
    let different = compared.filter(|(_, theirs, ours)| ours.is_empty() != (theirs == "accepted"));
    different
        .map(|(case, theirs, ours)| format!("{line} {case:?}: Flink: {theirs}, ours: {ours:?}"))
        .collect()
}

fn ours(case: &str, version: FlinkVersion) -> Vec<String> {
    let mut config = Configuration::new();
    config.read_as(version);
    for (key, value) in case.split('&').filter_map(|pair| pair.split_once('=')) {
        config.set(key, value, Source::DynamicProperty);
    }
    check(&config).iter().map(ToString::to_string).collect()
}
