//! The tree that a document becomes.

use std::rc::Rc;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// No value, or `null`.
    Null,
    /// A number or boolean, as the text that Java prints for it.
    Literal(String),
    /// Text.
    Text(Rc<str>),
    /// Bytes (`!!binary`), in base64.
    Binary(String),
    /// A sequence.
    List(Collection<Node>),
    /// A mapping in the file's order.
    Map(Collection<Pair>),
    /// A mapping of which only the keys count (`!!set`).
    Set(Collection<Pair>),
    /// The collection of this number, inside itself.
    Recursion(usize),
}

/// What a sequence or mapping holds. The number is the same wherever an alias brings it again.
#[derive(Debug, Clone)]
pub(super) struct Collection<T> {
    pub(super) number: usize,
    /// How many collections are inside of each other here, aliases looked through.
    pub(super) levels: usize,
    pub(super) parts: Rc<Vec<T>>,
}

impl Node {
    pub(super) fn levels(&self) -> usize {
        match self {
            Self::List(list) => list.levels,
            Self::Map(pairs) | Self::Set(pairs) => pairs.levels,
            _ => 0,
        }
    }
}

/// A key, its line, and its value. Flink wants text as keys at the file's levels and takes anything
/// inside a value.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Node,
    pub(super) line: usize,
    pub(super) value: Node,
}
