//! What a worker needs, and how it is taken from an offer.
//!
//! Amounts are counted in thousandths, as in Mesos, so that repeated additions stay exact. Sums
//! saturate or fail: no number from a master or a configuration makes a worker look smaller than it
//! is.

mod pool;
mod ranges;
mod shortage;
mod taken;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use self::{pool::Pool, shortage::Shortage, taken::Taken};
pub(super) use self::{pool::is_plain, ranges::UNPRIVILEGED};

/// What one worker needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// What the TaskManager needs: amounts by resource name, e.g. `cpus`, `mem` (MB).
    pub task: BTreeMap<String, f64>,
    /// What the executor needs in addition.
    pub executor: BTreeMap<String, f64>,
    /// The configuration keys that get one port each.
    pub ports: Vec<Arc<str>>,
    /// Whether the task runs as root and may listen on ports below 1024.
    pub privileged: bool,
}

/// A demand in the form in which it is compared with offers, computed once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    scalars: Vec<Need>,
    /// The configuration keys that get one port each.
    ports: Arc<[Arc<str>]>,
    /// The first port that the task may listen on.
    lowest_port: u64,
}

/// The needed amount of one scalar resource, in thousandths.
#[derive(Clone, Debug)]
struct Need {
    name: String,
    task: u64,
    executor: u64,
}

pub(super) const PORTS: &str = "ports";

impl Demand {
    /// The scalar resources that are needed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let executors = self.executor.keys().filter(|name| !self.task.contains_key(*name));
        self.task.keys().chain(executors).map(String::as_str)
    }

    /// What TaskManager and executor need together of resource `name`.
    pub fn total(&self, name: &str) -> f64 {
        let of = |part: &BTreeMap<String, f64>| part.get(name).copied().unwrap_or(0.0);
        of(&self.task) + of(&self.executor)
    }

    /// The demand in the form for many comparisons.
    pub fn needs(&self) -> Needs {
        let amount = |part: &BTreeMap<String, f64>, name: &str| {
            part.get(name).copied().map_or(0, needed_amount)
        };
        let need = |name: &str| {
            let (task, executor) = (amount(&self.task, name), amount(&self.executor, name));
            Need { name: name.to_owned(), task, executor }
        };
        let lowest_port = if self.privileged { 1 } else { UNPRIVILEGED };
        Needs {
            scalars: self.names().map(need).collect(),
            ports: self.ports.as_slice().into(),
            lowest_port,
        }
    }
}

impl fmt::Display for Demand {
    /// For example `cpus 1.1, mem 1056 MB, ports 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.names() {
            write!(f, "{name} {}{}, ", units(needed_amount(self.total(name))), unit(name))?;
        }
        write!(f, "{PORTS} {}", self.ports.len())
    }
}

pub(super) fn unit(name: &str) -> &'static str {
    match name {
        "mem" | "disk" => " MB",
        _ => "",
    }
}

/// An offered amount in thousandths; 0 if it is not a valid amount.
fn offered_amount(value: f64) -> u64 {
    if value.is_finite() { (value * 1000.0).round() as u64 } else { 0 }
}

/// A needed amount in thousandths; more than any agent has if it is not a number.
fn needed_amount(value: f64) -> u64 {
    if value.is_nan() { u64::MAX } else { (value * 1000.0).round() as u64 }
}

fn units(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}
