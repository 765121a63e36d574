//! Metrics for Prometheus. Each is declared here, and computed from the current [`Status`].

use std::fmt::Write as _;

use fetcher_client::counters::Errors;

use crate::status::{Running, Status};
use crate::usage::Usage;

/// Content type of Prometheus's text format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const PREFIX: &str = "flink_mesos_fetcher_";

/// One metric.
struct Metric {
    /// Name without prefix; it ends with the unit, and with `total` for counters.
    name: &'static str,
    help: &'static str,
    samples: fn(&Status, &Running) -> Vec<Sample>,
}

/// Labels and a value.
type Sample = (Vec<(&'static str, String)>, f64);

const METRICS: &[Metric] = &[
    metric("build_info", "Always 1; the label has the running version.", |status, _| {
        vec![(vec![("version", status.version.clone())], 1.0)]
    }),
    metric("uptime_seconds", "Seconds since the daemon started.", |_, running| {
        one(running.uptime_seconds)
    }),
    metric("fetches_in_flight", "Fetches that have not ended yet.", |_, running| {
        one(running.fetches_in_flight as f64)
    }),
    metric(
        "received_bytes_total",
        "Bytes received, by source: `server` or `peer`.",
        |_, running| {
            let by_source = [
                ("server", running.counts.bytes_from_servers),
                ("peer", running.counts.bytes_from_peers),
            ];
            by_source
                .map(|(source, bytes)| (vec![("source", source.to_owned())], bytes as f64))
                .to_vec()
        },
    ),
    metric("sent_bytes_total", "Bytes of files sent to other hosts.", |_, running| {
        one(running.bytes_to_peers as f64)
    }),
    metric("peer_streams", "Files being sent to other hosts now.", |_, running| {
        one(running.peer_streams as f64)
    }),
    metric("cache_hits_total", "Requested trees that were in the cache.", |_, running| {
        one(running.counts.hits as f64)
    }),
    metric("cache_misses_total", "Requested trees that had to be fetched.", |_, running| {
        one(running.counts.misses as f64)
    }),
    metric("cache_evictions_total", "Files evicted to make room.", |_, running| {
        one(running.counts.evictions as f64)
    }),
    metric("cache_evicted_bytes_total", "Bytes evicted to make room.", |_, running| {
        one(running.counts.evicted_bytes as f64)
    }),
    metric("cache_bytes", "Bytes of all files in the cache.", |status, _| {
        one(status.cache.usage.bytes as f64)
    }),
    metric("cache_budget_bytes", "Size limit of the cache in bytes.", |status, _| {
        one(status.cache.budget_bytes as f64)
    }),
    metric("cache_partial_bytes", "Bytes of incomplete files.", |status, _| {
        one(status.cache.usage.partial as f64)
    }),
    metric("cache_reserved_bytes", "Bytes that running fetches still need.", |status, _| {
        one(status.cache.usage.reserved as f64)
    }),
    metric("cache_contents", "Files in the cache.", |status, _| {
        one(status.cache.usage.contents as f64)
    }),
    metric("cache_trees", "Complete trees in the cache.", |status, _| {
        one(status.cache.usage.trees as f64)
    }),
    metric("cache_trees_in_use", "Trees in use by a worker or a fetch.", |status, _| {
        one(status.cache.usage.trees_in_use as f64)
    }),
    metric("request_errors_total", "Failed requests, by kind and cause.", |_, running| {
        by_kind(&running.counts.request_errors)
    }),
    metric(
        "failed_fetches_total",
        "Fetches that finally failed, by kind and cause.",
        |_, running| by_kind(&running.counts.failed_fetches),
    ),
    metric(
        "taskmanager_cpu_seconds",
        "CPU time of a TaskManager's living processes, as reported by its executor.",
        |_, running| of_each(running, |usage| Some(usage.cpu_seconds)),
    ),
    metric(
        "taskmanager_memory_bytes",
        "Resident memory of a TaskManager's processes.",
        |_, running| of_each(running, |usage| Some(usage.memory_bytes as f64)),
    ),
    metric(
        "taskmanager_memory_working_set_bytes",
        "Memory that counts against the limit of a TaskManager's container, if there is a limit.",
        |_, running| {
            of_each(running, |usage| usage.memory_working_set_bytes.map(|bytes| bytes as f64))
        },
    ),
    metric(
        "taskmanager_memory_limit_bytes",
        "Memory limit of a TaskManager's container.",
        |_, running| of_each(running, |usage| usage.memory_limit_bytes.map(|bytes| bytes as f64)),
    ),
    metric("taskmanager_processes", "Processes of a TaskManager.", |_, running| {
        of_each(running, |usage| Some(usage.processes as f64))
    }),
    metric("taskmanager_threads", "Threads of a TaskManager's processes.", |_, running| {
        of_each(running, |usage| Some(usage.threads as f64))
    }),
    metric("taskmanager_open_files", "Open files of a TaskManager's processes.", |_, running| {
        of_each(running, |usage| Some(usage.open_files as f64))
    }),
    metric(
        "taskmanager_sandbox_bytes",
        "Bytes on disk of a TaskManager's sandbox.",
        |_, running| of_each(running, |usage| Some(usage.sandbox_bytes as f64)),
    ),
];

const fn metric(
    name: &'static str,
    help: &'static str,
    samples: fn(&Status, &Running) -> Vec<Sample>,
) -> Metric {
    Metric { name, help, samples }
}

impl Metric {
    fn kind(&self) -> &'static str {
        if self.name.ends_with("_total") { "counter" } else { "gauge" }
    }
}

fn one(value: f64) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

fn by_kind(errors: &[Errors]) -> Vec<Sample> {
    let labels =
        |errors: &Errors| vec![("kind", errors.kind.clone()), ("blame", errors.blame.clone())];
    errors.iter().map(|errors| (labels(errors), errors.count as f64)).collect()
}

fn of_each(running: &Running, value: impl Fn(&Usage) -> Option<f64>) -> Vec<Sample> {
    let sample = |usage: &Usage| Some((vec![("worker", usage.worker.clone())], value(usage)?));
    running.task_managers.iter().filter_map(sample).collect()
}

/// All metrics in Prometheus's text format.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    let Some(running) = &status.daemon else { return text };
    for metric in METRICS {
        let (name, kind) = (metric.name, metric.kind());
        // Writing to a string cannot fail, here and below.
        _ = write!(text, "# HELP {PREFIX}{name} {}\n# TYPE {PREFIX}{name} {kind}\n", metric.help);
        for (labels, value) in (metric.samples)(status, running) {
            // Our labels are names, versions and ids, so nothing needs escaping.
            let labels: Vec<_> =
                labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            _ = writeln!(text, "{PREFIX}{name}{labels} {value}");
        }
    }
    text
}

/// The table of metrics for the documentation, in Markdown.
pub fn reference() -> String {
    let mut table = String::from("| metric | kind | meaning |\n| --- | --- | --- |\n");
    for metric in METRICS {
        _ = writeln!(table, "| `{PREFIX}{}` | {} | {} |", metric.name, metric.kind(), metric.help);
    }
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fetcher_client::cache;
    use fetcher_client::counters::Counts;

    use super::*;
    use crate::status::Held;
    use crate::usage;

    #[test]
    fn metrics_show_the_status() {
        let failed =
            vec![Errors { kind: "digest".to_owned(), blame: "artifact".to_owned(), count: 3 }];
        let counts = Counts {
            bytes_from_peers: 7 << 40,
            hits: 2,
            failed_fetches: failed,
            ..Counts::default()
        };
        let daemon = Running {
            pid: 1,
            uptime_seconds: 1.5,
            fetches_in_flight: 4,
            peer_streams: 2,
            bytes_to_peers: 9,
            counts,
            task_managers: vec![usage::example("w1")],
        };
        let usage = cache::Usage { trees_in_use: 1, ..cache::Usage::default() };
        let cache = Held { path: "/c".into(), budget_bytes: 20 << 30, usage };
        let text = text(&Status { version: "1.2.3".to_owned(), daemon: Some(daemon), cache });
        for line in [
            "flink_mesos_fetcher_build_info{version=\"1.2.3\"} 1",
            "flink_mesos_fetcher_uptime_seconds 1.5",
            "flink_mesos_fetcher_fetches_in_flight 4",
            "flink_mesos_fetcher_received_bytes_total{source=\"server\"} 0",
            "flink_mesos_fetcher_received_bytes_total{source=\"peer\"} 7696581394432",
            "flink_mesos_fetcher_sent_bytes_total 9",
            "flink_mesos_fetcher_peer_streams 2",
            "# TYPE flink_mesos_fetcher_cache_hits_total counter",
            "flink_mesos_fetcher_cache_hits_total 2",
            "# TYPE flink_mesos_fetcher_cache_trees_in_use gauge",
            "flink_mesos_fetcher_cache_trees_in_use 1",
            "flink_mesos_fetcher_taskmanager_memory_bytes{worker=\"w1\"} 7340032",
            "# TYPE flink_mesos_fetcher_taskmanager_memory_limit_bytes gauge",
            "flink_mesos_fetcher_failed_fetches_total{kind=\"digest\",blame=\"artifact\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "no line `{line}` in\n{text}");
        }
    }

    #[test]
    fn the_documentation_lists_every_metric() {
        let documentation = include_str!("../../../../docs/fetcher.md");
        assert!(
            documentation.contains(&reference()),
            "docs/fetcher.md should have this table:\n{}",
            reference()
        );
    }
}
