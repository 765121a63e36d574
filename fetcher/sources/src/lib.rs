//! Sources of users' artifacts beyond our own server: web servers, file systems, object stores.
//!
//! [`obtain()`] downloads one artifact to this machine, once, into a folder of files named by
//! digest. From there it is served like every other artifact, so other machines need neither its
//! URI nor its credentials. An interrupted download continues at the same byte. Wrong content never
//! gets its final name.

mod body;
mod download;
mod error;
mod first_use;
mod http;
mod obtain;
mod obtained;
mod options;
mod origin;
mod settings;
mod store;
mod uri;

pub use error::SourceError;
pub use first_use::{FirstUseError, FirstUses};
pub use obtain::obtain;
pub use obtained::{Obtained, kept};
pub use options::{SourceOptions, SourceProgress};
pub use settings::{SettingError, Settings};
pub use uri::{Scheme, SourceUri, UriError};
