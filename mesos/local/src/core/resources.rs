//! Amounts of resources that can be added, taken away and compared.

use std::{collections::BTreeMap, fmt};

use mesos::{
    resources,
    v1::{Resource, resource::AllocationInfo, value},
};

/// An amount of resources: scalars in thousandths, as Mesos counts them, and disjoint ranges with
/// both ends included.
///
/// No entry is ever empty, so equal amounts are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    scalars: BTreeMap<String, i64>,
    ranges: BTreeMap<String, Vec<(u64, u64)>>,
}

impl Amount {
    /// Reads a list as it comes over the wire. Sets, reservations and volumes do not exist here.
    pub(super) fn parse(list: &[Resource]) -> Result<Self, String> {
        let mut amount = Self::default();
        for resource in list {
            let name = &resource.name;
            let reserved = resource.role() != "*"
                || !resource.reservations.is_empty()
                || resource.reservation.is_some();
            if reserved
                || resource.disk.is_some()
                || resource.provider_id.is_some()
                || resource.revocable.is_some()
            {
                return Err(format!(
                    "Resource {name} is reserved, a volume or revocable: the local Mesos has no such"
                ));
            }
            match value::Type::try_from(resource.r#type) {
                Ok(value::Type::Scalar) => {
                    let value = resource.scalar.map_or(0.0, |scalar| scalar.value);
                    if !(0.0..1e12).contains(&value) {
                        return Err(format!(
                            "Resource {name} is invalid: {value} is not a quantity"
                        ));
                    }
                    amount.add_scalar(name, (value * 1000.0).round() as i64);
                }
                Ok(value::Type::Ranges) => {
                    let merged = resources::merged_ranges(std::slice::from_ref(resource), name);
                    amount
                        .add(&Self { ranges: [(name.clone(), merged)].into(), ..Self::default() });
                }
                _ => {
                    return Err(format!(
                        "Resource {name} is neither SCALAR nor RANGES: the local Mesos has no such"
                    ));
                }
            }
        }
        Ok(amount)
    }

    /// What a whole agent has.
    pub(crate) fn of_agent(cpus: f64, mem_mb: f64, disk_mb: f64, ports: Vec<(u64, u64)>) -> Self {
        let mut amount = Self::default();
        for (name, value) in [("cpus", cpus), ("mem", mem_mb), ("disk", disk_mb)] {
            amount.add_scalar(name, (value * 1000.0).round() as i64);
        }
        if !ports.is_empty() {
            amount.ranges.insert("ports".into(), ports);
        }
        amount
    }

    fn add_scalar(&mut self, name: &str, thousandths: i64) {
        let sum = self.scalars.get(name).copied().unwrap_or_default().saturating_add(thousandths);
        if sum > 0 {
            self.scalars.insert(name.to_owned(), sum);
        } else {
            self.scalars.remove(name);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (name, thousandths) in &other.scalars {
            self.add_scalar(name, *thousandths);
        }
        for (name, more) in other.ranges.iter().filter(|(_, more)| !more.is_empty()) {
            let mut all = self.ranges.remove(name).unwrap_or_default();
            all.extend(more);
            self.ranges.insert(
                name.clone(),
                resources::merged_ranges(&[resources::ranges(name, all)], name),
            );
        }
    }

    /// Takes the other amount away; what is not here cannot be taken.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (name, thousandths) in &other.scalars {
            self.add_scalar(name, thousandths.saturating_neg());
        }
        for (name, less) in &other.ranges {
            let Some(mut left) = self.ranges.remove(name) else { continue };
            for (begin, end) in less {
                left = left.into_iter().flat_map(|range| cut(range, (*begin, *end))).collect();
            }
            if !left.is_empty() {
                self.ranges.insert(name.clone(), left);
            }
        }
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        let scalars = other
            .scalars
            .iter()
            .all(|(name, value)| self.scalars.get(name).is_some_and(|has| has >= value));
        let within = |name: &String, (begin, end): &(u64, u64)| {
            self.ranges
                .get(name)
                .is_some_and(|has| has.iter().any(|(first, last)| first <= begin && end <= last))
        };
        scalars
            && other
                .ranges
                .iter()
                .all(|(name, ranges)| ranges.iter().all(|range| within(name, range)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.ranges.is_empty()
    }

    /// Whether the master offers it: at least a hundredth of a CPU or 32 MB
    /// (`--min_allocatable_resources`).
    pub(super) fn is_allocatable(&self) -> bool {
        self.thousandths("cpus") >= 10 || self.thousandths("mem") >= 32_000
    }

    /// Whether it has so much of each of these.
    pub(super) fn has_quantities<'a>(
        &self,
        mut quantities: impl Iterator<Item = (&'a String, f64)>,
    ) -> bool {
        quantities.all(|(name, least)| self.quantity(name) as f64 >= (least * 1000.0).round())
    }

    /// Of ranges, how many numbers there are in them, in thousandths as well.
    fn quantity(&self, name: &str) -> i64 {
        let numbers: u64 =
            self.ranges.get(name).into_iter().flatten().map(|(begin, end)| end - begin + 1).sum();
        self.thousandths(name)
            .saturating_add(i64::try_from(numbers).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// The largest part that this amount is of the whole.
    pub(super) fn share_of(&self, whole: &Self) -> f64 {
        let parts = self
            .scalars
            .iter()
            .map(|(name, value)| *value as f64 / (whole.thousandths(name).max(1)) as f64);
        parts.fold(0.0, f64::max)
    }

    fn thousandths(&self, name: &str) -> i64 {
        self.scalars.get(name).copied().unwrap_or_default()
    }

    /// The wire's form, each entry with the role that it is allocated to.
    pub(super) fn to_list(&self, allocated: Option<&str>) -> Vec<Resource> {
        let ranges =
            self.ranges.iter().map(|(name, list)| resources::ranges(name, list.iter().copied()));
        let scalars = self
            .scalars
            .iter()
            .map(|(name, value)| resources::scalar(name, *value as f64 / 1000.0));
        let mut list: Vec<Resource> = scalars.chain(ranges).collect();
        allocate(&mut list, allocated);
        list
    }
}

/// Notes in each resource which role it is allocated to.
pub(super) fn allocate(list: &mut [Resource], role: Option<&str>) {
    for resource in list {
        resource.allocation_info = role.map(|role| AllocationInfo { role: Some(role.to_owned()) });
    }
}

/// What is left of a range without the other.
fn cut(from: (u64, u64), out: (u64, u64)) -> impl Iterator<Item = (u64, u64)> {
    let below = (from.0, from.1.min(out.0.saturating_sub(1)));
    let above = (from.0.max(out.1.saturating_add(1)), from.1);
    let left = [(out.0 > from.0).then_some(below), (out.1 < from.1).then_some(above)];
    left.into_iter().flatten().filter(|(begin, end)| begin <= end)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalars =
            self.scalars.iter().map(|(name, value)| format!("{name}:{}", *value as f64 / 1000.0));
        let ranges = self.ranges.iter().map(|(name, list)| {
            let list: Vec<String> =
                list.iter().map(|(begin, end)| format!("{begin}-{end}")).collect();
            format!("{name}:[{}]", list.join(", "))
        });
        f.write_str(&scalars.chain(ranges).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn amount(cpus: f64, ports: &[(u64, u64)]) -> Amount {
        Amount::parse(&[
            resources::scalar("cpus", cpus),
            resources::ranges("ports", ports.iter().copied()),
        ])
        .unwrap()
    }

    fn any_amount() -> impl Strategy<Value = Amount> {
        (0_u32..5000, vec((0_u64..40, 0_u64..40), 0..4))
            .prop_map(|(cpus, ports)| amount(f64::from(cpus) / 1000.0, &ports))
    }

    #[test]
    fn tenths_add_up_exactly() {
        let mut sum = amount(0.1, &[]);
        sum.add(&amount(0.2, &[]));
        assert_eq!(sum, amount(0.3, &[]));
    }

    #[test]
    fn ports_in_the_middle_of_a_range_leave_two_ranges() {
        let mut left = amount(0.0, &[(31000, 31009)]);
        left.subtract(&amount(0.0, &[(31003, 31005)]));
        assert_eq!(left, amount(0.0, &[(31000, 31002), (31006, 31009)]));
        assert_eq!(left.to_string(), "ports:[31000-31002, 31006-31009]");
    }

    #[test]
    fn an_amount_that_the_local_mesos_cannot_have_is_refused() {
        let mut reserved = resources::scalar("cpus", 1.0);
        reserved.role = Some("flink".into());
        assert!(Amount::parse(&[reserved]).unwrap_err().contains("reserved"));
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(
                Amount::parse(&[resources::scalar("cpus", value)])
                    .unwrap_err()
                    .contains("not a quantity")
            );
        }
    }

    #[test]
    fn half_a_port_range_is_not_the_range() {
        assert!(!amount(1.0, &[(1, 5)]).contains(&amount(1.0, &[(3, 6)])));
        assert!(!amount(1.0, &[(1, 5)]).contains(&amount(1.001, &[])));
        assert!(amount(1.0, &[(1, 5)]).contains(&amount(1.0, &[(2, 5)])));
    }

    proptest! {
        #[test]
        fn what_is_taken_from_more_and_given_back_makes_the_same(a in any_amount(), b in any_amount()) {
            let mut whole = a.clone();
            whole.add(&b);
            prop_assert!(whole.contains(&a) && whole.contains(&b));
            let mut rest = whole.clone();
            rest.subtract(&a);
            prop_assert!(whole.contains(&rest));
            rest.add(&a);
            prop_assert_eq!(rest, whole);
        }

        #[test]
        fn an_amount_comes_back_from_the_wire(a in any_amount()) {
            prop_assert_eq!(Amount::parse(&a.to_list(Some("*"))).unwrap(), a);
        }
    }
}
