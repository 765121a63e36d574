//! `config.yaml`: real YAML, nested or flat, read with the types that Flink's parser
//! (snakeyaml-engine) gives values.

use std::rc::Rc;

use super::{Shape, secret};

mod comments;
mod document;
mod emit;
mod flow;
mod node;
mod scalar;
mod source;
mod syntax_error;
mod tabs;

pub(super) use document::{MOST_BYTES, MOST_VALUES};
use node::{Collection, Node, Pair};
use syntax_error::SyntaxError;

/// One key of a document after nested maps became dotted keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flat {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) shape: Shape,
    pub(super) line: usize,
}

/// All keys of a document in its order.
pub(super) fn read(text: &str) -> Result<Vec<Flat>, SyntaxError> {
    let mut flattened = Flattened::default();
    match document::parse(text)? {
        None | Some(Node::Null) => {}
        Some(Node::Map(map)) => flattened.add(&map.parts, "")?,
        Some(_) => {
            return Err(SyntaxError {
                line: 1,
                reason: "expected keys with values, like 'rest.port: 8081'".to_owned(),
            });
        }
    }
    Ok(flattened.entries)
}

#[derive(Default)]
struct Flattened {
    entries: Vec<Flat>,
    bytes: usize,
    /// Mappings, which aliases can bring again without holding a value.
    maps: usize,
}

impl Flattened {
    fn add(&mut self, map: &[Pair], prefix: &str) -> Result<(), SyntaxError> {
        for Pair { key, line, value } in map {
            let line = *line;
            let name = match key {
                Node::Text(text) => text,
                // Java makes this text of it.
                Node::Null => "null",
                _ => return Err(document::not_text(line)),
            };
            let key = format!("{prefix}{name}");
            self.bytes += key.len();
            let (value, shape) = match value {
                Node::Map(inner) => {
                    self.maps += 1;
                    self.check_size(line)?;
                    self.add(&inner.parts, &format!("{key}."))?;
                    continue;
                }
                Node::Null => {
                    let reason = format!("key '{}' has no value", secret::shown_key(&key));
                    return Err(SyntaxError { line, reason });
                }
                Node::Text(text) => (text.to_string(), Shape::Text),
                Node::Literal(text) => (text.clone(), Shape::Literal),
                Node::Recursion(_) => {
                    let key = secret::shown_key(&key);
                    let reason = format!("key '{key}' is a mapping inside itself");
                    return Err(SyntaxError { line, reason });
                }
                value @ (Node::Binary(_) | Node::Set(_)) => (emit::flow(value), Shape::Text),
                list @ Node::List(_) => (emit::flow(list), Shape::List),
            };
            self.bytes += value.len();
            self.check_size(line)?;
            self.entries.push(Flat { key, value, shape, line });
        }
        Ok(())
    }

    fn check_size(&self, line: usize) -> Result<(), SyntaxError> {
        let values = self.entries.len() + self.maps;
        let fits = values < document::MOST_VALUES && self.bytes <= document::MOST_BYTES;
        if fits { Ok(()) } else { Err(document::too_large(line)) }
    }
}

/// A line of a `config.yaml`.
pub(super) fn line(key: &str, value: &str, shape: Shape) -> String {
    let value = match shape {
        Shape::Text => emit::text(value, emit::Place::Block),
        Shape::Literal | Shape::List => value.to_owned(),
    };
    let key = emit::text(key, emit::Place::Key);
    // YAML looks for the colon of a key no further than this.
    if key.chars().count() > 1024 {
        format!("? {key}\n: {value}\n")
    } else {
        format!("{key}: {value}\n")
    }
}

/// The parts of a value that is a YAML sequence, as texts; `None` for anything else.
pub(super) fn list(value: &str) -> Option<Vec<String>> {
    let Ok(Some(Node::List(list))) = document::parse(value) else { return None };
    list.parts.iter().map(part).collect()
}

/// The pairs of a value that is a YAML mapping, as texts; `None` for anything else.
pub(super) fn map(value: &str) -> Option<Vec<(String, String)>> {
    let Ok(Some(Node::Map(map))) = document::parse(value) else { return None };
    map.parts.iter().map(|pair| Some((part(&pair.key)?, part(&pair.value)?))).collect()
}

/// The YAML sequence of these parts, in flow form.
pub(super) fn list_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts = parts.into_iter().map(|part| Node::Text(part.into())).collect();
    emit::flow(&Node::List(Collection { number: 0, levels: 1, parts: Rc::new(parts) }))
}

/// The YAML mapping of these pairs, in flow form.
pub(super) fn map_of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(key, value): (&str, &str)| Pair {
        key: Node::Text(key.into()),
        line: 0,
        value: Node::Text(value.into()),
    };
    let parts = pairs.into_iter().map(pair).collect();
    emit::flow(&Node::Map(Collection { number: 0, levels: 1, parts: Rc::new(parts) }))
}

fn part(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.to_string()),
        Node::Literal(text) => Some(text.clone()),
        Node::Null => None,
        other => Some(emit::flow(other)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn flat(text: &str) -> Vec<(String, String)> {
        read(text).unwrap().into_iter().map(|flat| (flat.key, flat.value)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nested_maps_become_dotted_keys_in_order() {
        let text =
            "rest:\n  port: 8081\n  bind-address: 0.0.0.0\ntaskmanager.host: h\na: {b: {c: d}}\n";
        let expected = [
            ("rest.port", "8081"),
            ("rest.bind-address", "0.0.0.0"),
            ("taskmanager.host", "h"),
            ("a.b.c", "d"),
        ];
        assert_eq!(flat(text), pairs(&expected));
    }

    #[test]
    fn numbers_and_booleans_become_the_text_that_java_gives_them() {
        let text =
            "[1, 017, +5, -0, 0x10, 1.10, 1e3, 1e7, 0.00001, TRUE, .inf, 1_000, 'x', 2020-01-01]";
        assert_eq!(
            flat(&format!("k: {text}"))[0].1,
            "[1, 17, 5, 0, 16, 1.1, 1000.0, 1.0E7, 1.0E-5, true, .inf, 1_000, x, 2020-01-01]"
        );
    }

    #[test]
    fn a_list_keeps_the_types_of_its_parts() {
        let text = "k:\n- a\n- b: c\n- '1'\n- 1\n- 'true'\n- 'a: b'\n- ''\n- it's\n- \"a\\nb\"\n- a,b\n- ' lead'\n";
        assert_eq!(
            flat(text)[0].1,
            r#"[a, {b: c}, '1', 1, 'true', 'a: b', '', it's, "a\nb", 'a,b', ' lead']"#
        );
    }

    #[test]
    fn a_key_of_any_length_is_read_back() {
        for length in [1023, 1024, 1025, 5000] {
            let key = "k".repeat(length);
            assert_eq!(flat(&line(&key, "v", Shape::Text)), pairs(&[(&key, "v")]), "{length}");
        }
    }

    #[test]
    fn what_flink_refuses_is_refused_with_its_line() {
        for (text, line, reason) in [
            ("a: 1\na: 2\n", 2, "duplicate key 'a'"),
            ("a: 1\nb:\n", 2, "key 'b' has no value"),
            ("a: 1\n1: b\n", 2, "must be text"),
            ("a:\n  - b\n c: d\n", 3, ""),
            ("a: 1\n---\nb: 2\n", 2, "one document"),
            ("a: !foo b\n", 1, "tag"),
            ("a: *x\n", 1, "anchor"),
            ("- a\n", 1, "keys with values"),
            ("a: [1\n", 1, "unclosed"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.line == line && error.reason.contains(reason), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn no_error_shows_a_value_of_a_secret_whatever_yaml_makes_of_it() {
        for value in [
            "{hush}",
            "{hush: }",
            "{hush, hush}",
            "{hush: {hush, hush}}",
            "{hush: a, hush: b}",
            "[{hush: {hush, hush}}, {? {hush}}]",
            "[hush",
            "{a: [hush}",
            "*hush",
            "!hush x",
            "!hush [x]",
            "!hush {x: y}",
            "!!hush [x]",
            "!!hush {x: y}",
            "!!int hush",
            "!!float hush",
            "!!binary '*hush*'",
            "&x {hush: *x}",
            "\n  hush",
            "\n  hush:",
            "\n  hush: a\n  hush: b",
            "\n  - hush: a\n    hush: b",
            "\n  ? hush",
            "\n  ? [hush]\n  : x",
            "\n  ? {hush: hush, hush: x}\n  : x",
            "hush: x",
            "\"hush",
            "'hush'hush",
            "%hush",
            "@hush",
            "hush\nhush",
            "hush\n\thush: x",
        ] {
            for text in [
                format!("a: b\nmy.password: {value}\n"),
                format!("my:\n  password: {}\n", value.replace('\n', "\n  ")),
                format!("a: [{{password: {value}}}]\n"),
            ] {
                let Err(error) = read(&text) else { continue };
                assert!(!error.reason.contains("hush"), "{text:?}: {error:?}");
            }
        }
        for text in ["my.password:hush\na: b\n", "? my.password:hush\n", "{my.password:hush}"] {
            let reason = read(text).unwrap_err().reason;
            assert!(!reason.contains("hush"), "{text:?}: {reason}");
        }
        let error = read("my.password: {hush}\n").unwrap_err().reason;
        assert_eq!(error, "key 'my.password.******' has no value");
        let error = read("my.password: {hush, hush}\n").unwrap_err().reason;
        assert_eq!(error, "duplicate key 'my.password.******'");
    }

    #[test]
    fn an_alias_stands_for_its_anchor_but_not_without_bounds() {
        assert_eq!(flat("a: &x [1, 2]\nb: *x\n"), pairs(&[("a", "[1, 2]"), ("b", "[1, 2]")]));
        let mut bomb = "k0: &k0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let alias = format!("*k{}, ", i - 1).repeat(10);
            bomb = format!("{bomb}k{i}: &k{i} [{alias}]\n");
        }
        assert!(read(&bomb).unwrap_err().reason.contains("too large"));
    }

    /// What is read, or the line of the mistake.
    fn outcome(tree: Result<Option<Node>, SyntaxError>) -> Result<String, usize> {
        tree.map(|node| format!("{node:?}")).map_err(|error| error.line)
    }

    proptest! {
        #[test]
        fn comments_mean_nothing_wherever_they_are(pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a: b\n", "c:\n", "  d: e\n", "- f\n", "  - g", "\n", "#h\n", "# i: 'j\n", "  # k\n",
                "[l,\n", "m]\n", "{n: o,\n", "}\n", "? p\n", ": q\n", "r s\n", "t: |\n", "u: 'v\n",
                "---\n", "&w x\n", "# \u{feff}\n", "\u{feff}", "\t", "# \t\n", "\r", "%y\n", "# z",
            ]), 0..10,
        )) {
            let text = pieces.concat();
            let whole = outcome(document::parse_with_comments(&text));
            prop_assert_eq!(outcome(document::parse(&text)), whole, "{:?}", text);
        }

        #[test]
        fn a_written_value_is_read_back(key in "[a-z#:' .-]{0,6}[a-z]", value: String) {
            let text = line(&key, &value, Shape::Text);
            let read = read(&text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
            prop_assert_eq!((&read[0].key, &read[0].value, read[0].shape), (&key, &value, Shape::Text));
        }

        #[test]
        fn a_list_is_read_back_from_its_flow_form(parts: Vec<String>) {
            let flow = list_of(parts.iter().map(String::as_str));
            prop_assert_eq!(list(&flow).unwrap(), parts, "{}", flow);
        }

        #[test]
        fn no_text_makes_it_panic(text: String, yaml in "[a:\\[\\]{}&*!#'\"|> \n-]{0,24}") {
            drop((read(&text), read(&yaml)));
        }
    }
}
