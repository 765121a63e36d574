//! What constraints compare: the host name, fault domain and attributes of an agent, as text.

use std::sync::Arc;

use mesos::v1;

use super::{Constraint, Field};

/// The values of one agent, by field. A small slice, because there are few fields and many agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Box<[(Field, Arc<str>)]>);

impl Values {
    /// The value of `field` on this agent.
    pub fn get(&self, field: &Field) -> Option<&Arc<str>> {
        self.iter().find(|(known, _)| known == field).map(|(_, value)| value)
    }

    /// All values, each field once.
    pub fn iter(&self) -> impl Iterator<Item = &(Field, Arc<str>)> {
        self.0.iter()
    }
}

impl FromIterator<(Field, Arc<str>)> for Values {
    fn from_iter<I: IntoIterator<Item = (Field, Arc<str>)>>(values: I) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort();
        values.dedup_by(|one, other| one.0 == other.0);
        Self(values.into())
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
pub(super) fn scalar(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
