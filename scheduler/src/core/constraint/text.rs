//! Constraints as text: the short form, Marathon's JSON, and back.

use std::{borrow::Cow, fmt, str::FromStr};

use regex::Regex;

use super::{Constraint, Field, Operator};

/// Why a text is not a list of constraints.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; allowed are field:OPERATOR[:value] separated by commas, or Marathon's [[\"field\", \"OPERATOR\", \"value\"], …]; \
     operators are UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS; fields are hostname, @region, @zone and attributes"
)]
pub struct ConstraintError(String);

impl Constraint {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
