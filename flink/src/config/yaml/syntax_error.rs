//! What makes a text no YAML, or none that Flink reads.

/// The error in a document, and the line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct SyntaxError {
    pub(in crate::config) line: usize,
    pub(in crate::config) reason: String,
}
