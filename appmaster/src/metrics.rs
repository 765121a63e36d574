//! Metrics of a leading application master for Prometheus. Each is declared here, with name, help
//! and labels. Gauges are set from the current state when they are asked for.

use std::sync::atomic::AtomicU64;

use overlays::blame::Blame;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Metric, Registry},
};
use scheduler::core::{
    ids::Moment,
    totals::{Declined, Totals},
};

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the start's duration, in seconds.
const START_BOUNDS: [f64; 13] =
    [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0];

type Label = [(&'static str, &'static str); 1];
type Seconds = Gauge<f64, AtomicU64>;

/// The metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    leading_since: Seconds,
    conditions: Family<Label, Gauge>,
    wanted: Gauge,
    workers: Family<Label, Gauge>,
    failures: Family<Label, Counter>,
    slots: Gauge,
    offers: Family<Label, Counter>,
    agents: Family<Label, Gauge>,
    connected: Gauge,
    persistent: Gauge,
    job_manager_up: Gauge,
    /// Launched workers.
    pub(crate) launched: Counter,
    /// How long workers took from their launch to their registration.
    pub(crate) start: Histogram,
    /// Lost connections to Mesos.
    pub(crate) disconnections: Counter,
    /// Failures of the JobManager.
    pub(crate) job_manager_failures: Counter,
}

/// What the gauges show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) ready: bool,
    pub(crate) progressing: bool,
    pub(crate) degraded: bool,
    pub(crate) wanted: usize,
    pub(crate) workers: WorkerStates,
    pub(crate) slots: u64,
    pub(crate) totals: Totals,
    pub(crate) drained: usize,
    pub(crate) suspect: usize,
    pub(crate) avoided: usize,
    pub(crate) connected: bool,
    pub(crate) persistent: bool,
    pub(crate) job_manager_up: bool,
}

/// Number of workers in each state. Each worker is in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerStates {
    pub(crate) launching: usize,
    pub(crate) staging: usize,
    pub(crate) running: usize,
    pub(crate) registered: usize,
    pub(crate) unreachable: usize,
    pub(crate) stopping: usize,
}

impl WorkerStates {
    fn by_name(self) -> [(&'static str, usize); 6] {
        let Self { launching, staging, running, registered, unreachable, stopping } = self;
        [
            ("launching", launching),
            ("staging", staging),
            ("running", running),
            ("registered", registered),
            ("unreachable", unreachable),
            ("stopping", stopping),
        ]
    }
}

/// Registers metrics.
struct Declarations(Registry);

impl Declarations {
    fn metric<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    fn new_metric<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.metric(name, help, M::default())
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub(crate) fn new(flink: &str) -> Self {
        let mut all = Declarations(Registry::with_prefix("flink_mesos"));
        let version = common::version!().to_owned();
        let build = vec![("version", version), ("flink", flink.to_owned())];
        let help = "Versions of the application master and of Flink";
        all.0.register("build", help, Info::new(build));
        let leading_since = all.new_metric(
            "leading_since_timestamp_seconds",
            "When this application master began to lead",
        );
        let help =
            "Whether the cluster is ready, progressing or degraded, as in flink-mesos status";
        let conditions = all.new_metric("condition", help);
        let wanted = all.new_metric("workers_wanted", "Wanted TaskManagers");
        let help = "TaskManagers by state: launching, staging, running (not registered yet), \
                    registered, unreachable or stopping";
        let workers = all.new_metric("workers", help);
        let launched = all.new_metric("workers_launched", "Launched TaskManagers");
        let help = "Failed TaskManagers by blame, which is what the failure counts against: agent, \
                    artifact, network, configuration or worker";
        let failures = all.new_metric("workers_failed", help);
        let help = "Time from the decision to launch a TaskManager to its registration with the \
                    JobManager";
        let start = all.metric("worker_start_seconds", help, Histogram::new(START_BOUNDS));
        let slots = all.new_metric("slots_wanted", "Slots that running jobs need");
        let help = "Offers by verdict: used, or declined for shortage (too little of a resource), \
                    constraint, avoided (the agent is not used now) or unneeded";
        let offers = all.new_metric("offers", help);
        let help = "Agents that are drained, suspect (TaskManagers failed there) or avoided";
        let agents = all.new_metric("agents", help);
        let connected = all.new_metric("mesos_connected", "Whether Mesos accepts our calls");
        let disconnections =
            all.new_metric("mesos_disconnections", "Lost connections to the Mesos master");
        let persistent = all.new_metric("state_persistent", "Whether the state can be persisted");
        let job_manager_up =
            all.new_metric("jobmanager_up", "Whether the JobManager's REST API answers");
        let job_manager_failures = all.new_metric(
            "jobmanager_failures",
            "Ends of the JobManager after which it is started again, and losses of an external one",
        );
        let metrics = Self {
            registry: all.0,
            leading_since,
            conditions,
            wanted,
            workers,
            failures,
            slots,
            offers,
            agents,
            connected,
            persistent,
            job_manager_up,
            launched,
            start,
            disconnections,
            job_manager_failures,
        };
        // Every label is there from the beginning, so that a rate can be computed of the first one.
        metrics.set(&Snapshot::default());
        metrics
    }

    /// This application master leads since this time.
    pub(crate) fn leads_since(&self, since: Moment) {
        self.leading_since.set(since.0 as f64 / 1000.0);
    }

    /// Sets what is known of the current state.
    pub(crate) fn set(&self, now: &Snapshot) {
        for (condition, holds) in
            [("ready", now.ready), ("progressing", now.progressing), ("degraded", now.degraded)]
        {
            self.conditions.get_or_create(&[("condition", condition)]).set(holds.into());
        }
        self.wanted.set(number(now.wanted));
        for (state, count) in now.workers.by_name() {
            self.workers.get_or_create(&[("state", state)]).set(number(count));
        }
        for blame in Blame::ALL {
            let total = now.totals.failures.get(&blame).copied().unwrap_or_default();
            raise(&self.failures.get_or_create(&[("blame", blame.word())]), total);
        }
        self.slots.set(i64::try_from(now.slots).unwrap_or(i64::MAX));
        raise(&self.offers.get_or_create(&[("verdict", "used")]), now.totals.used);
        for declined in Declined::ALL {
            let total = now.totals.declined.get(&declined).copied().unwrap_or_default();
            raise(&self.offers.get_or_create(&[("verdict", declined.word())]), total);
        }
        let agents = [("drained", now.drained), ("suspect", now.suspect), ("avoided", now.avoided)];
        for (state, count) in agents {
            self.agents.get_or_create(&[("state", state)]).set(number(count));
        }
        self.connected.set(now.connected.into());
        self.persistent.set(now.persistent.into());
        self.job_manager_up.set(now.job_manager_up.into());
    }

    /// All metrics in the text format of `OpenMetrics`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        _ = encode(&mut text, &self.registry);
        text
    }
}

/// Raises a counter to a total.
fn raise(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The rows of the table in docs/metrics.md.
    fn rows(text: &str) -> Vec<String> {
        let mut rows = Vec::new();
        let mut helps = BTreeMap::new();
        for line in text.lines() {
            if let Some((name, help)) =
                line.strip_prefix("# HELP ").and_then(|it| it.split_once(' '))
            {
                helps.insert(name, help.trim_end_matches('.'));
            }
        }
        for line in text.lines() {
            let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' '))
            else {
                continue;
            };
            let ending = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            rows.push(format!("| `{name}{ending}` | {kind} | {} |", helps[name]));
        }
        rows
    }

    #[test]
    fn every_metric_is_documented_with_its_type_and_help() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = fs_err::read_to_string(path).unwrap();
        let documented: Vec<_> =
            page.lines().filter(|line| line.starts_with("| `flink_mesos_")).collect();
        let expected = rows(&Metrics::new("1.20.5").text());
        assert_eq!(
            documented,
            expected,
            "docs/metrics.md needs these rows:\n{}",
            expected.join("\n")
        );
    }

    #[test]
    fn gauges_show_the_current_state_and_counters_never_fall() {
        let metrics = Metrics::new("1.20.5");
        let workers = WorkerStates { registered: 2, staging: 1, ..WorkerStates::default() };
        let failures = BTreeMap::from([(Blame::Agent, 2)]);
        let declined = BTreeMap::from([(Declined::Shortage, 7)]);
        let totals = Totals { used: 3, declined, failures };
        let now = Snapshot { wanted: 3, ready: true, workers, totals, ..Snapshot::default() };
        metrics.set(&now);
        metrics.start.observe(1.2);
        let expected = [
            "flink_mesos_condition{condition=\"ready\"} 1",
            "flink_mesos_workers_wanted 3",
            "flink_mesos_workers{state=\"registered\"} 2",
            "flink_mesos_workers{state=\"stopping\"} 0",
            "flink_mesos_workers_failed_total{blame=\"agent\"} 2",
            "flink_mesos_offers_total{verdict=\"used\"} 3",
            "flink_mesos_offers_total{verdict=\"shortage\"} 7",
            "flink_mesos_worker_start_seconds_bucket{le=\"1.5\"} 1",
        ];
        let shown = |metrics: &Metrics| {
            let text = metrics.text();
            assert!(text.ends_with("# EOF\n"));
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let lines = shown(&metrics);
        for line in expected {
            assert!(lines.iter().any(|it| it == line), "{line} in {lines:?}");
        }
        metrics.set(&Snapshot::default());
        let lines = shown(&metrics);
        for line in ["flink_mesos_workers_wanted 0", "flink_mesos_offers_total{verdict=\"used\"} 3"]
        {
            assert!(lines.iter().any(|it| it == line), "{line} in {lines:?}");
        }
    }
}
