//! A test's options for its Mesos.

/// How to start the real Mesos. `Default` is one master and one agent, without authentication.
#[derive(Clone, Debug)]
pub struct RealMesosOptions {
    /// Number of masters. Two or more elect their leader through a ZooKeeper that is started with
    /// them.
    pub masters: usize,
    /// Number of agents.
    pub agents: usize,
    /// Each agent's resources, in Mesos's notation. Without ports, every agent offers a block of a
    /// hundred that no other agent on this machine offers.
    pub resources: String,
    /// Each agent's attributes, such as "rack:1;os:debian"; empty for none.
    pub attributes: String,
    /// More flags for each master, such as `--offer_timeout=5secs`; of two equal flags the later
    /// one counts.
    pub master_flags: Vec<String>,
    /// More flags for each agent.
    pub agent_flags: Vec<String>,
    /// More flags for single agents: the first list is for the first agent.
    pub flags_of_each_agent: Vec<Vec<String>>,
    /// Principals and secrets. If there are any, frameworks must authenticate with one of them
    /// (HTTP basic).
    pub credentials: Vec<(String, String)>,
    /// Where executors cache downloads.
    pub cache: ExecutorsCache,
    /// With a key, executors must authenticate with the JSON Web Token that the agent signs with
    /// it.
    pub jwt_key: Option<String>,
}

/// Where the executors of an agent cache what they download, and whether they leave their logs in
/// the agent's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutorsCache {
    /// In the folder that all tests share: most of them need not fetch anything.
    Shared,
    /// In the agent's own folder.
    Own,
    /// Where an agent without our variables has it.
    Default,
}

impl Default for RealMesosOptions {
    fn default() -> Self {
        Self {
            masters: 1,
            agents: 1,
            resources: "cpus:4;mem:4096;disk:8192".to_owned(),
            attributes: String::new(),
            master_flags: Vec::new(),
            agent_flags: Vec::new(),
            flags_of_each_agent: Vec::new(),
            credentials: Vec::new(),
            cache: ExecutorsCache::Shared,
            jwt_key: None,
        }
    }
}
