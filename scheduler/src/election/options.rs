//! How to reach ZooKeeper, and the paths of our nodes.

use std::{fmt, time::Duration};

use zookeeper_client::{Acls, Client, Error, SaslOptions};

use super::tls_relay::Tls;
use crate::store::Nodes;

/// How to reach ZooKeeper, and the paths of our nodes.
#[derive(Clone, Debug)]
pub struct ZooKeeperOptions {
    /// `host:port`, separated by commas.
    pub quorum: String,
    /// The node below which all state of this cluster's workers is stored.
    pub base: String,
    /// The node below which Flink 1.13 stored the same.
    pub upstream: String,
    /// A session ends after this long without contact.
    pub session_timeout: Duration,
    /// Our credentials.
    pub access: Access,
    /// Only we may read and write our nodes, rather than everyone.
    pub creator_only: bool,
}

/// Our credentials at ZooKeeper, and the servers to trust. `Debug` hides all of it, because it
/// contains secrets.
#[derive(Clone, Default)]
pub struct Access {
    /// Schemes and credentials, e.g. `digest` and `user:password`.
    pub authorizations: Vec<(String, String)>,
    /// User and password for SASL's DIGEST-MD5.
    pub login: Option<(String, String)>,
    /// TLS for the connections, optionally with a client certificate.
    pub tls: Option<Tls>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl ZooKeeperOptions {
    /// Connects to the servers of `quorum`.
    pub(super) async fn connect(&self, quorum: &str) -> Result<Client, Error> {
        let mut connector =
            Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        for (scheme, secret) in &self.access.authorizations {
            connector = connector.with_auth(scheme, secret.as_bytes());
        }
        if let Some((user, password)) = &self.access.login {
            connector =
                connector.with_sasl(SaslOptions::digest_md5(user.clone(), password.clone()));
        }
        connector.connect(quorum).await
    }

    pub(super) fn nodes(&self) -> Nodes {
        let acls = if self.creator_only { Acls::creator_all() } else { Acls::anyone_all() };
        Nodes::new(self.base.clone(), self.upstream.clone(), acls)
    }
}
