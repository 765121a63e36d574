//! The principal and secret with which a framework authenticates.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

/// What a framework shows to a master that asks for authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name; also `FrameworkInfo.principal` when that is not set.
    pub principal: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("principal", &self.principal)
            .field("secret", &"***")
            .finish()
    }
}

impl Credential {
    /// The value of an `Authorization` header: HTTP basic authentication.
    pub fn authorization(&self) -> HeaderValue {
        let encoded = STANDARD.encode(format!("{}:{}", self.principal, self.secret));
        match HeaderValue::try_from(format!("Basic {encoded}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                value
            }
            Err(_) => HeaderValue::from_static("Basic"),
        }
    }
}
