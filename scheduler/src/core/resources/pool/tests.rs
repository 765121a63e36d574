//! Taking workers' needs from offers, at the bounds of numbers too.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use std::collections::BTreeMap;

use mesos::v1::{resource, value};
use proptest::prelude::*;
use rand::SeedableRng as _;

use super::*;
use crate::core::resources::Demand;
use crate::core::resources::units;

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
    Resource { name: PORTS.to_owned(), ranges: Some(value::Ranges { range }), ..Default::default() }
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
    let mut pool = Pool::new(vec![scalar("cpus", 4.0, None), scalar("mem", 1024.0, None)], &needs);
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
    let mut pool = Pool::new(vec![scalar("cpus", 2.0, None), scalar("mem", 99.0, None)], &needs);
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
    let on = |disk| Resource { disk: Some(Box::new(disk)), ..scalar("disk", 900.0, Some("batch")) };
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
