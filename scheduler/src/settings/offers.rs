//! What the master is told of our wishes, so that it sends no offers that would only be declined. How large offers must be it is
//! told only after one was too small: whoever waits for a worker that fits nowhere wants to hear what the largest offer had.

use mesos::v1::{
    OfferFilters,
    offer_filters::{MinAllocatableResources, ResourceQuantities},
    scheduler, value,
};

use crate::core::{
    constraint::{Constraint, Field, Operator},
    resources::Demand,
};
use scheduler::{
    AttributeConstraint, OfferConstraints,
    attribute_constraint::{Predicate, Selector, predicate, selector::PseudoattributeType},
    offer_constraints::{RoleConstraints, role_constraints::Group},
};

/// The constraints that an agent meets or not whatever the other workers do, for every role (Mesos 1.11 and newer heed them).
/// `None` if there is nothing to tell.
pub(super) fn constraints(roles: &[String], constraints: &[Constraint]) -> Option<OfferConstraints> {
    let attribute_constraints: Vec<_> = constraints.iter().filter_map(constraint).collect();
    if attribute_constraints.is_empty() {
        return None;
    }
    let groups = RoleConstraints { groups: vec![Group { attribute_constraints }] };
    Some(OfferConstraints { role_constraints: roles.iter().map(|role| (role.clone(), groups.clone())).collect() })
}

/// All that one worker needs at once. The master looks at everything that it could offer of an agent, reserved and not.
pub(super) fn least(demand: &Demand) -> OfferFilters {
    let quantity = |name: &str| (name.to_owned(), value::Scalar { value: demand.total(name) });
    let quantities = vec![ResourceQuantities { quantities: demand.names().map(quantity).collect() }];
    OfferFilters { min_allocatable_resources: Some(MinAllocatableResources { quantities }) }
}

fn constraint(constraint: &Constraint) -> Option<AttributeConstraint> {
    let pseudo =
        |kind: PseudoattributeType| Selector { pseudoattribute_type: Some(kind.into()), ..Selector::default() };
    let selector = match &constraint.field {
        Field::Hostname => pseudo(PseudoattributeType::Hostname),
        Field::Region => pseudo(PseudoattributeType::Region),
        Field::Zone => pseudo(PseudoattributeType::Zone),
        Field::Attribute(name) => Selector { attribute_name: Some(name.to_string()), ..Selector::default() },
    };
    let exists = || Predicate { exists: Some(predicate::Exists {}), ..Predicate::default() };
    let equals = |text: &str| {
        let value = text.to_owned();
        Predicate { text_equals: Some(predicate::TextEquals { value }), ..Predicate::default() }
    };
    let predicate = match &constraint.operator {
        // A number may be written in many ways, and the core looks closer.
        Operator::Is(value) | Operator::Cluster(Some(value)) if value.parse::<f64>().is_ok() => exists(),
        Operator::Is(value) | Operator::Cluster(Some(value)) => equals(value),
        Operator::Like(pattern) if is_common(pattern.as_str()) => {
            let regex = pattern.as_str().to_owned();
            Predicate { text_matches: Some(predicate::TextMatches { regex }), ..Predicate::default() }
        }
        Operator::Like(_) | Operator::Unique | Operator::GroupBy(_) | Operator::MaxPer(_) | Operator::Cluster(None) => {
            exists()
        }
        Operator::Unlike(_) => return None,
    };
    Some(AttributeConstraint { selector, predicate })
}

/// Whether Mesos's RE2 surely reads the pattern as we do; a framework with one that it cannot read is refused.
fn is_common(pattern: &str) -> bool {
    let inner = pattern.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
    inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_alphanumeric() || "._-*+|/ ".contains(c)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<AttributeConstraint> {
        let told = constraints(&["r".to_owned()], &Constraint::parse_list(text).unwrap());
        told.map(|mut told| told.role_constraints.remove("r").unwrap().groups.remove(0).attribute_constraints)
            .unwrap_or_default()
    }

    #[test]
    fn what_an_agent_is_or_is_not_goes_to_the_master() {
        let told = told("rack:IS:a,@zone:LIKE:z1|z2,hostname:UNIQUE");
        assert_eq!(told[0].selector.attribute_name.as_deref(), Some("rack"));
        assert_eq!(told[0].predicate.text_equals.as_ref().unwrap().value, "a");
        assert_eq!(told[1].predicate.text_matches.as_ref().unwrap().regex, "^(?:z1|z2)$");
        assert!(told[2].predicate.exists.is_some());
    }

    #[test]
    fn what_the_master_might_read_differently_only_has_to_be_there() {
        let told = told(r"cores:IS:4,rack:LIKE:\p{Greek}+");
        assert!(told.iter().all(|constraint| constraint.predicate.exists.is_some()));
    }

    #[test]
    fn without_such_constraints_nothing_is_told() {
        assert!(constraints(&["r".to_owned()], &Constraint::parse_list("rack:UNLIKE:a").unwrap()).is_none());
    }
}
