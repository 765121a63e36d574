//! What a test may want of its Mesos.

/// How to start the real Mesos. `Default` is one master and one agent, without authentication.
#[derive(Clone, Debug)]
pub struct RealMesosOptions {
    /// Number of masters. Two or more elect their leader through a ZooKeeper that is started with them.
    pub masters: usize,
    /// Number of agents.
    pub agents: usize,
    /// Each agent's resources, as Mesos writes them. Where it names no ports, every agent offers a block of a hundred
    /// that no other agent on this machine offers.
    pub resources: String,
    /// Each agent's attributes, such as "rack:1;os:debian"; empty for none.
    pub attributes: String,
    /// More flags for each master, such as `--offer_timeout=5secs`; the later of two equal ones counts.
    pub master_flags: Vec<String>,
    /// More flags for each agent.
    pub agent_flags: Vec<String>,
    /// More flags for single agents: the first list is that of the first one.
    pub flags_of_each_agent: Vec<Vec<String>>,
    /// Principals and secrets; if there are any, frameworks must authenticate with one of them (HTTP basic).
    pub credentials: Vec<(String, String)>,
    /// Whether executors are told, by a variable, to keep what they fetch in the cluster's own folder.
    pub own_cache: bool,
    /// With it executors must authenticate with the JSON Web Token that the agent signs with this key.
    pub jwt_key: Option<String>,
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
            own_cache: true,
            jwt_key: None,
        }
    }
}
