//! The types of scalars: YAML 1.2's core schema, as snakeyaml-engine reads it, with the texts that
//! Java prints.

use super::node::Node;
use crate::java_number;

/// The type that a tag names, without what all of YAML's own have before it; `None` without a tag.
pub(super) fn kind(tag: Option<&str>) -> Option<&str> {
    tag.map(|tag| {
        tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!")).unwrap_or(tag)
    })
}

/// The types that tags of YAML itself name.
pub(super) const KINDS: [&str; 10] =
    ["str", "null", "bool", "int", "float", "binary", "seq", "map", "set", "!"];

/// It is not shown: a password without quotes may begin with `!`.
pub(super) const UNKNOWN_TAG: &str = "unknown tag: a text that begins with '!' needs quotes";

/// The value of a scalar; `plain` when it stands without quotes. No error shows it.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Node, String> {
    let wrong = |kind: &str| format!("the value is not of the type that the tag !!{kind} says");
    let literal =
        |kind: &str, literal: Option<String>| literal.map(Node::Literal).ok_or_else(|| wrong(kind));
    match kind(tag) {
        None if !plain => Ok(Node::Text(text.into())),
        None if is_unreadable(text) => Err(format!("Flink cannot read {text}: write .inf")),
        None => Ok(core(text)),
        Some("str" | "!") => Ok(Node::Text(text.into())),
        Some("null") => Ok(Node::Null),
        Some("bool") => match text.to_ascii_lowercase().as_str() {
            known @ ("true" | "false") => Ok(Node::Literal(known.to_owned())),
            _ => Ok(Node::Null),
        },
        Some("int") => literal("int", tagged_integer(text)),
        Some("float") => literal("float", tagged_float(text)),
        Some("binary") => base64(text).map(Node::Binary).ok_or_else(|| wrong("binary")),
        Some(_) => Err(UNKNOWN_TAG.to_owned()),
    }
}

/// What Flink's parser takes for a number and then cannot read as one.
fn is_unreadable(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|unsigned| matches!(unsigned, ".inf" | ".Inf" | ".INF"))
}

/// `!!int`: unlike without a tag, a sign may stand before `0x` and `0o`.
fn tagged_integer(text: &str) -> Option<String> {
    let (minus, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let number = integer(unsigned).filter(|_| !unsigned.starts_with(['+', '-']))?;
    Some(if number == "0" { number } else { format!("{minus}{number}") })
}

/// `!!float`: also a whole number, and what else Java reads as a number.
fn tagged_float(text: &str) -> Option<String> {
    match text.to_lowercase().as_str() {
        ".nan" => Some(".nan".to_owned()),
        ".inf" => Some(".inf".to_owned()),
        "-.inf" => Some("-.inf".to_owned()),
        _ => {
            let number = java_number::parse(&text.to_lowercase())?;
            Some(float_text(number))
        }
    }
}

fn float_text(number: f64) -> String {
    match number {
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        number if number.is_nan() => ".nan".to_owned(),
        number => java_number::to_text(number),
    }
}

/// Base64 without the blanks in it, if it is that.
fn base64(text: &str) -> Option<String> {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'))
        .collect();
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let needed = (4 - digits.len() % 4) % 4;
    // Java takes it with the whole padding or with none, and prints it with the padding.
    let good = digits.bytes().all(is_digit) && needed != 3 && (padding == 0 || padding == needed);
    good.then(|| format!("{}{}", without_spare_bits(digits), "=".repeat(needed)))
}

/// The last digit may hold bits that belong to no byte; they are not printed.
fn without_spare_bits(digits: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let spare = match digits.len() % 4 {
        2 => 4,
        3 => 2,
        _ => return digits.to_owned(),
    };
    let (rest, last) = digits.split_at(digits.len() - 1);
    let value = DIGITS.iter().position(|digit| last.as_bytes() == [*digit]).unwrap_or_default();
    let last = DIGITS.get(value >> spare << spare).copied().unwrap_or(b'A');
    format!("{rest}{}", char::from(last))
}

/// Would a plain scalar of this text be read as this very text?
pub(super) fn is_text(text: &str) -> bool {
    !is_unreadable(text) && matches!(core(text), Node::Text(_))
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
        None => Node::Text(text.into()),
    }
}

fn integer(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return java_number::decimal(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return java_number::decimal(digits, 8);
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
    let well_formed =
        unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = well_formed.then(|| unsigned.parse().ok())??;
    let number = if minus.is_empty() { number } else { -number };
    Some(float_text(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, tag: Option<&str>) -> Result<String, String> {
        resolve(text, true, tag).map(|node| super::super::emit::flow(&node))
    }

    #[test]
    fn a_tag_says_the_type() {
        for (tag, text, expected) in [
            ("str", "5", "'5'"),
            ("int", "5", "5"),
            ("int", "-0x1F", "-31"),
            ("float", "3", "3.0"),
            ("float", ".INF", ".inf"),
            ("bool", "TRUE", "true"),
            ("bool", "yes", "null"),
            ("null", "x", "null"),
            ("binary", "aG k=", "!!binary |-\n  aGk="),
        ] {
            let tag = format!("tag:yaml.org,2002:{tag}");
            assert_eq!(shown(text, Some(&tag)).as_deref(), Ok(expected), "{tag} {text}");
        }
        for (tag, text) in
            [("int", "x"), ("int", "1.5"), ("float", "+.inf"), ("binary", "a"), ("omap", "x")]
        {
            assert!(
                shown(text, Some(&format!("tag:yaml.org,2002:{tag}"))).is_err(),
                "{tag} {text}"
            );
        }
    }

    #[test]
    fn a_positive_infinity_with_its_sign_is_refused_as_flink_refuses_it() {
        assert!(shown("+.INF", None).is_err() && shown("+.inf", None).is_err());
        assert_eq!(shown("-.INF", None).as_deref(), Ok("-.inf"));
    }

    #[test]
    fn whole_numbers_have_no_end() {
        let hexadecimal = format!("0x1{}", "0".repeat(32));
        assert_eq!(
            shown(&hexadecimal, None).as_deref(),
            Ok("340282366920938463463374607431768211456")
        );
    }
}
