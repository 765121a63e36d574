//! Text from others in a log or an error: it may contain sequences that a terminal obeys, and it
//! may be as long as they like.

/// Whether it is a control character, or one that breaks lines, changes the writing direction or
/// takes no room, and so can disguise a text.
pub fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// The text in one line, with control characters escaped. At most `most` characters are shown; an
/// ellipsis follows if there are more.
pub fn beginning(text: &str, most: usize) -> String {
    let (mut shown, mut room) = (String::new(), most);
    for letter in text.chars() {
        let length = if is_harmful(letter) { letter.escape_default().len() } else { 1 };
        if length > room {
            shown.push('…');
            break;
        }
        room -= length;
        if length > 1 { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_and_a_long_one_is_cut_between_characters() {
        assert_eq!(beginning("it's \"Grüße\"", 12), "it's \"Grüße\"");
        assert_eq!(beginning("Grüße, 世界", 8), "Grüße, 世…");
        assert_eq!(beginning(&"x".repeat(1 << 20), 200), format!("{}…", "x".repeat(200)));
        assert_eq!(beginning("", 0), "");
    }

    #[test]
    fn escapes_count_as_what_is_shown_and_are_never_cut() {
        assert_eq!(beginning("a\n\u{1b}[2J\u{202e}", 100), "a\\n\\u{1b}[2J\\u{202e}");
        assert_eq!(beginning("a\u{202e}b", 8), "a…");
        assert_eq!(beginning(&"\u{9b}".repeat(1000), 200).chars().count(), 199);
    }
}
