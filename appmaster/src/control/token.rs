//! The secret that every request to the control API must carry.

use std::fmt;

use rand::{TryRngCore as _, rngs::OsRng};
use subtle::ConstantTimeEq as _;

/// Length of the shortest accepted token, in characters.
pub const SHORTEST: usize = 16;

/// A token; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a text cannot be a token. The text itself is never part of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Empty or only blanks: often a variable that is not set.
    #[error(
        "is empty: give a random token of {SHORTEST} characters or more, or remove the option to have one made"
    )]
    Empty,
    /// So short that it could be guessed.
    #[error(
        "has {0} characters: give a random token of {SHORTEST} or more, or remove the option to have one made"
    )]
    Short(usize),
    /// It cannot be sent in a header.
    #[error(
        "contains a blank, a control character or a non-ASCII character: letters, digits and punctuation are allowed"
    )]
    Characters,
}

impl Token {
    /// 256 random bits, in hexadecimal digits.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        OsRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// A token chosen by the user; surrounding blanks are not part of it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(TokenError::Empty),
            length if length < SHORTEST => Err(TokenError::Short(length)),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(TokenError::Characters),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Whether this is the token. The time it takes reveals nothing about the token but its length.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        // An empty token never matches, whatever the checks above did.
        !self.0.is_empty() && bool::from(shown.ct_eq(self.0.as_bytes()))
    }

    /// The token itself, for its rightful users.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_empty_blank_short_or_cannot_be_sent_is_refused_without_being_repeated() {
        for (text, expected) in [
            ("", TokenError::Empty),
            (" \t ", TokenError::Empty),
            ("fifteen-letters", TokenError::Short(15)),
            ("sixteen letters and a blank", TokenError::Characters),
            ("sixteen-letters-\u{1b}[31m", TokenError::Characters),
            ("sechzehn-Zeichen-mit-ü", TokenError::Characters),
        ] {
            let error = Token::parse(text).unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()), "{error}");
        }
        assert_eq!(Token::parse(" sixteen-letters. \n").unwrap().reveal(), "sixteen-letters.");
    }

    #[test]
    fn a_random_token_has_256_bits_and_is_never_the_same() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.reveal().len(), 64);
        assert_ne!(one, other);
        assert!(
            one.is(one.reveal().as_bytes()) && !one.is(other.reveal().as_bytes()) && !one.is(b"")
        );
        assert!(!Token(String::new()).is(b""), "an empty token is shown by everybody");
        assert_eq!(format!("{one:?}"), "Token(hidden)");
    }
}
