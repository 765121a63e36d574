//! Where workers may run: Marathon's placement constraints over host name, fault domain and agent
//! attributes.
//!
//! Operators and their meaning are those of Marathon (`docs/docs/constraints.md` there). Each value
//! is compared as text, in Marathon's form: a scalar has at most three decimals (`1.10` is `1.1`),
//! ranges are `[1-3,5-7]`. `IS` and `CLUSTER` also match an attribute's number written in another
//! form.

mod census;

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use mesos::v1;
use regex::Regex;

pub use self::census::{Census, Values};

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

/// Why a text is not a list of constraints.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; allowed are field:OPERATOR[:value] separated by commas, or Marathon's [[\"field\", \"OPERATOR\", \"value\"], …]; \
     operators are UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS; fields are hostname, @region, @zone and attributes"
)]
pub struct ConstraintError(String);

/// Why a constraint is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// This agent will never meet it.
    Ever,
    /// Other workers prevent it for now; that may change.
    Now,
}

impl Constraint {
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

    /// Reads a list of constraints.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ConstraintError> {
        let text = text.trim();
        if text.starts_with('[') {
            let rows: Vec<Vec<Part>> = serde_json::from_str(text).map_err(|e| {
                ConstraintError(format!(
                    "{text} is not a JSON list of lists of texts or numbers: {e}"
                ))
            })?;
            return rows
                .iter()
                .map(|row| Self::from_parts(&row.iter().map(Part::text).collect::<Vec<_>>()))
                .collect();
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| Self::from_parts(&part.splitn(3, ':').map(str::trim).collect::<Vec<_>>()))
            .collect()
    }

    fn from_parts(parts: &[impl AsRef<str>]) -> Result<Self, ConstraintError> {
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let whole = || parts.join(":");
        let (field, operator, value) = match parts[..] {
            [field, operator] => (field, operator, None),
            [field, operator, value] => {
                (field, operator, Some(value).filter(|value| !value.is_empty()))
            }
            _ => return Err(ConstraintError(format!("{} is not a constraint", whole()))),
        };
        let needed = |what: &str| {
            value.ok_or_else(|| ConstraintError(format!("{}: {operator} needs {what}", whole())))
        };
        let number = |text: &str| {
            text.parse::<usize>().map_err(|_| ConstraintError(format!("{}: no number", whole())))
        };
        let pattern = |text: &str| {
            Regex::new(&format!("^(?:{text})$"))
                .map_err(|e| ConstraintError(format!("{}: {e}", whole())))
        };
        let operator = match operator {
            "UNIQUE" => Operator::Unique,
            "CLUSTER" => Operator::Cluster(value.map(str::to_owned)),
            "GROUP_BY" => Operator::GroupBy(value.map_or(Ok(0), number)?),
            "LIKE" => Operator::Like(pattern(needed("a regular expression")?)?),
            "UNLIKE" => Operator::Unlike(pattern(needed("a regular expression")?)?),
            "MAX_PER" => Operator::MaxPer(number(needed("a number")?)?),
            "IS" => Operator::Is(needed("a value")?.to_owned()),
            other => return Err(ConstraintError(format!("{}: unknown operator {other}", whole()))),
        };
        if field.is_empty() {
            return Err(ConstraintError(format!("{}: the field is missing", whole())));
        }
        Ok(Self { field: Field::from(field), operator })
    }
}

/// One element of a constraint in JSON: a text, or a number as written.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Number(serde_json::Number),
}

impl Part {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.to_string().into(),
        }
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_parts(&text.splitn(3, ':').collect::<Vec<_>>())
    }
}

impl From<&str> for Field {
    fn from(name: &str) -> Self {
        match name {
            "hostname" | "@hostname" | "HOSTNAME" => Self::Hostname,
            "@region" => Self::Region,
            "@zone" => Self::Zone,
            other => Self::Attribute(other.into()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hostname => "hostname",
            Self::Region => "@region",
            Self::Zone => "@zone",
            Self::Attribute(name) => name,
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.field)?;
        // Show the pattern as it was written, without the added anchors.
        let written = |pattern: &Regex| pattern.as_str()[4..pattern.as_str().len() - 2].to_owned();
        match &self.operator {
            Operator::Unique => f.write_str("UNIQUE"),
            Operator::Cluster(None) => f.write_str("CLUSTER"),
            Operator::Cluster(Some(value)) => write!(f, "CLUSTER:{value}"),
            Operator::GroupBy(0) => f.write_str("GROUP_BY"),
            Operator::GroupBy(groups) => write!(f, "GROUP_BY:{groups}"),
            Operator::Like(pattern) => write!(f, "LIKE:{}", written(pattern)),
            Operator::Unlike(pattern) => write!(f, "UNLIKE:{}", written(pattern)),
            Operator::MaxPer(most) => write!(f, "MAX_PER:{most}"),
            Operator::Is(value) => write!(f, "IS:{value}"),
        }
    }
}

/// The fields of an offer's agent that `constraints` compare.
pub fn values(offer: &v1::Offer, constraints: &[Constraint]) -> Values {
    let domain = offer.domain.as_ref().and_then(|domain| domain.fault_domain.as_ref());
    let value = |field: &Field| match field {
        Field::Hostname => Some(offer.hostname.as_str().into()),
        Field::Region => domain.map(|domain| domain.region.name.as_str().into()),
        Field::Zone => domain.map(|domain| domain.zone.name.as_str().into()),
        Field::Attribute(name) => {
            offer.attributes.iter().find(|a| a.name == **name).and_then(attribute)
        }
    };
    constraints.iter().filter_map(|c| Some((c.field.clone(), value(&c.field)?))).collect()
}

/// An attribute's value as text, in Marathon's form.
fn attribute(attribute: &v1::Attribute) -> Option<Arc<str>> {
    let joined = |parts: Vec<String>, open: char, close: char| {
        format!("{open}{}{close}", parts.join(",")).into()
    };
    if let Some(text) = &attribute.text {
        Some(text.value.as_str().into())
    } else if let Some(scalar) = &attribute.scalar {
        Some(self::scalar(scalar.value).into())
    } else if let Some(ranges) = &attribute.ranges {
        let mut ranges: Vec<_> =
            ranges.range.iter().map(|range| (range.begin, range.end)).collect();
        ranges.sort_unstable();
        Some(joined(ranges.iter().map(|(begin, end)| format!("{begin}-{end}")).collect(), '[', ']'))
    } else {
        attribute.set.as_ref().map(|set| joined(set.item.clone(), '{', '}'))
    }
}

/// A number with at most three decimals, as `0.###` writes it.
fn scalar(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
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
    fn a_number_in_json_is_taken_as_its_text() {
        let list = Constraint::parse_list(
            r#"[["rack", "GROUP_BY", 5], ["version", "IS", 1.1], ["rack", "LIKE", "r.*"]]"#,
        );
        let shown: Vec<_> = list.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["rack:GROUP_BY:5", "version:IS:1.1", "rack:LIKE:r.*"]);
        for wrong in [
            r#"[["rack", "IS", true]]"#,
            r#"[["rack", "IS", null]]"#,
            r#"["rack", "IS", "a"]"#,
            "[[]",
        ] {
            let error = Constraint::parse_list(wrong).unwrap_err().to_string();
            assert!(error.contains("list of lists of texts or numbers"), "{error}");
        }
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

    #[test]
    fn lists_are_read_in_the_short_form_and_in_marathons() {
        let shown = |text| {
            Constraint::parse_list(text)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let expected = ["hostname:UNIQUE", "rack:GROUP_BY:3", "@zone:LIKE:a.*b"];
        assert_eq!(shown("hostname:UNIQUE, rack:GROUP_BY:3,@zone:LIKE:a.*b"), expected);
        assert_eq!(
            shown(r#"[["hostname","UNIQUE"],["rack","GROUP_BY","3"],["@zone","LIKE","a.*b"]]"#),
            expected
        );
    }

    #[test]
    fn an_invalid_constraint_is_refused_with_what_is_allowed() {
        for wrong in [
            "hostname",
            "rack:NEAR:a",
            "rack:LIKE",
            "rack:LIKE:(",
            "rack:MAX_PER:x",
            ":UNIQUE",
            "[[1]]",
        ] {
            let refused = Constraint::parse_list(wrong).unwrap_err().to_string();
            assert!(refused.contains("GROUP_BY"), "{wrong}: {refused}");
        }
    }
}
