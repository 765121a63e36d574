//! The types of scalars: YAML 1.2's core schema, as snakeyaml-engine reads it, with the texts that Java prints.

use super::Node;
use crate::java_number;

/// The value of a scalar; `plain` when it stands without quotes.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Node, String> {
    let kind = match tag {
        None if !plain => return Ok(Node::Text(text.to_owned())),
        None => return Ok(core(text)),
        Some(tag) => tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!")).unwrap_or(tag),
    };
    let node = core(text);
    match (kind, &node) {
        ("str" | "!", _) => Ok(Node::Text(text.to_owned())),
        ("null", Node::Null) | ("int" | "float" | "bool", Node::Literal(_)) => Ok(node),
        ("null" | "int" | "float" | "bool", _) => {
            Err(format!("'{text}' is not of the type that its tag !!{kind} says"))
        }
        _ => Err(format!("unknown tag {kind}")),
    }
}

/// Would a plain scalar of this text be read as this very text?
pub(super) fn is_text(text: &str) -> bool {
    matches!(core(text), Node::Text(_))
}

fn core(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Literal("true".to_owned()),
        "false" | "False" | "FALSE" => return Node::Literal("false".to_owned()),
        ".nan" | ".NaN" | ".NAN" => return Node::Literal(".nan".to_owned()),
        _ => {}
    }
    match integer(text).or_else(|| float(text)) {
        Some(literal) => Node::Literal(literal),
        None => Node::Text(text.to_owned()),
    }
}

fn integer(text: &str) -> Option<String> {
    let radix = |digits: &str, radix| u128::from_str_radix(digits, radix).ok().map(|number| number.to_string());
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+')) {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o").filter(|digits| !digits.starts_with('+')) {
        return radix(digits, 8);
    }
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.trim_start_matches('0') {
        "" => Some("0".to_owned()),
        significant => Some(format!("{minus}{significant}")),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` or an infinity.
fn float(text: &str) -> Option<String> {
    let (minus, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(format!("{minus}.inf"));
    }
    let well_formed = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = well_formed.then(|| unsigned.parse().ok())??;
    let number = if minus.is_empty() { number } else { -number };
    if number.is_infinite() { Some(format!("{minus}.inf")) } else { Some(java_number::to_text(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_the_type() {
        assert_eq!(resolve("5", true, Some("tag:yaml.org,2002:str")), Ok(Node::Text("5".to_owned())));
        assert_eq!(resolve("5", false, Some("tag:yaml.org,2002:int")), Ok(Node::Literal("5".to_owned())));
        assert!(resolve("x", true, Some("tag:yaml.org,2002:int")).is_err());
    }
}
