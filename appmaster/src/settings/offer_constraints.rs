//! What the master gets of our constraints and needs, so that it sends no offers that would be
//! declined. It gets the smallest usable size only after an offer was too small: a user whose
//! worker fits nowhere must be able to see the largest offer.

#[cfg(test)]
mod tests;

use mesos::v1::{
    OfferFilters,
    offer_filters::{MinAllocatableResources, ResourceQuantities},
    scheduler::{
        AttributeConstraint, OfferConstraints,
        attribute_constraint::{Predicate, Selector, predicate, selector::PseudoattributeType},
        offer_constraints::{RoleConstraints, role_constraints::Group},
    },
    value,
};
use regex_syntax::hir::literal::{Extractor, Literal};
use scheduler::core::{
    constraint::{Constraint, Field, Operator},
    resources::Demand,
};

/// The largest number of constraint groups per role: the master checks all of them for each of its
/// agents.
const MOST_GROUPS: usize = 64;

/// The constraints that depend only on the agent, not on other workers, for every role (Mesos 1.11
/// and newer support them). `None` if there are none.
///
/// The master never holds back an offer that the core would use: it gets only what means the same
/// to both. Text predicates always hold for scalars and ranges there. It never gets a regular
/// expression: its RE2 interprets them differently and accepts only small ones, and it refuses a
/// framework with one that it does not accept. A pattern that matches a few texts becomes one group
/// of constraints for each; for any other pattern the agent must have the attribute.
pub fn constraints(roles: &[String], constraints: &[Constraint]) -> Option<OfferConstraints> {
    let mut groups = vec![Vec::new()];
    for constraint in constraints {
        let ways = ways(constraint);
        let ways =
            if groups.len() * ways.len() > MOST_GROUPS { vec![vec![exists()]] } else { ways };
        let with = |group: &Vec<AttributeConstraint>, way: &Vec<Predicate>| {
            let predicates = way.iter().map(|predicate| AttributeConstraint {
                selector: selector(&constraint.field),
                predicate: predicate.clone(),
            });
            group.iter().cloned().chain(predicates).collect::<Vec<_>>()
        };
        groups = groups.iter().flat_map(|group| ways.iter().map(|way| with(group, way))).collect();
    }
    // The master refuses a group without constraints.
    if groups.iter().any(Vec::is_empty) {
        return None;
    }
    let groups =
        groups.into_iter().map(|attribute_constraints| Group { attribute_constraints }).collect();
    let sent = RoleConstraints { groups };
    Some(OfferConstraints {
        role_constraints: roles.iter().map(|role| (role.clone(), sent.clone())).collect(),
    })
}

/// All resources that one worker needs. The master compares them with all that it could offer of an
/// agent, reserved or not.
pub(super) fn least(demand: &Demand) -> OfferFilters {
    let quantity = |name: &str| (name.to_owned(), value::Scalar { value: demand.total(name) });
    let quantities =
        vec![ResourceQuantities { quantities: demand.names().map(quantity).collect() }];
    OfferFilters { min_allocatable_resources: Some(MinAllocatableResources { quantities }) }
}

fn selector(field: &Field) -> Selector {
    let pseudo = |kind: PseudoattributeType| Selector {
        pseudoattribute_type: Some(kind.into()),
        ..Selector::default()
    };
    match field {
        Field::Hostname => pseudo(PseudoattributeType::Hostname),
        Field::Region => pseudo(PseudoattributeType::Region),
        Field::Zone => pseudo(PseudoattributeType::Zone),
        Field::Attribute(name) => {
            Selector { attribute_name: Some(name.to_string()), ..Selector::default() }
        }
    }
}

fn exists() -> Predicate {
    Predicate { exists: Some(predicate::Exists {}), ..Predicate::default() }
}

fn equals(text: &str) -> Predicate {
    let value = text.to_owned();
    Predicate { text_equals: Some(predicate::TextEquals { value }), ..Predicate::default() }
}

fn differs(text: &str) -> Predicate {
    let value = text.to_owned();
    Predicate { text_not_equals: Some(predicate::TextNotEquals { value }), ..Predicate::default() }
}

/// The ways to meet a constraint, as far as the master can check: all predicates of one of them
/// must hold.
fn ways(constraint: &Constraint) -> Vec<Vec<Predicate>> {
    match &constraint.operator {
        // A number may be written in many ways; the core compares exactly.
        Operator::Is(value) | Operator::Cluster(Some(value)) if value.parse::<f64>().is_ok() => {
            vec![vec![exists()]]
        }
        Operator::Is(value) | Operator::Cluster(Some(value)) => vec![vec![equals(value)]],
        Operator::Like(pattern) => match texts(pattern.as_str()) {
            Some(texts) => texts.iter().map(|text| vec![equals(text)]).collect(),
            None => vec![vec![exists()]],
        },
        Operator::Unlike(pattern) => {
            let texts = texts(pattern.as_str())
                .filter(|texts| texts.len() <= MOST_GROUPS)
                .unwrap_or_default();
            vec![texts.iter().map(|text| differs(text)).collect()]
        }
        Operator::Unique | Operator::GroupBy(_) | Operator::MaxPer(_) | Operator::Cluster(None) => {
            vec![vec![exists()]]
        }
    }
}

/// All texts that match an anchored pattern, if they are few and not empty.
fn texts(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix("^(?:")?.strip_suffix(")$")?;
    let parsed = regex_syntax::parse(inner).ok()?;
    if !parsed.properties().look_set().is_empty() {
        return None;
    }
    let found = Extractor::new().limit_total(MOST_GROUPS).extract(&parsed);
    let literals = found.literals().filter(|literals| !literals.is_empty())?;
    let text = |literal: &Literal| {
        let text = str::from_utf8(literal.as_bytes()).ok()?;
        // A scalar's text may differ from what the agent was configured with.
        (literal.is_exact() && !text.is_empty()).then(|| text.to_owned())
    };
    literals.iter().map(text).collect()
}
