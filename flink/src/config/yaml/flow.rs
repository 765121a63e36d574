//! A value in flow form, letter by letter as Flink's parser (snakeyaml-engine) prints it: what
//! Flink's own options see of a list in `config.yaml`.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::node::{Node, Pair};
use super::scalar;

/// A key of this many characters or more, its tag included, is not a simple one.
const LONGEST_SIMPLE_KEY: usize = 128;
/// A line longer than this breaks before the value of a key that is not simple.
const BEST_WIDTH: usize = 80;
const INDENT: usize = 2;
/// What ends a line in Flink's parser, more or less.
const BREAKS: [char; 4] = ['\n', '\u{85}', '\u{2028}', '\u{2029}'];

/// The text of a node.
pub(super) fn flow(node: &Node) -> String {
    let mut writer = Writer { anchors: anchors(node), whitespace: true, ..Writer::default() };
    match node {
        // Only bytes that are not inside of anything have a block of their own.
        Node::Binary(base64) if !base64.is_empty() => format!("!!binary |-\n  {base64}"),
        node => {
            writer.node(node, 1);
            writer.text
        }
    }
}

/// The collections that are there more than once, by number, with the number of their anchor in the
/// order in which they come again.
fn anchors(root: &Node) -> HashMap<usize, Anchor> {
    fn visit(node: &Node, seen: &mut HashMap<usize, Anchor>, next: &mut usize) {
        let number = match node {
            Node::List(list) => list.number,
            Node::Map(pairs) | Node::Set(pairs) => pairs.number,
            Node::Recursion(number) => *number,
            _ => return,
        };
        if let Some(anchor) = seen.get_mut(&number) {
            if anchor.number.is_none() {
                *next += 1;
                anchor.number = Some(*next);
            }
            return;
        }
        seen.insert(number, Anchor::default());
        match node {
            Node::List(list) => list.parts.iter().for_each(|node| visit(node, seen, next)),
            Node::Map(pairs) => pairs.parts.iter().for_each(|pair| {
                visit(&pair.key, seen, next);
                visit(&pair.value, seen, next);
            }),
            Node::Set(pairs) => pairs.parts.iter().for_each(|pair| visit(&pair.key, seen, next)),
            _ => {}
        }
    }
    let mut seen = HashMap::new();
    visit(root, &mut seen, &mut 0);
    seen.retain(|_, anchor| anchor.number.is_some());
    seen
}

/// The name of a collection that comes again.
#[derive(Debug, Default)]
struct Anchor {
    number: Option<usize>,
    is_written: bool,
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Of the line that is being written, in the units in which Java counts characters.
    column: usize,
    /// Was a blank or an opening bracket written last?
    whitespace: bool,
    anchors: HashMap<usize, Anchor>,
}

impl Writer {
    /// Writes a node that is inside of this many collections, itself included.
    fn node(&mut self, node: &Node, level: usize) {
        match node {
            Node::Null => self.token("null"),
            Node::Literal(literal) => self.token(literal),
            Node::Text(text) => self.token(&scalar_text(text)),
            Node::Binary(base64) => {
                self.token("!!binary");
                self.token(&format!("\"{base64}\""));
            }
            Node::Recursion(number) => drop(self.anchor(*number)),
            Node::List(list) => {
                if self.anchor(list.number) {
                    self.list(&list.parts, level);
                }
            }
            Node::Map(pairs) => {
                if self.anchor(pairs.number) {
                    self.map(&pairs.parts, false, level);
                }
            }
            Node::Set(pairs) => {
                if self.anchor(pairs.number) {
                    self.token("!!set");
                    self.map(&pairs.parts, true, level);
                }
            }
        }
    }

    fn list(&mut self, nodes: &[Node], level: usize) {
        self.token("[");
        self.whitespace = true;
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.put(",");
            }
            self.node(node, level + 1);
        }
        self.put("]");
    }

    fn map(&mut self, pairs: &[Pair], is_set: bool, level: usize) {
        self.token("{");
        self.whitespace = true;
        for (index, Pair { key, value, .. }) in pairs.iter().enumerate() {
            if index > 0 {
                self.put(",");
            }
            if is_simple(key) {
                self.node(key, level + 1);
                self.put(":");
            } else {
                self.token("?");
                self.node(key, level + 1);
                if self.column > BEST_WIDTH {
                    self.line_break(level * INDENT);
                }
                self.token(":");
            }
            self.node(if is_set { &Node::Null } else { value }, level + 1);
        }
        self.put("}");
    }

    /// Writes `&id001` and is true, or `*id001` and is false where the collection was written
    /// before.
    fn anchor(&mut self, number: usize) -> bool {
        let Some(anchor) = self.anchors.get_mut(&number) else { return true };
        let is_first = !anchor.is_written;
        anchor.is_written = true;
        let sign = if is_first { '&' } else { '*' };
        let name = format!("{sign}id{:03}", anchor.number.unwrap_or_default());
        self.token(&name);
        is_first
    }

    /// Writes a text with a blank before it unless there is one.
    fn token(&mut self, text: &str) {
        if !self.whitespace {
            self.put(" ");
        }
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += java_length(text);
        self.whitespace = text == " ";
    }

    fn line_break(&mut self, indent: usize) {
        // Writing to a text cannot fail.
        write!(self.text, "\n{:indent$}", "").ok();
        self.column = indent;
        self.whitespace = true;
    }
}

/// Can this key stand before its colon without a question mark?
fn is_simple(key: &Node) -> bool {
    match key {
        Node::Text(text) => {
            !text.is_empty()
                && !text.contains('\n')
                && java_length(text) + "!!str".len() < LONGEST_SIMPLE_KEY
        }
        Node::Literal(literal) => literal.len() + literal_tag(literal).len() < LONGEST_SIMPLE_KEY,
        Node::Binary(base64) => {
            !base64.is_empty() && base64.len() + "!!binary".len() < LONGEST_SIMPLE_KEY
        }
        Node::List(list) => list.parts.is_empty(),
        Node::Map(pairs) | Node::Set(pairs) => pairs.parts.is_empty(),
        Node::Null | Node::Recursion(_) => true,
    }
}

fn java_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

fn literal_tag(literal: &str) -> &'static str {
    match literal {
        "true" | "false" => "!!bool",
        _ if literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => "!!int",
        _ => "!!float",
    }
}

/// A text inside of a collection: plain where that is safe, else in single quotes, else in double
/// quotes with escapes.
fn scalar_text(text: &str) -> String {
    if text.contains(BREAKS) || text.chars().any(is_special) {
        double_quoted(text)
    } else if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_special(c: char) -> bool {
    !matches!(c, ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

fn is_plain(text: &str) -> bool {
    let mut before = ' ';
    !text.is_empty()
        && !text.starts_with([' ', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`'])
        && !text.ends_with(' ')
        && !text.starts_with("---")
        && !text.starts_with("...")
        && text != "-"
        && !text.starts_with("- ")
        && !text.contains([',', '?', ':', '[', ']', '{', '}'])
        && !text.chars().any(|c| std::mem::replace(&mut before, c) == ' ' && c == '#')
        && scalar::is_text(text)
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0' => quoted.push_str("\\0"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{1b}' => quoted.push_str("\\e"),
            '\u{85}' => quoted.push_str("\\N"),
            '\u{a0}' => quoted.push_str("\\_"),
            '\u{2028}' => quoted.push_str("\\L"),
            '\u{2029}' => quoted.push_str("\\P"),
            c if !is_special(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                if code <= 0xff {
                    write!(quoted, "\\x{code:02x}")
                } else {
                    write!(quoted, "\\u{code:04x}")
                }
                .ok();
            }
        }
    }
    quoted.push('"');
    quoted
}
