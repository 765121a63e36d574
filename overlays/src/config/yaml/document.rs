//! From YAML text to a tree, with the line of every key.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{SyntaxError, scalar};

/// More values than any configuration has; aliases count with all that they stand for.
const MOST_NODES: usize = 100_000;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) enum Node {
    /// No value, or `null`.
    Null,
    /// A number or boolean, as the text that Java prints for it.
    Literal(String),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the file's order.
    Map(Vec<Pair>),
}

/// A key, its line, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct Pair {
    pub(super) key: Key,
    pub(super) line: usize,
    pub(super) value: Node,
}

/// A key of a mapping: Flink wants text at the file's levels and takes numbers and booleans inside a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct Key {
    pub(super) text: String,
    pub(super) is_literal: bool,
}

/// A collection whose end has not come yet.
enum Open {
    List { anchor: usize, nodes: Vec<Node> },
    Map { anchor: usize, pairs: Vec<Pair>, key: Option<(Key, usize)> },
}

/// The only document of a text; `None` when there is none.
pub(super) fn parse(text: &str) -> Result<Option<Node>, SyntaxError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| SyntaxError { line: error.marker().line(), reason: error.kind().to_string() })?;
        builder.take(event, span)?;
    }
    Ok(builder.root)
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let line = span.start.line();
        let refused = |reason: String| Err(SyntaxError { line, reason });
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return refused("expected one document, found another '---'".to_owned());
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.to_string());
                match scalar::resolve(&text, style == ScalarStyle::Plain, tag.as_deref()) {
                    Ok(node) => self.add(node, anchor, line),
                    Err(reason) => refused(reason),
                }
            }
            Event::SequenceStart(_, anchor, _) => self.open(Open::List { anchor, nodes: Vec::new() }, line),
            Event::MappingStart(_, anchor, _) => self.open(Open::Map { anchor, pairs: Vec::new(), key: None }, line),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { anchor, nodes }) => self.add(Node::List(nodes), anchor, line),
                Some(Open::Map { anchor, pairs, .. }) => self.add(Node::Map(pairs), anchor, line),
                None => refused("unexpected end of a collection".to_owned()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.add(node, 0, line),
                None => refused("an alias stands inside what it is an alias of".to_owned()),
            },
            _ => Ok(()),
        }
    }

    fn open(&mut self, collection: Open, line: usize) -> Result<(), SyntaxError> {
        if matches!(self.open.last(), Some(Open::Map { key: None, .. })) {
            return Err(not_text(line));
        }
        self.open.push(collection);
        Ok(())
    }

    /// Puts a whole node where it belongs: as the next key, value, part of a list, or the root.
    fn add(&mut self, node: Node, anchor: usize, line: usize) -> Result<(), SyntaxError> {
        self.nodes += count(&node);
        if self.nodes > MOST_NODES {
            return Err(SyntaxError { line, reason: format!("too large: more than {MOST_NODES} values") });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Map { pairs, key, .. }) => {
                if let Some((key, line)) = key.take() {
                    pairs.push(Pair { key, line, value: node });
                } else {
                    *key = Some((new_key(node, pairs, line)?, line));
                }
            }
        }
        Ok(())
    }
}

fn new_key(node: Node, pairs: &[Pair], line: usize) -> Result<Key, SyntaxError> {
    let key = match node {
        Node::Text(text) => Key { text, is_literal: false },
        Node::Literal(text) => Key { text, is_literal: true },
        Node::Null | Node::List(_) | Node::Map(_) => return Err(not_text(line)),
    };
    if pairs.iter().any(|pair| pair.key == key) {
        return Err(SyntaxError { line, reason: format!("duplicate key '{}'", key.text) });
    }
    Ok(key)
}

/// A key that is no text where it must be.
pub(super) fn not_text(line: usize) -> SyntaxError {
    SyntaxError { line, reason: "a key must be text: put quotes around it".to_owned() }
}

/// How many values a node adds that were not counted while it was built.
fn count(node: &Node) -> usize {
    match node {
        Node::Null | Node::Literal(_) | Node::Text(_) => 1,
        Node::List(nodes) => 1 + nodes.iter().map(count).sum::<usize>(),
        Node::Map(pairs) => 1 + pairs.iter().map(|pair| count(&pair.value)).sum::<usize>(),
    }
}
