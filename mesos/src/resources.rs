//! Lists of Mesos resources: made, summed up by name, and their port ranges.
//!
//! One name may stand in a list many times, once per role or reservation.

use crate::v1::{Resource, value};

/// A scalar resource without a role, as a task asks for it.
pub fn scalar(name: &str, value: f64) -> Resource {
    Resource {
        name: name.to_owned(),
        r#type: value::Type::Scalar.into(),
        scalar: Some(value::Scalar { value }),
        ..Resource::default()
    }
}

/// A ranges resource without a role; both ends of each range belong to it.
pub fn ranges(name: &str, ranges: impl IntoIterator<Item = (u64, u64)>) -> Resource {
    let range = ranges.into_iter().map(|(begin, end)| value::Range { begin, end }).collect();
    Resource {
        name: name.to_owned(),
        r#type: value::Type::Ranges.into(),
        ranges: Some(value::Ranges { range }),
        ..Resource::default()
    }
}

/// The sum of all scalars of that name; 0 when there is none.
pub fn sum(resources: &[Resource], name: &str) -> f64 {
    let named = resources.iter().filter(|resource| resource.name == name);
    let thousandths: f64 = named
        .filter_map(|resource| resource.scalar)
        .map(|scalar| (scalar.value * 1000.0).round())
        .sum();
    // Mesos counts in thousandths too, so that 0.1 + 0.2 is 0.3.
    thousandths / 1000.0
}

/// All ranges of that name, sorted, overlapping and adjoining ones made one, both ends included.
pub fn merged_ranges(resources: &[Resource], name: &str) -> Vec<(u64, u64)> {
    let named = resources.iter().filter(|resource| resource.name == name);
    let mut all: Vec<(u64, u64)> = named
        .filter_map(|resource| resource.ranges.as_ref())
        .flat_map(|ranges| ranges.range.iter().map(|range| (range.begin, range.end)))
        .filter(|(begin, end)| begin <= end)
        .collect();
    all.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(all.len());
    for (begin, end) in all {
        match merged.last_mut() {
            Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scalars_of_one_name_are_summed_without_drift() {
        let list = [scalar("cpus", 0.1), scalar("mem", 512.0), scalar("cpus", 0.2)];
        assert!((sum(&list, "cpus") - 0.3).abs() < f64::EPSILON);
        assert!(sum(&list, "disk").abs() < f64::EPSILON);
    }

    #[test]
    fn port_ranges_of_several_roles_become_one_sorted_list() {
        let list = [
            ranges("ports", [(31_005, 31_009), (31_000, 31_002)]),
            ranges("ports", [(31_003, 31_004), (40, 50)]),
        ];
        assert_eq!(merged_ranges(&list, "ports"), [(40, 50), (31_000, 31_009)]);
    }

    #[test]
    fn a_range_that_ends_before_it_begins_counts_for_nothing() {
        assert!(merged_ranges(&[ranges("ports", [(9, 3)])], "ports").is_empty());
    }

    proptest! {
        #[test]
        fn merging_keeps_exactly_the_same_numbers(list in proptest::collection::vec((0_u64..60, 0_u64..60), 0..12)) {
            let merged = merged_ranges(&[ranges("ports", list.clone())], "ports");
            for number in 0..60 {
                let inside = |pairs: &[(u64, u64)]| pairs.iter().any(|(begin, end)| (*begin..=*end).contains(&number));
                prop_assert_eq!(inside(&merged), inside(&list));
            }
            prop_assert!(merged.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
