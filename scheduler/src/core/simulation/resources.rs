//! Amounts of an agent's resources, reserved and not, and their ports.

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1::{self, resource::ReservationInfo, value};

/// Thousandths by name and whether they are reserved, and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    scalars: BTreeMap<(String, bool), u64>,
    ports: BTreeSet<u64>,
}

/// Ports beyond one per worker, some of which other processes may use.
const SPARE_PORTS: u64 = 6;

impl Amounts {
    pub(crate) fn ports(&self) -> impl Iterator<Item = u64> {
        self.ports.iter().copied()
    }

    /// Room for this many workers; `reserved` thousandths of each resource are reserved.
    pub(crate) fn room(workers: u64, reserved: u64) -> Self {
        let mut amounts = Self::default();
        for (name, each) in [("cpus", 1_100), ("mem", 1_032_000)] {
            let part = each * workers * reserved / 1000;
            amounts.scalars.insert((name.to_owned(), true), part);
            amounts.scalars.insert((name.to_owned(), false), each * workers - part);
        }
        amounts.ports.extend(31000..31000 + workers + SPARE_PORTS);
        amounts
    }

    pub(crate) fn of<'a>(resources: impl IntoIterator<Item = &'a v1::Resource>) -> Self {
        let mut amounts = Self::default();
        for resource in resources {
            let reserved = !resource.reservations.is_empty();
            if let Some(scalar) = resource.scalar {
                let amount = (scalar.value * 1000.0).round() as u64;
                *amounts.scalars.entry((resource.name.clone(), reserved)).or_default() += amount;
            }
            for range in resource.ranges.iter().flat_map(|ranges| &ranges.range) {
                amounts.ports.extend(range.begin..=range.end);
            }
        }
        amounts
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, amount) in &other.scalars {
            *self.scalars.entry(name.clone()).or_default() += amount;
        }
        for port in &other.ports {
            assert!(self.ports.insert(*port), "port {port} is there twice");
        }
    }

    /// Subtracts `other`; returns false and subtracts nothing if it is not completely contained.
    #[must_use]
    pub(crate) fn take(&mut self, other: &Self) -> bool {
        let enough = other
            .scalars
            .iter()
            .all(|(name, amount)| self.scalars.get(name).is_some_and(|own| own >= amount));
        if !enough || !other.ports.is_subset(&self.ports) {
            return false;
        }
        for (name, amount) in &other.scalars {
            *self.scalars.entry(name.clone()).or_default() -= amount;
        }
        self.ports.retain(|port| !other.ports.contains(port));
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scalars.values().all(|amount| *amount == 0)
    }

    pub(crate) fn to_resources(&self) -> Vec<v1::Resource> {
        let scalars = self.scalars.iter().filter(|(_, amount)| **amount > 0).map(
            |((name, reserved), amount)| {
                let reservation =
                    ReservationInfo { role: Some("flink".to_owned()), ..Default::default() };
                v1::Resource {
                    name: name.clone(),
                    scalar: Some(value::Scalar { value: *amount as f64 / 1000.0 }),
                    reservations: reserved.then_some(reservation).into_iter().collect(),
                    ..Default::default()
                }
            },
        );
        let range =
            self.ports.iter().map(|port| value::Range { begin: *port, end: *port }).collect();
        let ports = v1::Resource {
            name: "ports".to_owned(),
            ranges: Some(value::Ranges { range }),
            ..Default::default()
        };
        scalars.chain([ports]).collect()
    }
}
