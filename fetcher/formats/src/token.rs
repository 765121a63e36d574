//! Bearer tokens, which workers send to the artifact server.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use parking_lot::RwLock;
use rand::RngCore as _;
use subtle::ConstantTimeEq as _;

/// Bytes of a token that identify it. They are not secret.
const NAME: usize = 8;
/// Bytes of a token that prove it.
const SECRET: usize = 32;

/// A worker's bearer token. `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that cannot be sent as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the artifact token is empty or contains other than visible ASCII characters")]
pub struct TokenError;

impl Token {
    /// The token itself. Give it only to the worker.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let sendable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sendable { Ok(Self(text.to_owned())) } else { Err(TokenError) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

/// The valid tokens.
#[derive(Default)]
pub struct Tokens(RwLock<Issued>);

#[derive(Default)]
struct Issued {
    by_worker: HashMap<String, [u8; NAME]>,
    by_name: HashMap<[u8; NAME], Grant>,
}

struct Grant {
    worker: String,
    secret: [u8; SECRET],
}

impl Tokens {
    /// The token of `worker`; it stays the same until it is revoked.
    pub fn issue(&self, worker: &str) -> Token {
        let mut issued = self.0.write();
        if let Some(name) = issued.by_worker.get(worker)
            && let Some(grant) = issued.by_name.get(name)
        {
            return written(*name, &grant.secret);
        }
        let (mut name, mut secret) = ([0; NAME], [0; SECRET]);
        rand::rng().fill_bytes(&mut name);
        rand::rng().fill_bytes(&mut secret);
        issued.by_worker.insert(worker.to_owned(), name);
        issued.by_name.insert(name, Grant { worker: worker.to_owned(), secret });
        written(name, &secret)
    }

    /// Revokes the token of `worker`.
    pub fn revoke(&self, worker: &str) {
        let mut issued = self.0.write();
        if let Some(name) = issued.by_worker.remove(worker) {
            issued.by_name.remove(&name);
        }
    }

    /// The worker that `presented` belongs to. The time taken reveals nothing about the secret
    /// part.
    pub fn worker(&self, presented: &str) -> Option<String> {
        let mut bytes = [0; NAME + SECRET];
        hex::decode_to_slice(presented, &mut bytes).ok()?;
        let (name, secret) = bytes.split_at(NAME);
        let issued = self.0.read();
        let grant = issued.by_name.get(name)?;
        bool::from(grant.secret.ct_eq(secret)).then(|| grant.worker.clone())
    }
}

fn written(name: [u8; NAME], secret: &[u8; SECRET]) -> Token {
    Token(hex::encode(name) + &hex::encode(secret))
}

/// Random text for a secret URL.
pub fn unguessable() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_worker_until_revoked() {
        let tokens = Tokens::default();
        let (one, other) = (tokens.issue("tm-1"), tokens.issue("tm-2"));
        assert_eq!(tokens.worker(one.expose()).as_deref(), Some("tm-1"));
        assert_eq!(tokens.issue("tm-1"), one);
        tokens.revoke("tm-1");
        assert_eq!(tokens.worker(one.expose()), None);
        assert_eq!(tokens.worker(other.expose()).as_deref(), Some("tm-2"));
        assert_ne!(tokens.issue("tm-1"), one);
    }

    #[test]
    fn a_changed_token_is_rejected() {
        let tokens = Tokens::default();
        let token = tokens.issue("tm-1");
        let last = if token.expose().ends_with('0') { "1" } else { "0" };
        let changed = token.expose()[..token.expose().len() - 1].to_owned() + last;
        for text in ["", "x", &changed, &token.expose()[..78], &format!("{}00", token.expose())] {
            assert_eq!(tokens.worker(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Tokens::default().issue("tm-1");
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!("a b".parse::<Token>(), Err(TokenError));
    }
}
