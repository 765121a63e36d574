//! How ZooKeeper is reached, and where our nodes are.

use std::{fmt, time::Duration};

use zookeeper_client::{Acls, Client, Error, SaslOptions};

use super::relay::Tls;
use crate::store::Nodes;

/// How to reach ZooKeeper and where our nodes are.
#[derive(Clone, Debug)]
pub struct ZooKeeperOptions {
    /// `host:port`, with commas between.
    pub quorum: String,
    /// The node below which everything of this cluster's workers is.
    pub base: String,
    /// The node below which Flink 1.13 had the same.
    pub upstream: String,
    /// After this long without contact a session is over.
    pub session_timeout: Duration,
    /// Who we are there.
    pub access: Access,
    /// Only we may read and write our nodes, rather than everybody.
    pub creator_only: bool,
}

/// Who we are at ZooKeeper, and whom we believe to be ZooKeeper. Secrets are in it, so `Debug` shows nothing.
#[derive(Clone, Default)]
pub struct Access {
    /// Schemes and what they want to know, e.g. `digest` and `user:password`.
    pub authorizations: Vec<(String, String)>,
    /// User and password for SASL's DIGEST-MD5.
    pub login: Option<(String, String)>,
    /// Encrypts the connections, and may show a certificate of ours.
    pub tls: Option<Tls>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl ZooKeeperOptions {
    /// Connects to these servers.
    pub(super) async fn connect(&self, quorum: &str) -> Result<Client, Error> {
        let mut connector = Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        for (scheme, secret) in &self.access.authorizations {
            connector = connector.with_auth(scheme, secret.as_bytes());
        }
        if let Some((user, password)) = &self.access.login {
            connector = connector.with_sasl(SaslOptions::digest_md5(user.clone(), password.clone()));
        }
        connector.connect(quorum).await
    }

    pub(super) fn nodes(&self) -> Nodes {
        let acls = if self.creator_only { Acls::creator_all() } else { Acls::anyone_all() };
        Nodes::new(self.base.clone(), self.upstream.clone(), acls)
    }
}
