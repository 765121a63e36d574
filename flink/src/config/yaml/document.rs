//! From YAML text to a tree, with the line of every key.
//!
//! Collections that an alias brings again are shared, not copied: what they hold counts once here,
//! and once for each place where it is written out (`super::flatten`).

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Collection, Node, Pair};
use super::syntax_error::SyntaxError;
use super::{comments, emit, scalar, source, tabs};
use crate::config::secret;

/// More values than any configuration has.
pub(in crate::config) const MOST_VALUES: usize = 100_000;
/// More text than any configuration has, in bytes; the texts that aliases stand for count each
/// time.
pub(in crate::config) const MOST_BYTES: usize = 16 << 20;
/// Deeper than any configuration goes: Flink's parser has no bound, but a stack.
const MOST_LEVELS: usize = 1000;
/// Flink's own bound on aliases for sequences and mappings.
const MOST_ALIASES: usize = 50;

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    number: usize,
    /// The most levels of those that are in it.
    levels: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map { is_set: bool, pairs: Vec<Pair>, key: Option<(Node, usize)>, known: HashSet<Identity> },
}

/// The only document of a text; `None` when there is none.
pub(super) fn parse(text: &str) -> Result<Option<Node>, SyntaxError> {
    source::refuse_unprintable(text)?;
    parse_with_comments(&comments::emptied(text))
}

/// The same, whatever is in the comments.
pub(super) fn parse_with_comments(text: &str) -> Result<Option<Node>, SyntaxError> {
    let mut builder = Builder::default();
    let mut source = source::Source::new(text);
    let mut tabs = tabs::Tabs::new(text);
    let options = granit_parser::options! {
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: true,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| SyntaxError {
            line: error.marker().line(),
            reason: error.kind().to_string(),
        })?;
        tabs.check(&event, span)?;
        source.check(&event, span, builder.expects_key())?;
        builder.take(source.with_mark(event, span), span)?;
    }
    tabs.check_rest()?;
    Ok(builder.root)
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    values: usize,
    bytes: usize,
    aliases: usize,
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
            Event::SequenceStart(_, anchor, tag) => {
                let tag = tag.map(|tag| tag.to_string());
                match scalar::kind(tag.as_deref()) {
                    None | Some("seq" | "!") => self.open(anchor, Parts::List(Vec::new()), line),
                    Some(kind) => refused(wrong_tag("sequence", kind)),
                }
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = tag.map(|tag| tag.to_string());
                let is_set = match scalar::kind(tag.as_deref()) {
                    None | Some("map" | "!") => false,
                    Some("set") => true,
                    Some(kind) => return refused(wrong_tag("mapping", kind)),
                };
                let parts =
                    Parts::Map { is_set, pairs: Vec::new(), key: None, known: HashSet::new() };
                self.open(anchor, parts, line)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.close(open, line),
                None => refused("unexpected end of a collection".to_owned()),
            },
            Event::Alias(anchor) => self.alias(anchor, line),
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { parts: Parts::Map { key: None, .. }, .. }))
    }

    fn open(&mut self, anchor: usize, parts: Parts, line: usize) -> Result<(), SyntaxError> {
        self.count(0, line)?;
        self.open.push(Open { anchor, number: self.values, levels: 0, parts });
        Ok(())
    }

    fn close(&mut self, open: Open, line: usize) -> Result<(), SyntaxError> {
        let (number, levels) = (open.number, open.levels + 1);
        if levels > MOST_LEVELS {
            let reason = format!(
                "too deep: more than {MOST_LEVELS} sequences and mappings inside of each other"
            );
            return Err(SyntaxError { line, reason });
        }
        let node = match open.parts {
            Parts::List(nodes) => Node::List(Collection { number, levels, parts: Rc::new(nodes) }),
            Parts::Map { is_set, pairs, .. } => {
                let pairs = Collection { number, levels, parts: Rc::new(pairs) };
                if is_set { Node::Set(pairs) } else { Node::Map(pairs) }
            }
        };
        self.add(node, open.anchor, line)
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), SyntaxError> {
        let is_key = self.expects_key();
        let node = match self.open.iter().find(|open| open.anchor == anchor) {
            Some(open) => Node::Recursion(open.number),
            None => self.anchors.get(&anchor).cloned().unwrap_or(Node::Null),
        };
        if matches!(node, Node::List(_) | Node::Map(_) | Node::Set(_) | Node::Recursion(_)) {
            self.aliases += 1;
            if self.aliases > MOST_ALIASES {
                let reason =
                    format!("too large: more than {MOST_ALIASES} aliases of sequences or mappings");
                return Err(SyntaxError { line, reason });
            }
            // Flink can read it, and prints it so that it cannot read it again.
            if is_key {
                return Err(SyntaxError {
                    line,
                    reason: "an alias of a sequence or mapping cannot be a key".to_owned(),
                });
            }
        }
        self.add(node, 0, line)
    }

    fn count(&mut self, bytes: usize, line: usize) -> Result<(), SyntaxError> {
        self.values += 1;
        self.bytes += bytes;
        if self.values > MOST_VALUES || self.bytes > MOST_BYTES {
            return Err(too_large(line));
        }
        Ok(())
    }

    /// Puts a whole node where it belongs: as the next key, value, part of a list, or the root.
    fn add(&mut self, node: Node, anchor: usize, line: usize) -> Result<(), SyntaxError> {
        self.count(if let Node::Text(text) = &node { text.len() } else { 0 }, line)?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if let Some(open) = self.open.last_mut() {
            open.levels = open.levels.max(node.levels());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(node),
            Some(Parts::List(nodes)) => nodes.push(node),
            Some(Parts::Map { pairs, key, known, .. }) => {
                if let Some((key, line)) = key.take() {
                    pairs.push(Pair { key, line, value: node });
                } else {
                    if !known.insert(Identity::of(&node)) {
                        let key = self.path(&node);
                        let reason = format!("duplicate key '{}'", secret::shown_key(&key));
                        return Err(SyntaxError { line, reason });
                    }
                    *key = Some((node, line));
                }
            }
        }
        Ok(())
    }
}

impl Builder {
    /// A key with those above it.
    fn path(&self, last: &Node) -> String {
        let above = self.open.iter().filter_map(|open| match &open.parts {
            Parts::Map { key: Some((key, _)), .. } => Some(key),
            _ => None,
        });
        above.chain([last]).map(emit::shown).collect::<Vec<_>>().join(".")
    }
}

/// The same for keys that are the same to Java.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Text(Rc<str>),
    /// The flow form of anything else.
    Other(String),
}

impl Identity {
    fn of(key: &Node) -> Self {
        match key {
            Node::Text(text) => Self::Text(Rc::clone(text)),
            other => Self::Other(emit::flow(other)),
        }
    }
}

/// A tag that such a collection cannot have. One that is not YAML's own is not shown: it may be a
/// password.
fn wrong_tag(what: &str, kind: &str) -> String {
    if scalar::KINDS.contains(&kind) {
        format!("a {what} cannot have the tag !!{kind}")
    } else {
        scalar::UNKNOWN_TAG.to_owned()
    }
}

/// More than any configuration holds.
pub(super) fn too_large(line: usize) -> SyntaxError {
    let reason =
        format!("too large: more than {MOST_VALUES} values or {} MB of text", MOST_BYTES >> 20);
    SyntaxError { line, reason }
}

/// A key that is no text where it must be.
pub(super) fn not_text(line: usize) -> SyntaxError {
    SyntaxError { line, reason: "a key must be text: put quotes around it".to_owned() }
}
