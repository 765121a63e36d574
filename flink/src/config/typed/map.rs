//! Flink's maps: a YAML mapping, or pairs with colons between commas.

use std::collections::HashSet;

use super::super::yaml;
use super::list::split;

/// What a map looks like, for messages.
pub(super) const FORM: &str = "a map such as key1:value1,key2:value2";

/// Pairs in their order; `None` when one is no pair, a key is there twice, or quotes do not pair
/// up. Without `yaml` they only stand between commas.
pub(super) fn parse_map(text: &str, yaml: bool) -> Option<Vec<(String, String)>> {
    if let Some(pairs) = if yaml { yaml::map(text) } else { None } {
        return Some(pairs);
    }
    let (mut pairs, mut known) = (Vec::new(), HashSet::new());
    for pair in split(text, ',')? {
        let [key, value]: [String; 2] = split(&pair, ':')?.try_into().ok()?;
        if !known.insert(key.clone()) {
            return None;
        }
        pairs.push((key, value));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Option<String> {
        let pairs = parse_map(text, true)?;
        Some(
            pairs
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    #[test]
    fn pairs_stand_between_commas_or_in_a_yaml_mapping() {
        for text in ["a:b,c:d", " a:b,c:d ", "{a: b, c: d}", "{'a': \"b\", c: d}", "'a:b',c:d"] {
            assert_eq!(pairs(text).as_deref(), Some("a=b c=d"), "{text}");
        }
        assert_eq!(pairs("").as_deref(), Some(""));
        assert_eq!(pairs("{1: true, x: [y, z]}").as_deref(), Some("1=true x=[y, z]"));
    }

    #[test]
    fn without_yaml_braces_are_letters() {
        assert_eq!(parse_map("{a: b}", false).unwrap(), [("{a".to_owned(), "b}".to_owned())]);
        assert_eq!(parse_map("{}", false), None);
    }

    #[test]
    fn what_is_no_pair_or_there_twice_is_refused() {
        for text in ["a", "a:b:c", "a:b,c", "a:b,a:c", "'a", "[a]"] {
            assert_eq!(pairs(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, quotes in "[a:,'\" {}]{0,12}") {
            drop((parse_map(&text, true), parse_map(&quotes, true)));
        }
    }
}
