//! Finding a java and checking that this Flink runs on it.

use std::path::PathBuf;

use crate::config::Configuration;
use crate::flink::FlinkVersion;

/// A java installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// Its home, when it was found by one.
    pub home: Option<PathBuf>,
    /// The program to run.
    pub program: PathBuf,
    /// Feature release: 8, 11, 17, 21 …
    pub version: u32,
}

/// Why there is no java to run Flink with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JavaError {}

impl Java {
    /// Looks at `env.java.home`, `JAVA_HOME` and `PATH`, in this order. May run `java -version`: blocking.
    pub fn find(config: &Configuration, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, JavaError> {
        todo!()
    }

    /// Does this Flink version run on it?
    pub fn check(&self, version: &FlinkVersion) -> Result<(), JavaError> {
        todo!()
    }
}
