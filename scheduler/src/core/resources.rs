//! What a worker needs and how it is taken out of an offer.
//!
//! Amounts are counted in thousandths, as Mesos itself does, so that repeated additions stay exact.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mesos::v1::{Resource, value};

/// What one worker needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// What the TaskManager needs: amounts by the resource's name, e.g. `cpus`, `mem` (MB).
    pub task: BTreeMap<String, f64>,
    /// What the executor needs beside it.
    pub executor: BTreeMap<String, f64>,
    /// The configuration keys that each get a port.
    pub ports: Vec<Arc<str>>,
}

/// What a demand takes of an agent's offers: pieces of the resources offered, which Mesos is told as it told them, reservations
/// and roles included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    offered: Arc<Vec<Resource>>,
    pieces: Vec<Piece>,
}

/// A part of one offered resource.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    /// Which of the offered ones.
    of: usize,
    user: User,
    what: What,
}

/// Who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Task,
    Executor,
}

/// How much of it.
#[derive(Clone, Debug, PartialEq)]
enum What {
    /// So many thousandths of a scalar.
    Amount(u64),
    /// This port, for this configuration key.
    Port(Arc<str>, u16),
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
        self.pieces.iter().filter_map(|piece| match &piece.what {
            What::Port(key, port) => Some((&**key, *port)),
            What::Amount(_) => None,
        })
    }

    fn resources(&self, user: User) -> Vec<Resource> {
        let of = |piece: &Piece| Some(piece.what.of(self.offered.get(piece.of)?));
        self.pieces.iter().filter(|piece| piece.user == user).filter_map(of).collect()
    }
}

impl What {
    /// So much of `offered`.
    fn of(&self, offered: &Resource) -> Resource {
        match *self {
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
    /// What is needed of it.
    pub needed: f64,
    /// What there is.
    pub there: f64,
}

/// What one worker needs, as offers are compared with it: worked out once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    scalars: Vec<Need>,
    /// The configuration keys that each get a port.
    ports: Vec<Arc<str>>,
}

/// What is needed of one scalar resource, in thousandths.
#[derive(Clone, Debug)]
struct Need {
    name: String,
    task: u64,
    executor: u64,
}

/// What is left of the offers of one agent.
#[derive(Debug, Default)]
pub struct Pool {
    offered: Arc<Vec<Resource>>,
    /// Reserved ones come first, so that they are used first. Those that nobody needs are left out.
    scalars: Vec<Scalar>,
    /// Which of the offered ones are ranges of ports, and what is left of them, in the same order.
    ports: Vec<(usize, Vec<(u64, u64)>)>,
}

/// One offered scalar resource.
#[derive(Debug)]
struct Scalar {
    /// Which of the offered ones it is.
    of: usize,
    /// Which of the [`Needs`] it serves.
    need: usize,
    /// How many thousandths are left.
    left: u64,
}

const PORTS: &str = "ports";
const LAST_PORT: u64 = 65_535;

impl Pool {
    /// All resources of an offer that a worker may use.
    pub fn new(offered: Vec<Resource>, needs: &Needs) -> Self {
        let (mut scalars, mut ports) = (Vec::with_capacity(offered.len()), Vec::new());
        for (of, resource) in offered.iter().enumerate().filter(|(_, resource)| is_plain(resource)) {
            if resource.name == PORTS {
                let ranges = resource.ranges.iter().flat_map(|r| &r.range).map(|r| (r.begin, r.end.min(LAST_PORT)));
                ports.push((of, ranges.filter(|(begin, end)| begin <= end).collect()));
            } else if let Some(scalar) = &resource.scalar
                && let Some(need) = needs.scalars.iter().position(|need| need.name == resource.name)
            {
                scalars.push(Scalar { of, need, left: thousandths(scalar.value) });
            }
        }
        scalars.sort_by_key(|scalar| !is_reserved(&offered[scalar.of]));
        ports.sort_by_key(|(of, _)| !is_reserved(&offered[*of]));
        Self { offered: Arc::new(offered), scalars, ports }
    }

    /// Adds what a further offer of the same agent has. For a pool of which nothing was taken yet.
    pub fn add(&mut self, offered: Vec<Resource>, needs: &Needs) {
        let mut all = std::mem::take(&mut self.offered);
        Arc::make_mut(&mut all).extend(offered);
        *self = Self::new(Arc::unwrap_or_clone(all), needs);
    }

    /// Takes what one worker needs, or says what is short; then nothing is taken.
    pub fn take(&mut self, needs: &Needs) -> Result<Taken, Shortage> {
        self.check(needs)?;
        let mut pieces = Vec::with_capacity(2 * needs.scalars.len() + needs.ports.len());
        for user in [User::Task, User::Executor] {
            for (number, need) in needs.scalars.iter().enumerate() {
                let amount = if user == User::Task { need.task } else { need.executor };
                self.take_scalar(number, amount, user, &mut pieces);
            }
        }
        for key in &needs.ports {
            if let Some((of, port)) = self.take_port() {
                pieces.push(Piece { of, user: User::Task, what: What::Port(key.clone(), port) });
            }
        }
        Ok(Taken { offered: self.offered.clone(), pieces })
    }

    fn left_of(&self, need: usize) -> u64 {
        self.scalars.iter().filter(|scalar| scalar.need == need).map(|scalar| scalar.left).sum()
    }

    fn check(&self, needs: &Needs) -> Result<(), Shortage> {
        for (number, need) in needs.scalars.iter().enumerate() {
            let (needed, there) = (need.task + need.executor, self.left_of(number));
            if there < needed {
                return Err(Shortage { name: need.name.clone(), needed: units(needed), there: units(there) });
            }
        }
        let there: u64 = self.ports.iter().flat_map(|(_, ranges)| ranges).map(|(begin, end)| end - begin + 1).sum();
        if there < needs.ports.len() as u64 {
            let needed = needs.ports.len() as f64;
            return Err(Shortage { name: PORTS.to_owned(), needed, there: there as f64 });
        }
        Ok(())
    }

    fn take_scalar(&mut self, need: usize, mut amount: u64, user: User, into: &mut Vec<Piece>) {
        for scalar in self.scalars.iter_mut().filter(|scalar| scalar.need == need) {
            let piece = amount.min(scalar.left);
            if piece > 0 {
                scalar.left -= piece;
                amount -= piece;
                into.push(Piece { of: scalar.of, user, what: What::Amount(piece) });
            }
        }
    }

    fn take_port(&mut self) -> Option<(usize, u16)> {
        let (of, ranges) = self.ports.iter_mut().find(|(_, ranges)| !ranges.is_empty())?;
        let first = ranges.first_mut()?;
        let port = first.0;
        first.0 += 1;
        if first.0 > first.1 {
            ranges.remove(0);
        }
        Some((*of, u16::try_from(port).ok()?))
    }
}

impl Demand {
    /// The scalar resources that are needed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let executors = self.executor.keys().filter(|name| !self.task.contains_key(*name));
        self.task.keys().chain(executors).map(String::as_str)
    }

    /// What TaskManager and executor need together of the resource `name`.
    pub fn total(&self, name: &str) -> f64 {
        let of = |part: &BTreeMap<String, f64>| part.get(name).copied().unwrap_or(0.0);
        of(&self.task) + of(&self.executor)
    }

    /// The same for many comparisons.
    pub fn needs(&self) -> Needs {
        let amount = |part: &BTreeMap<String, f64>, name: &str| part.get(name).copied().map_or(0, thousandths);
        let need = |name: &str| {
            let (task, executor) = (amount(&self.task, name), amount(&self.executor, name));
            Need { name: name.to_owned(), task, executor }
        };
        Needs { scalars: self.names().map(need).collect(), ports: self.ports.clone() }
    }
}

impl fmt::Display for Demand {
    /// e.g. `cpus 1.1, mem 1056 MB, ports 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.names() {
            write!(f, "{name} {}{}, ", units(thousandths(self.total(name))), unit(name))?;
        }
        write!(f, "{PORTS} {}", self.ports.len())
    }
}

impl Shortage {
    /// The unit in which people know this resource.
    pub fn unit(&self) -> &'static str {
        unit(&self.name)
    }
}

fn unit(name: &str) -> &'static str {
    match name {
        "mem" | "disk" => " MB",
        _ => "",
    }
}

/// Revocable resources may be taken back at any time. Persistent volumes are somebody's data, and disks of their own have no
/// sandboxes on them.
fn is_plain(resource: &Resource) -> bool {
    resource.revocable.is_none() && resource.disk.is_none() && resource.shared.is_none()
}

fn is_reserved(resource: &Resource) -> bool {
    !resource.reservations.is_empty() || resource.role.as_deref().is_some_and(|role| role != "*")
}

fn thousandths(value: f64) -> u64 {
    (value.max(0.0) * 1000.0).round() as u64
}

fn units(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use mesos::v1::resource;
    use proptest::prelude::*;

    use super::*;

    fn scalar(name: &str, value: f64, role: Option<&str>) -> Resource {
        let reservations = role
            .map(|r| mesos::v1::resource::ReservationInfo { role: Some(r.to_owned()), ..Default::default() })
            .into_iter()
            .collect();
        Resource { name: name.to_owned(), scalar: Some(value::Scalar { value }), reservations, ..Default::default() }
    }

    fn ports(begin: u64, end: u64) -> Resource {
        let range = vec![value::Range { begin, end }];
        Resource { name: PORTS.to_owned(), ranges: Some(value::Ranges { range }), ..Default::default() }
    }

    fn demand(cpus: f64, mem: f64, ports: &[&str]) -> Demand {
        Demand {
            task: BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]),
            executor: BTreeMap::from([("cpus".to_owned(), 0.1), ("mem".to_owned(), 32.0)]),
            ports: ports.iter().map(|&p| p.into()).collect(),
        }
    }

    /// What is left of a resource, of which nobody may want any.
    fn left(pool: &Pool, name: &str) -> f64 {
        let of = |scalar: &&Scalar| pool.offered[scalar.of].name == name;
        units(pool.scalars.iter().filter(of).map(|scalar| scalar.left).sum())
    }

    #[test]
    fn reserved_resources_are_taken_before_unreserved_ones_and_keep_their_role() {
        let needs = demand(2.5, 10.0, &[]).needs();
        let offered = vec![scalar("cpus", 4.0, None), scalar("cpus", 0.4, Some("batch")), scalar("mem", 99.0, None)];
        let taken = Pool::new(offered, &needs).take(&needs).unwrap();
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
        let mut pool = Pool::new(vec![scalar("cpus", 4.0, None), scalar("mem", 1024.0, None)], &needs);
        let shortage = pool.take(&needs).unwrap_err();
        assert_eq!(shortage, Shortage { name: "mem".to_owned(), needed: 1760.0, there: 1024.0 });
        assert_eq!(left(&pool, "cpus"), 4.0);
    }

    #[test]
    fn every_key_gets_a_port_of_its_own() {
        let needs = demand(1.0, 10.0, &["a", "b"]).needs();
        let offered = vec![scalar("cpus", 4.0, None), scalar("mem", 99.0, None), ports(7, 7), ports(31000, 31001)];
        let mut pool = Pool::new(offered, &needs);
        let taken = pool.take(&needs).unwrap();
        assert_eq!(taken.ports().collect::<Vec<_>>(), [("a", 7), ("b", 31000)]);
        let shortage = pool.take(&needs).unwrap_err();
        assert_eq!((shortage.name.as_str(), shortage.there), ("ports", 1.0));
    }

    #[test]
    fn revocable_resources_are_left_alone() {
        let revocable =
            Resource { revocable: Some(mesos::v1::resource::RevocableInfo::default()), ..scalar("cpus", 8.0, None) };
        assert_eq!(left(&Pool::new(vec![revocable], &demand(1.0, 1.0, &[]).needs()), "cpus"), 0.0);
    }

    #[test]
    fn what_a_second_offer_of_the_agent_has_is_added() {
        let needs = demand(2.5, 10.0, &["a"]).needs();
        let mut pool = Pool::new(vec![scalar("cpus", 2.0, None), scalar("mem", 99.0, None)], &needs);
        assert_eq!(pool.take(&needs).unwrap_err().name, "cpus");
        pool.add(vec![scalar("cpus", 0.6, Some("batch")), ports(7, 7)], &needs);
        assert_eq!(pool.take(&needs).unwrap().ports().collect::<Vec<_>>(), [("a", 7)]);
        assert_eq!((left(&pool, "cpus"), left(&pool, "mem")), (0.0, 57.0));
    }

    #[test]
    fn volumes_and_disks_of_their_own_are_not_taken_for_the_sandboxes_disk() {
        let volume =
            resource::DiskInfo { persistence: Some(resource::disk_info::Persistence::default()), ..Default::default() };
        let mounted = resource::DiskInfo { source: Some(resource::disk_info::Source::default()), ..Default::default() };
        let on = |disk| Resource { disk: Some(Box::new(disk)), ..scalar("disk", 900.0, Some("batch")) };
        let task = BTreeMap::from([("disk".to_owned(), 50.0)]);
        let needs = Demand { task, ..Demand::default() }.needs();
        let pool = Pool::new(vec![on(volume), scalar("disk", 70.0, None), on(mounted)], &needs);
        assert_eq!(left(&pool, "disk"), 70.0);
    }

    proptest! {
        #[test]
        fn what_is_taken_and_what_is_left_make_up_the_offer(
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
            let before = thousandths(left(&pool, "mem"));
            let Ok(taken) = pool.take(&needs) else {
                prop_assert!(before < u64::from(wanted));
                prop_assert_eq!(thousandths(left(&pool, "mem")), before);
                return Ok(());
            };
            let sum: u64 = taken.task_resources().iter().map(|r| thousandths(r.scalar.unwrap().value)).sum();
            prop_assert_eq!(sum, u64::from(wanted));
            prop_assert_eq!(thousandths(left(&pool, "mem")) + sum, before);
        }
    }
}
