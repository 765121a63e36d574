//! Where workers may run: Marathon's placement constraints over host name, fault domain and agent
//! attributes.
//!
//! Operators and their meaning are those of Marathon (`docs/docs/constraints.md` there). Each value
//! is compared as text, in Marathon's form: a scalar has at most three decimals (`1.10` is `1.1`),
//! ranges are `[1-3,5-7]`. `IS` and `CLUSTER` also match an attribute's number written in another
//! form.

mod census;
mod text;
mod values;

use std::sync::Arc;

use regex::Regex;

use self::values::scalar;
pub use self::{
    census::Census,
    text::ConstraintError,
    values::{Values, values},
};

/// What a constraint compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The agent's host name: `hostname`, or `HOSTNAME` as upstream's option has it.
    Hostname,
    /// The region of the agent's fault domain: `@region`.
    Region,
    /// The zone of the agent's fault domain: `@zone`.
    Zone,
    /// An agent attribute.
    Attribute(Arc<str>),
}

/// The condition on the field's value.
#[derive(Clone, Debug)]
pub enum Operator {
    /// No two workers have the same value.
    Unique,
    /// All workers have this value, or the value that the first one got.
    Cluster(Option<String>),
    /// Workers are spread evenly over the values; at least this many values are expected.
    GroupBy(usize),
    /// The whole value matches.
    Like(Regex),
    /// The whole value does not match. An agent without a value meets this too.
    Unlike(Regex),
    /// At most this many workers have the same value.
    MaxPer(usize),
    /// The value is this one.
    Is(String),
}

/// One placement constraint.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// What it looks at.
    pub field: Field,
    /// The condition.
    pub operator: Operator,
}

/// Why a constraint is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// This agent will never meet it.
    Ever,
    /// Other workers prevent it for now; that may change.
    Now,
}

impl Constraint {
    /// Whether it spreads workers evenly over values.
    pub(super) fn is_grouping(&self) -> bool {
        matches!(self.operator, Operator::GroupBy(_))
    }

    /// Whether one more worker may run where the field has `value`, given the other workers.
    pub fn check(&self, value: Option<&str>, others: &Census) -> Result<(), Unmet> {
        let Some(value) = value else {
            return if matches!(self.operator, Operator::Unlike(_)) {
                Ok(())
            } else {
                Err(Unmet::Ever)
            };
        };
        let (met, otherwise) = match &self.operator {
            Operator::Unique => (others.count(value) == 0, Unmet::Now),
            Operator::MaxPer(most) => (others.count(value) < *most, Unmet::Now),
            // A value that no worker has yet always counts as least used.
            Operator::GroupBy(groups) => (others.count(value) <= others.least(*groups), Unmet::Now),
            Operator::Cluster(Some(wanted)) | Operator::Is(wanted) => {
                (self.is(value, wanted), Unmet::Ever)
            }
            Operator::Cluster(None) => (others.is_empty() || others.count(value) > 0, Unmet::Now),
            Operator::Like(pattern) => (pattern.is_match(value), Unmet::Ever),
            Operator::Unlike(pattern) => (!pattern.is_match(value), Unmet::Ever),
        };
        if met { Ok(()) } else { Err(otherwise) }
    }

    /// Equal as text; attributes also as numbers, since Mesos turns the scalar `1.10` into 1.1.
    fn is(&self, value: &str, wanted: &str) -> bool {
        let as_number = || {
            Some(value)
                == wanted.parse().ok().filter(|n: &f64| n.is_finite()).map(scalar).as_deref()
        };
        value == wanted || (matches!(self.field, Field::Attribute(_)) && as_number())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn census(values: &[&str]) -> Census {
        let mut census = Census::default();
        for value in values {
            census.count_one(&(*value).into(), true);
        }
        census
    }

    #[track_caller]
    fn check(constraint: &str, value: &str, others: &[&str]) -> Result<(), Unmet> {
        constraint.parse::<Constraint>().unwrap().check(Some(value), &census(others))
    }

    #[test]
    fn unique_takes_a_value_once() {
        assert_eq!(check("hostname:UNIQUE", "a", &["b"]), Ok(()));
        assert_eq!(check("hostname:UNIQUE", "a", &["a"]), Err(Unmet::Now));
    }

    #[test]
    fn max_per_takes_a_value_that_many_times() {
        assert_eq!(check("rack:MAX_PER:2", "a", &["a"]), Ok(()));
        assert_eq!(check("rack:MAX_PER:2", "a", &["a", "a"]), Err(Unmet::Now));
    }

    #[test]
    fn cluster_takes_its_value_or_the_first_ones() {
        assert_eq!(check("rack:CLUSTER:x", "x", &[]), Ok(()));
        assert_eq!(check("rack:CLUSTER:x", "y", &[]), Err(Unmet::Ever));
        assert_eq!(check("rack:CLUSTER", "y", &[]), Ok(()));
        assert_eq!(check("rack:CLUSTER", "y", &["x"]), Err(Unmet::Now));
    }

    #[test]
    fn group_by_fills_the_least_used_value_first() {
        assert_eq!(check("rack:GROUP_BY", "a", &["a", "b"]), Ok(()));
        assert_eq!(check("rack:GROUP_BY", "a", &["a", "a", "b"]), Err(Unmet::Now));
        assert_eq!(check("rack:GROUP_BY", "c", &["a", "b"]), Ok(()));
    }

    #[test]
    fn group_by_with_a_number_waits_for_that_many_values() {
        assert_eq!(check("rack:GROUP_BY:3", "a", &["a", "b"]), Err(Unmet::Now));
        assert_eq!(check("rack:GROUP_BY:3", "c", &["a", "b"]), Ok(()));
        assert_eq!(check("rack:GROUP_BY:3", "a", &["a", "b", "c"]), Ok(()));
    }

    #[test]
    fn like_and_unlike_match_the_whole_value() {
        assert_eq!(check("rack:LIKE:r[1-3]", "r2", &[]), Ok(()));
        assert_eq!(check("rack:LIKE:r[1-3]", "r22", &[]), Err(Unmet::Ever));
        assert_eq!(check("rack:UNLIKE:r[1-3]", "r2", &[]), Err(Unmet::Ever));
        assert_eq!(check("rack:UNLIKE:r[1-3]", "r22", &[]), Ok(()));
    }

    #[test]
    fn is_compares_numbers_as_numbers() {
        assert_eq!(check("cores:IS:4.0", "4", &[]), Ok(()));
        assert_eq!(check("cores:IS:4", "5", &[]), Err(Unmet::Ever));
        assert_eq!(check("az:IS:eu", "EU", &[]), Err(Unmet::Ever));
    }

    #[test]
    fn cluster_and_is_agree_on_every_value() {
        let scalars = ["1.10", "0101", "7", "1e3", "-2.50", "0.12345", "1.0005", "16777217"];
        let texts =
            ["a", "a b", "0x10", "1.5.2", "'1'", "1_0", "1f", "inf", "NaN", "[1-3]", "eu-1"];
        let attributes = scalars
            .map(|text| scalar(text.parse().unwrap()))
            .into_iter()
            .chain(texts.map(str::to_owned));
        for value in attributes {
            for wanted in scalars.iter().chain(&texts).copied().chain([value.as_str()]) {
                let of = |operator: &str| check(&format!("x:{operator}:{wanted}"), &value, &[]);
                assert_eq!(of("IS"), of("CLUSTER"), "{value} {wanted}");
            }
            for field in ["x", "hostname"] {
                assert_eq!(
                    check(&format!("{field}:IS:{value}"), &value, &[]),
                    Ok(()),
                    "{field} {value}"
                );
            }
        }
        for (written, seen) in
            [("1.10", "1.1"), ("0101", "101"), ("007", "7"), ("1e3", "1000"), ("0.12345", "0.123")]
        {
            assert_eq!(scalar(written.parse().unwrap()), seen);
            assert_eq!(
                check(&format!("version:CLUSTER:{written}"), seen, &[]),
                Ok(()),
                "{written}"
            );
        }
        // Text that Mesos does not read as a number is not a number.
        assert_eq!(check("@zone:IS:1.10", "1.1", &[]), Err(Unmet::Ever));
    }

    #[test]
    fn an_agent_without_the_attribute_meets_only_unlike() {
        let missing =
            |text: &str| text.parse::<Constraint>().unwrap().check(None, &Census::default());
        assert_eq!(missing("rack:UNLIKE:a"), Ok(()));
        for other in [
            "rack:UNIQUE",
            "rack:CLUSTER",
            "rack:GROUP_BY",
            "rack:LIKE:.*",
            "rack:MAX_PER:9",
            "rack:IS:a",
        ] {
            assert_eq!(missing(other), Err(Unmet::Ever), "{other}");
        }
    }
}
