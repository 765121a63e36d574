//! The paths of our nodes.

use zookeeper_client::{Acls, Client, CreateMode, Error};

use crate::core::ids::WorkerId;

/// The nodes of one cluster.
#[derive(Clone, Debug)]
pub struct Nodes {
    base: String,
    upstream: String,
    acls: Acls<'static>,
}

/// A node that holds state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    State,
    Ended,
    Worker(WorkerId),
}

impl Nodes {
    /// The nodes below `base`, e.g. `/flink/mesos-workers/default`; Flink 1.13 had its own below
    /// `upstream`.
    pub fn new(base: String, upstream: String, acls: Acls<'static>) -> Self {
        Self { base, upstream, acls }
    }

    /// The node above all of them.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The parent of the election's lock nodes.
    pub fn leader(&self) -> String {
        format!("{}/leader", self.base)
    }

    /// The access rights of our nodes.
    pub fn acls(&self) -> Acls<'static> {
        self.acls
    }

    /// Creates the missing parent nodes.
    pub async fn make(&self, client: &Client) -> Result<(), Error> {
        let options = CreateMode::Persistent.with_acls(self.acls);
        client.mkdir(&self.workers(), &options).await?;
        client.mkdir(&self.leader(), &options).await
    }

    /// The node with the state of the cluster, without its workers.
    pub(crate) fn state(&self) -> String {
        format!("{}/state", self.base)
    }

    pub(super) fn ended(&self) -> String {
        format!("{}/ended", self.base)
    }

    pub(in crate::store) fn workers(&self) -> String {
        format!("{}/workers", self.base)
    }

    fn worker(&self, id: &WorkerId) -> String {
        format!("{}/{id}", self.workers())
    }

    /// A node of Flink 1.13.
    pub(super) fn upstream(&self, name: &str) -> String {
        format!("{}/{name}", self.upstream)
    }

    pub(super) fn path(&self, node: &Node) -> String {
        match node {
            Node::State => self.state(),
            Node::Ended => self.ended(),
            Node::Worker(id) => self.worker(id),
        }
    }
}
