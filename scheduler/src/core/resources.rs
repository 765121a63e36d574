//! What a worker needs, and how it is taken from an offer.
//!
//! Amounts are counted in thousandths, as in Mesos, so that repeated additions stay exact. Sums
//! saturate or fail: no number from a master or a configuration makes a worker look smaller than it
//! is.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mesos::v1::{Resource, value};
use rand::rngs::SmallRng;

use super::ranges::{Ranges, UNPRIVILEGED};

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

/// What a worker takes of an agent's offers: pieces of the offered resources, returned to Mesos
/// with the reservations and roles they came with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    offered: Arc<Vec<Resource>>,
    /// The configuration keys that get ports.
    keys: Arc<[Arc<str>]>,
    pieces: Vec<Piece>,
}

/// A part of one offered resource. There are some for each of many thousand workers, so it is
/// small.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// Index of the offered resource.
    of: u32,
    user: User,
    portion: Portion,
}

/// Who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Task,
    Executor,
}

/// How much of the resource.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Portion {
    /// Thousandths of a scalar.
    Amount(u64),
    /// This port, for the configuration key of this index.
    Port(u16, u16),
}

impl Taken {
    /// What the TaskManager takes, for Mesos.
    pub fn task_resources(&self) -> Vec<Resource> {
        self.resources(User::Task)
    }

    /// What the executor takes, for Mesos.
    pub fn executor_resources(&self) -> Vec<Resource> {
        self.resources(User::Executor)
    }

    /// The ports, with their configuration keys.
    pub fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        self.pieces.iter().filter_map(|piece| match piece.portion {
            Portion::Port(key, port) => Some((&**self.keys.get(usize::from(key))?, port)),
            Portion::Amount(_) => None,
        })
    }

    fn resources(&self, user: User) -> Vec<Resource> {
        let of = |piece: &Piece| Some(piece.portion.of(self.offered.get(piece.of as usize)?));
        self.pieces.iter().filter(|piece| piece.user == user).filter_map(of).collect()
    }
}

impl Portion {
    /// This portion of `offered`.
    fn of(self, offered: &Resource) -> Resource {
        match self {
            Self::Amount(amount) => {
                Resource { scalar: Some(value::Scalar { value: units(amount) }), ..offered.clone() }
            }
            Self::Port(_, port) => {
                let range = value::Range { begin: port.into(), end: port.into() };
                Resource { ranges: Some(value::Ranges { range: vec![range] }), ..offered.clone() }
            }
        }
    }
}

/// Why a demand does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortage {
    /// The resource's name.
    pub name: String,
    /// The needed amount.
    pub needed: f64,
    /// The available amount.
    pub there: f64,
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

/// What is left of one agent's offers.
#[derive(Debug, Default)]
pub struct Pool {
    offered: Arc<Vec<Resource>>,
    /// Reserved ones come first, to be used first. Those that a worker does not need are left out.
    scalars: Vec<Scalar>,
    /// Indexes of the offered port ranges with what is left of them, in the same order.
    ports: Vec<(u32, Ranges)>,
    /// Ports that are used only if there are no others.
    last_resort: Vec<(u32, u16)>,
    /// Number of ports left out because a TaskManager could not listen on them recently.
    withheld: usize,
}

/// One offered scalar resource.
#[derive(Debug)]
struct Scalar {
    /// Index of the offered resource.
    of: u32,
    /// Index into the [`Needs`].
    need: usize,
    /// What is left, in thousandths.
    left: u64,
}

pub(super) const PORTS: &str = "ports";

impl Pool {
    /// The resources of an offer that a worker may use.
    pub fn new(offered: Vec<Resource>, needs: &Needs) -> Self {
        let (mut scalars, mut ports) = (Vec::with_capacity(offered.len()), Vec::new());
        for (of, resource) in (0_u32..).zip(&offered).filter(|(_, resource)| is_plain(resource)) {
            if resource.name == PORTS {
                let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
                let from = |begin: u64| begin.max(needs.lowest_port);
                ports.push((of, ranges.map(|range| (from(range.begin), range.end)).collect()));
            } else if let Some(scalar) = &resource.scalar
                && let Some(need) = needs.scalars.iter().position(|need| need.name == resource.name)
            {
                scalars.push(Scalar { of, need, left: offered_amount(scalar.value) });
            }
        }
        scalars.sort_by_key(|scalar: &Scalar| !is_reserved(&offered[scalar.of as usize]));
        ports.sort_by_key(|(of, _)| !is_reserved(&offered[*of as usize]));
        Self { offered: Arc::new(offered), scalars, ports, last_resort: Vec::new(), withheld: 0 }
    }

    /// Leaves a port out (`strictly`), or keeps it for when there is no other.
    pub(super) fn avoid(&mut self, port: u16, strictly: bool) {
        for (of, ranges) in &mut self.ports {
            if ranges.remove(port) {
                if strictly {
                    self.withheld += 1;
                } else {
                    self.last_resort.push((*of, port));
                }
            }
        }
    }

    /// Whether there is a shortage only because ports were left out.
    pub(super) fn would_do_with_all_ports(&self, short: &Shortage) -> bool {
        short.name == PORTS && short.there + self.withheld as f64 >= short.needed
    }

    /// Adds another offer of the same agent, to a pool from which nothing was taken yet.
    pub fn add(&mut self, offered: Vec<Resource>, needs: &Needs) {
        let mut all = std::mem::take(&mut self.offered);
        Arc::make_mut(&mut all).extend(offered);
        *self = Self::new(Arc::unwrap_or_clone(all), needs);
    }

    /// Takes what one worker needs, with random ports. On a shortage, returns it and takes nothing.
    pub fn take(&mut self, needs: &Needs, chance: &mut SmallRng) -> Result<Taken, Shortage> {
        self.check(needs)?;
        let mut pieces = Vec::with_capacity(2 * needs.scalars.len() + needs.ports.len());
        for user in [User::Task, User::Executor] {
            for (number, need) in needs.scalars.iter().enumerate() {
                let amount = if user == User::Task { need.task } else { need.executor };
                self.take_scalar(number, amount, user, &mut pieces);
            }
        }
        for (key, _) in (0_u16..).zip(&*needs.ports) {
            if let Some((of, port)) = self.take_port(chance) {
                pieces.push(Piece { of, user: User::Task, portion: Portion::Port(key, port) });
            }
        }
        Ok(Taken { offered: self.offered.clone(), keys: needs.ports.clone(), pieces })
    }

    fn left_of(&self, need: usize) -> u64 {
        self.scalars
            .iter()
            .filter(|scalar| scalar.need == need)
            .map(|scalar| scalar.left)
            .fold(0, u64::saturating_add)
    }

    fn check(&self, needs: &Needs) -> Result<(), Shortage> {
        for (number, need) in needs.scalars.iter().enumerate() {
            let there = self.left_of(number);
            // A sum beyond the number range exceeds every offer.
            if need.task.checked_add(need.executor).is_none_or(|needed| there < needed) {
                let needed = units(need.task) + units(need.executor);
                return Err(Shortage { name: need.name.clone(), needed, there: units(there) });
            }
        }
        let there = self.ports.iter().map(|(_, ranges)| ranges.count()).sum::<usize>()
            + self.last_resort.len();
        if there < needs.ports.len() {
            let (needed, there) = (needs.ports.len() as f64, there as f64);
            return Err(Shortage { name: PORTS.to_owned(), needed, there });
        }
        Ok(())
    }

    fn take_scalar(&mut self, need: usize, mut amount: u64, user: User, into: &mut Vec<Piece>) {
        for scalar in self.scalars.iter_mut().filter(|scalar| scalar.need == need) {
            let piece = amount.min(scalar.left);
            if piece > 0 {
                scalar.left -= piece;
                amount -= piece;
                into.push(Piece { of: scalar.of, user, portion: Portion::Amount(piece) });
            }
        }
    }

    fn take_port(&mut self, chance: &mut SmallRng) -> Option<(u32, u16)> {
        let Some((of, ranges)) = self.ports.iter_mut().find(|(_, ranges)| ranges.count() > 0)
        else {
            return self.last_resort.pop();
        };
        Some((*of, ranges.take_any(chance)?))
    }
}

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

impl Shortage {
    /// The unit shown to people.
    pub fn unit(&self) -> &'static str {
        unit(&self.name)
    }
}

pub(super) fn unit(name: &str) -> &'static str {
    match name {
        "mem" | "disk" => " MB",
        _ => "",
    }
}

/// Revocable resources may be taken back at any time. Persistent volumes hold somebody's data, and
/// separate disks hold no sandboxes.
pub(super) fn is_plain(resource: &Resource) -> bool {
    resource.revocable.is_none() && resource.disk.is_none() && resource.shared.is_none()
}

fn is_reserved(resource: &Resource) -> bool {
    !resource.reservations.is_empty() || resource.role.as_deref().is_some_and(|role| role != "*")
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use mesos::v1::resource;
    use proptest::prelude::*;

    use rand::SeedableRng as _;

    use super::*;

    fn chance() -> SmallRng {
        SmallRng::seed_from_u64(7)
    }

    fn scalar(name: &str, value: f64, role: Option<&str>) -> Resource {
        let reservations = role
            .map(|r| mesos::v1::resource::ReservationInfo {
                role: Some(r.to_owned()),
                ..Default::default()
            })
            .into_iter()
            .collect();
        Resource {
            name: name.to_owned(),
            scalar: Some(value::Scalar { value }),
            reservations,
            ..Default::default()
        }
    }

    fn ports(begin: u64, end: u64) -> Resource {
        let range = vec![value::Range { begin, end }];
        Resource {
            name: PORTS.to_owned(),
            ranges: Some(value::Ranges { range }),
            ..Default::default()
        }
    }

    fn demand(cpus: f64, mem: f64, ports: &[&str]) -> Demand {
        Demand {
            task: BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]),
            executor: BTreeMap::from([("cpus".to_owned(), 0.1), ("mem".to_owned(), 32.0)]),
            ports: ports.iter().map(|&p| p.into()).collect(),
            privileged: false,
        }
    }

    /// What is left of a resource; 0 if the pool has none.
    fn left(pool: &Pool, name: &str) -> f64 {
        let of = |scalar: &&Scalar| pool.offered[scalar.of as usize].name == name;
        units(pool.scalars.iter().filter(of).map(|scalar| scalar.left).sum())
    }

    #[test]
    fn reserved_resources_are_taken_before_unreserved_ones_and_keep_their_role() {
        let needs = demand(2.5, 10.0, &[]).needs();
        let offered = vec![
            scalar("cpus", 4.0, None),
            scalar("cpus", 0.4, Some("batch")),
            scalar("mem", 99.0, None),
        ];
        let taken = Pool::new(offered, &needs).take(&needs, &mut chance()).unwrap();
        let task = taken.task_resources();
        let cpus: Vec<_> = task.iter().filter(|r| r.name == "cpus").collect();
        assert_eq!(cpus.len(), 2);
        assert_eq!(cpus[0].reservations[0].role.as_deref(), Some("batch"));
        assert_eq!(cpus[0].scalar.unwrap().value, 0.4);
        assert_eq!(cpus[1].scalar.unwrap().value, 2.1);
    }

    #[test]
    fn a_shortage_names_the_resource_and_takes_nothing() {
        let needs = demand(1.0, 1728.0, &[]).needs();
        let mut pool =
            Pool::new(vec![scalar("cpus", 4.0, None), scalar("mem", 1024.0, None)], &needs);
        let shortage = pool.take(&needs, &mut chance()).unwrap_err();
        assert_eq!(shortage, Shortage { name: "mem".to_owned(), needed: 1760.0, there: 1024.0 });
        assert_eq!(left(&pool, "cpus"), 4.0);
    }

    #[test]
    fn every_key_gets_a_port_of_its_own() {
        let needs = demand(1.0, 10.0, &["a", "b"]).needs();
        let offered = vec![
            scalar("cpus", 4.0, None),
            scalar("mem", 99.0, None),
            ports(7007, 7007),
            ports(31000, 31000),
        ];
        let mut pool = Pool::new(offered, &needs);
        let taken = pool.take(&needs, &mut chance()).unwrap();
        assert_eq!(taken.ports().collect::<Vec<_>>(), [("a", 7007), ("b", 31000)]);
        let shortage = pool.take(&needs, &mut chance()).unwrap_err();
        assert_eq!((shortage.name.as_str(), shortage.there), ("ports", 0.0));
    }

    #[test]
    fn revocable_resources_are_left_alone() {
        let revocable = Resource {
            revocable: Some(mesos::v1::resource::RevocableInfo::default()),
            ..scalar("cpus", 8.0, None)
        };
        assert_eq!(left(&Pool::new(vec![revocable], &demand(1.0, 1.0, &[]).needs()), "cpus"), 0.0);
    }

    #[test]
    fn the_resources_of_an_agents_second_offer_are_added() {
        let needs = demand(2.5, 10.0, &["a"]).needs();
        let mut pool =
            Pool::new(vec![scalar("cpus", 2.0, None), scalar("mem", 99.0, None)], &needs);
        assert_eq!(pool.take(&needs, &mut chance()).unwrap_err().name, "cpus");
        pool.add(vec![scalar("cpus", 0.6, Some("batch")), ports(7007, 7007)], &needs);
        assert_eq!(
            pool.take(&needs, &mut chance()).unwrap().ports().collect::<Vec<_>>(),
            [("a", 7007)]
        );
        assert_eq!((left(&pool, "cpus"), left(&pool, "mem")), (0.0, 57.0));
    }

    #[test]
    fn volumes_and_separate_disks_do_not_count_as_the_sandboxes_disk() {
        let volume = resource::DiskInfo {
            persistence: Some(resource::disk_info::Persistence::default()),
            ..Default::default()
        };
        let mounted = resource::DiskInfo {
            source: Some(resource::disk_info::Source::default()),
            ..Default::default()
        };
        let on =
            |disk| Resource { disk: Some(Box::new(disk)), ..scalar("disk", 900.0, Some("batch")) };
        let task = BTreeMap::from([("disk".to_owned(), 50.0)]);
        let needs = Demand { task, ..Demand::default() }.needs();
        let pool = Pool::new(vec![on(volume), scalar("disk", 70.0, None), on(mounted)], &needs);
        assert_eq!(left(&pool, "disk"), 70.0);
    }

    /// Amounts at which sums could overflow.
    fn extreme() -> impl Strategy<Value = f64> {
        let numbers = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            -0.0,
            0.0,
            1e-9,
            0.0005,
            1.0,
            1.0e12,
            i64::MAX as f64,
            u64::MAX as f64,
            u64::MAX as f64 / 1000.0,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
        ];
        prop::sample::select(numbers.to_vec())
    }

    #[test]
    fn an_invalid_offered_amount_counts_as_zero_and_an_infinite_demand_never_fits() {
        let needs = demand(1.0, 1.0, &[]).needs();
        for wrong in [f64::NAN, f64::INFINITY, -5.0] {
            let offered = vec![scalar("cpus", wrong, None), scalar("mem", 99.0, None)];
            assert_eq!(
                Pool::new(offered, &needs).take(&needs, &mut chance()).unwrap_err().there,
                0.0,
                "{wrong}"
            );
        }
        for wrong in [f64::NAN, f64::INFINITY, u64::MAX as f64] {
            let needs = demand(wrong, 1.0, &[]).needs();
            let offered = vec![
                scalar("cpus", 1e300, None),
                scalar("cpus", 1e300, None),
                scalar("mem", 99.0, None),
            ];
            assert_eq!(
                Pool::new(offered, &needs).take(&needs, &mut chance()).unwrap_err().name,
                "cpus",
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_number_makes_a_sum_overflow(
            offered in prop::collection::vec(extreme(), 0..4), task in extreme(), executor in extreme(),
            ranges in prop::collection::vec((any::<u64>(), any::<u64>()), 0..4),
        ) {
            let of = |amount| BTreeMap::from([("mem".to_owned(), amount)]);
            let keys = vec!["a".into(), "b".into()];
            let demand = Demand { task: of(task), executor: of(executor), ports: keys, privileged: false };
            let needs = demand.needs();
            prop_assert!(!demand.to_string().is_empty());
            let range = ranges.iter().map(|&(begin, end)| value::Range { begin, end }).collect();
            let ports =
                Resource { name: PORTS.to_owned(), ranges: Some(value::Ranges { range }), ..Default::default() };
            let there: f64 = offered.iter().filter(|amount| amount.is_finite() && **amount > 0.0).sum();
            let resources = offered.iter().map(|amount| scalar("mem", *amount, None)).chain([ports]).collect();
            let mut pool = Pool::new(resources, &needs);
            if let Ok(taken) = pool.take(&needs, &mut chance()) {
                let wanted = task.max(0.0) + executor.max(0.0);
                prop_assert!(wanted <= there + 0.002, "{wanted} of {there}");
                let numbers: Vec<_> = taken.ports().map(|(_, port)| u64::from(port)).collect();
                let offered = |port: &u64| ranges.iter().any(|(begin, end)| (begin..=end).contains(&port));
                prop_assert!(numbers.len() == 2 && numbers[0] != numbers[1]);
                prop_assert!(numbers.iter().all(|port| *port >= 1024 && offered(port)));
            }
        }

        #[test]
        fn taken_and_remaining_resources_make_up_the_offer(
            offered in prop::collection::vec((0u32..9000, prop::bool::ANY), 1..6), wanted in 0u32..20000
        ) {
            let resources = offered.iter().map(|&(n, reserved)| {
                scalar("mem", f64::from(n) / 1000.0, reserved.then_some("r"))
            });
            let need = Demand {
                task: BTreeMap::from([("mem".to_owned(), f64::from(wanted) / 1000.0)]),
                ..Demand::default()
            };
            let needs = need.needs();
            let mut pool = Pool::new(resources.chain([scalar("cpus", 9.0, None)]).collect(), &needs);
            let before = offered_amount(left(&pool, "mem"));
            let Ok(taken) = pool.take(&needs, &mut chance()) else {
                prop_assert!(before < u64::from(wanted));
                prop_assert_eq!(offered_amount(left(&pool, "mem")), before);
                return Ok(());
            };
            let sum: u64 = taken.task_resources().iter().map(|r| offered_amount(r.scalar.unwrap().value)).sum();
            prop_assert_eq!(sum, u64::from(wanted));
            prop_assert_eq!(offered_amount(left(&pool, "mem")) + sum, before);
        }
    }
}
