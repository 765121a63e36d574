#![allow(clippy::unwrap_used)]
use mesos::v1;
use proptest::prelude::*;
use scheduler::core::constraint::{Census, values};

use super::*;

/// The master's constraints for a role, one group per line.
fn groups_of(text: &str) -> Vec<String> {
    let sent = constraints(&["r".to_owned()], &Constraint::parse_list(text).unwrap());
    let groups =
        sent.map(|mut sent| sent.role_constraints.remove("r").unwrap().groups).unwrap_or_default();
    let one = |AttributeConstraint { selector, predicate }: &AttributeConstraint| {
        let what = selector.attribute_name.clone();
        let what =
            what.unwrap_or_else(|| selector.pseudoattribute_type().as_str_name().to_lowercase());
        let value = predicate.text_equals.as_ref().map(|equals| format!("{what}={}", equals.value));
        let other =
            predicate.text_not_equals.as_ref().map(|differs| format!("{what}!={}", differs.value));
        value.or(other).unwrap_or(what)
    };
    let line =
        |group: &Group| group.attribute_constraints.iter().map(one).collect::<Vec<_>>().join(" ");
    groups.iter().map(line).collect()
}

#[test]
fn constraints_on_fixed_values_of_agents_are_sent_to_the_master() {
    assert_eq!(
        groups_of("rack:IS:a,@zone:LIKE:z1|z2,hostname:UNIQUE"),
        ["rack=a zone=z1 hostname", "rack=a zone=z2 hostname"]
    );
    assert_eq!(
        groups_of("rack:LIKE:r-[1-3],os:CLUSTER:deb"),
        ["rack=r-1 os=deb", "rack=r-2 os=deb", "rack=r-3 os=deb"]
    );
    assert_eq!(groups_of("rack:UNLIKE:a|b"), ["rack!=a rack!=b"]);
}

#[test]
fn host_names_of_usual_length_are_sent_one_by_one_and_never_as_a_regular_expression() {
    let hosts = [1, 2, 3, 4].map(|n| format!(r"worker-0{n}\.eu-west\.example\.org"));
    let expected = [1, 2, 3, 4].map(|n| format!("hostname=worker-0{n}.eu-west.example.org"));
    assert_eq!(groups_of(&format!("hostname:LIKE:{}", hosts.join("|"))), expected);
    // A dot matches any letter; the core compares exactly.
    assert_eq!(
        groups_of("hostname:LIKE:worker-01.example.org|worker-02.example.org"),
        ["hostname"]
    );
}

#[test]
fn a_value_that_the_master_might_read_differently_only_has_to_exist() {
    for text in [
        "rack:IS:4",
        r"rack:LIKE:\p{Greek}+",
        "rack:LIKE:a.*",
        "rack:LIKE:a|",
        "rack:LIKE:(?i)a\\b",
        "rack:LIKE:[a-z]{3}",
    ] {
        assert_eq!(groups_of(text), ["rack"], "{text}");
    }
    let many: Vec<_> = (0..9).map(|n| format!("x{n}:LIKE:a|b")).collect();
    assert_eq!(groups_of(&many.join(",")).len(), MOST_GROUPS, "as many as are allowed");
}

#[test]
fn without_such_constraints_nothing_is_sent() {
    for nothing in ["", "rack:UNLIKE:a.*"] {
        assert!(
            constraints(&["r".to_owned()], &Constraint::parse_list(nothing).unwrap()).is_none()
        );
    }
}

/// What the real master was seen to do with a constraint of a group.
fn holds(constraint: &AttributeConstraint, offer: &v1::Offer) -> bool {
    let domain = offer.domain.as_ref().and_then(|domain| domain.fault_domain.as_ref());
    let AttributeConstraint { selector, predicate } = constraint;
    // The text, or `None` if it is not a text; the first of several attributes.
    let value: Option<Option<&str>> = match selector.attribute_name.as_deref() {
        Some(name) => {
            let first = offer.attributes.iter().find(|attribute| attribute.name == name);
            first.map(|attribute| attribute.text.as_ref().map(|text| text.value.as_str()))
        }
        None => match selector.pseudoattribute_type() {
            PseudoattributeType::Hostname => Some(Some(offer.hostname.as_str())),
            PseudoattributeType::Region => domain.map(|domain| Some(domain.region.name.as_str())),
            PseudoattributeType::Zone => domain.map(|domain| Some(domain.zone.name.as_str())),
            PseudoattributeType::Unknown => panic!("no selector"),
        },
    };
    if predicate.exists.is_some() {
        value.is_some()
    } else if let Some(equals) = &predicate.text_equals {
        value.is_some_and(|value| value.is_none_or(|text| text == equals.value))
    } else {
        let differs = predicate.text_not_equals.as_ref().unwrap();
        value.is_none_or(|value| value.is_none_or(|text| text != differs.value))
    }
}

fn attribute(name: &str, value: &str) -> v1::Attribute {
    let mut attribute = v1::Attribute { name: name.to_owned(), ..Default::default() };
    if let Some(ranges) = value.strip_prefix('[') {
        let (begin, end) = ranges.trim_end_matches(']').split_once('-').unwrap();
        let range = vec![value::Range { begin: begin.parse().unwrap(), end: end.parse().unwrap() }];
        attribute.ranges = Some(value::Ranges { range });
    } else if let Ok(scalar) = value.parse::<f64>() {
        attribute.scalar = Some(value::Scalar { value: scalar });
    } else {
        attribute.text = Some(value::Text { value: value.to_owned() });
    }
    attribute
}

fn some_value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a", "b", "ab", "a.b", "r1", "r2", "1", "1.10", "007", "1e3", "[1-3]", "A", "ä", "a|b",
        "0x10",
    ])
}

fn some_constraint() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["hostname", "@zone", "@region", "x", "y"]);
    let pattern = prop::sample::select(vec![
        "a",
        "a|b",
        "a|",
        "r[12]",
        "r[0-9]+",
        ".*",
        "a.b",
        r"a\.b",
        "(a|b)(|b)",
        "(?i)A",
        "1",
        r"1\.1",
        r"\[1-3\]",
        "ä|a",
        ".",
        "[^a]",
        "(r1|r2|a)",
        "1000|7",
        "a{2}",
        "a*b?",
        r"\ba\b",
        "$a",
    ]);
    let operator = prop_oneof![
        Just("UNIQUE".to_owned()),
        Just("CLUSTER".to_owned()),
        Just("GROUP_BY:2".to_owned()),
        Just("MAX_PER:1".to_owned()),
        some_value().prop_map(|value| format!("IS:{value}")),
        some_value().prop_map(|value| format!("CLUSTER:{value}")),
        pattern.clone().prop_map(|pattern| format!("LIKE:{pattern}")),
        pattern.prop_map(|pattern| format!("UNLIKE:{pattern}")),
    ];
    (field, operator).prop_map(|(field, operator)| format!("{field}:{operator}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]
    #[test]
    fn the_master_never_holds_back_an_offer_that_the_core_would_use(
        constraints in prop::collection::vec(some_constraint(), 1..4),
        hostname in some_value(), domain in prop::option::of((some_value(), some_value())),
        attributes in prop::collection::vec((prop::sample::select(vec!["x", "y"]), some_value()), 0..4),
    ) {
        let list: Vec<Constraint> = constraints.iter().map(|text| text.parse().unwrap()).collect();
        let named = |(region, zone): (&str, &str)| v1::DomainInfo {
            fault_domain: Some(v1::domain_info::FaultDomain {
                region: v1::domain_info::fault_domain::RegionInfo { name: region.to_owned() },
                zone: v1::domain_info::fault_domain::ZoneInfo { name: zone.to_owned() },
            }),
        };
        let offer = v1::Offer {
            hostname: hostname.to_owned(),
            domain: domain.map(named),
            attributes: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..Default::default()
        };
        let values = values(&offer, &list);
        let takes = |one: &Constraint| one.check(values.get(&one.field).map(|value| &**value), &Census::default()).is_ok();
        if list.iter().all(takes) && let Some(sent) = super::constraints(&["r".to_owned()], &list) {
            let groups = &sent.role_constraints["r"].groups;
            let passes = groups.iter().any(|group| group.attribute_constraints.iter().all(|one| holds(one, &offer)));
            prop_assert!(passes, "{constraints:?} keeps back {offer:?}");
            prop_assert!(groups.len() <= MOST_GROUPS && groups.iter().all(|group| !group.attribute_constraints.is_empty()));
        }
    }
}
