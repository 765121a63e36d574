//! Who must act on a failure so that it does not happen again. The executor says so in a label of
//! the terminal status; the application master reads it there.

/// The label's name.
pub const LABEL: &str = "blame";

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blame {
    /// The agent: its disk, its memory, its java. Other agents are worth a try.
    Agent,
    /// The maker of what was shipped: it fails for every worker.
    Artifact,
    /// The way to the application master or to the JobManager.
    Network,
    /// How Flink or the worker is configured: it fails everywhere.
    Configuration,
    /// The TaskManager and what runs in it; also when nobody knows better.
    Worker,
}

impl Blame {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Agent, Self::Artifact, Self::Network, Self::Configuration, Self::Worker];

    /// The word for it, in the label and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Artifact => "artifact",
            Self::Network => "network",
            Self::Configuration => "configuration",
            Self::Worker => "worker",
        }
    }

    /// What the word says; `None` for one that this version does not know.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|blame| blame.word() == word)
    }
}
