//! Values as YAML text, with quotes only where a reader would see something else without them.

use super::node::Node;
use super::scalar;

pub(super) use super::flow::flow;

/// Where a text stands: what may stand plain there differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of a key on a line of its own.
    Block,
    /// A key.
    Key,
}

/// A key as messages show it.
pub(super) fn shown(node: &Node) -> String {
    if let Node::Text(text) = node { text.to_string() } else { flow(node) }
}

/// A text: plain where that is safe, else in single quotes, else in double quotes with escapes.
pub(super) fn text(value: &str, place: Place) -> String {
    if value.chars().any(needs_escape) {
        return double_quoted(value);
    }
    if is_plain(value, place) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

/// Line breaks, controls, and what not every reader takes raw.
fn needs_escape(c: char) -> bool {
    let separator = matches!(c, '\u{2028}' | '\u{2029}');
    let byte_order_mark = c == '\u{feff}';
    let no_character = matches!(c, '\u{fffe}' | '\u{ffff}');
    c.is_control() || separator || byte_order_mark || no_character
}

fn is_plain(value: &str, place: Place) -> bool {
    let Some(first) = value.chars().next() else { return false };
    let only_one_or_blank_follows =
        value[first.len_utf8()..].chars().next().is_none_or(|c| c == ' ');
    let is_indicator = "#,[]{}&*!|>'\"%@`".contains(first)
        || (first == '-' && only_one_or_blank_follows)
        || ("?:".contains(first) && (place != Place::Block || only_one_or_blank_follows));
    !is_indicator
        && scalar::is_text(value)
        && !value.starts_with(' ')
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.starts_with("---")
        && !value.starts_with("...")
}

fn double_quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if !needs_escape(c) => quoted.push(c),
            // Everything that needs an escape is inside the first plane.
            c => quoted.extend(format!("\\u{:04x}", u32::from(c)).chars()),
        }
    }
    quoted.push('"');
    quoted
}
