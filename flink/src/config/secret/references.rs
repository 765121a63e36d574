//! What a shell replaces and is no secret itself: `$PASSWORD`, `${PASSWORD}` and
//! `$(cat /run/password)`. A default in braces is one: `${PASSWORD:-hush}`.

/// Is the argument of a command one? In single quotes, it is none.
pub(super) fn is_argument(argument: &str) -> bool {
    let text = argument.trim_matches(['"', '\\']);
    let Some(name) = text.strip_prefix('$').map(|name| name.trim_start_matches('$')) else {
        return text.starts_with('`');
    };
    let in_braces = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    name.starts_with('(') || in_braces.unwrap_or(name).bytes().all(is_part_of_name)
}

/// Does a text begin with one that is all of a value? It need not be a shell that reads this text,
/// so that only a name in capitals is one without braces: `$hush` may be a password.
pub(super) fn is_value(text: &str) -> bool {
    let bare = text.trim_start_matches('\\');
    let in_quotes = bare.strip_prefix('"');
    let bare = in_quotes.unwrap_or(bare);
    let Some(after) = bare.strip_prefix('$').and_then(after_reference) else { return false };
    let closing = after.trim_start_matches('\\');
    let is_closed = closing.starts_with('"') || in_quotes.is_none() && closing.starts_with('\'');
    is_closed || in_quotes.is_none() && after.chars().next().is_none_or(ends_value)
}

/// What stands behind the name in braces, the command in brackets, or the name in capitals.
fn after_reference(text: &str) -> Option<&str> {
    if let Some(command) = text.strip_prefix('(') {
        return after_bracket(command);
    }
    let in_braces = text.strip_prefix('{');
    let name = in_braces.unwrap_or(text);
    let after = name.trim_start_matches(|c| u8::try_from(c).is_ok_and(is_part_of_name));
    let name = &name[..name.len() - after.len()];
    let is_capitals = || !name.bytes().any(|c| c.is_ascii_lowercase());
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        None
    } else if in_braces.is_some() {
        after.strip_prefix('}')
    } else {
        is_capitals().then_some(after)
    }
}

/// What stands behind the bracket that closes a command.
fn after_bracket(command: &str) -> Option<&str> {
    let mut depth = 1_usize;
    let closing = command.bytes().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    closing.map(|at| &command[at + 1..])
}

fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '&' | '|' | '`' | ')' | ']' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_or_a_command_alone_is_no_secret_and_a_default_or_more_beside_it_may_be_one() {
        for text in [
            "$TOKEN",
            "$_2,b",
            "${DB_PASSWORD}",
            "${db_password} x",
            "\"${X}\"",
            "\\\"$X\\\"",
            "$(cat /run/x)",
            "$(cat $(x)/y)'",
        ] {
            assert!(is_value(text), "{text}");
        }
        for text in [
            "hush",
            "",
            "$",
            "$$",
            "$hush",
            "$Hush",
            "$1234",
            "$TOKEN-hush",
            "$TOKEN$hush",
            "${X:-hush}",
            "${X}hush",
            "${X",
            "${}",
            "$(hush",
            "$TOKEN\\hush",
            "\"$TOKEN hush\"",
            "\"${X},hush\"",
            "\"$(cat x) hush",
            "\"$TOKEN'hush\"",
            "\"$TOKEN",
            "$(cat x)hush",
            "'$TOKEN'",
        ] {
            assert!(!is_value(text), "{text}");
        }
    }
}
