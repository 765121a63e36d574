//! Overlays: what a worker needs, collected from the application master's installation and environment.

use std::path::PathBuf;

use crate::config::Configuration;
use crate::flink::FlinkHome;

/// A file that workers need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactFile {
    /// Where it is here.
    pub source: PathBuf,
    /// Where a worker has it: relative, parts separated by `/`.
    pub target: String,
    /// Runs as a program.
    pub executable: bool,
    /// Must never be cached or shown, and lands with owner-only permissions.
    pub secret: bool,
}

/// Everything a worker's container needs.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Files, sorted by target, no target twice.
    pub artifacts: Vec<ArtifactFile>,
    /// Environment variables in order, no name twice.
    pub environment: Vec<(String, String)>,
    /// The worker's configuration.
    pub configuration: Configuration,
}

/// Why the overlays could not be collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverlayError {}

/// Runs every overlay in upstream's order.
pub fn collect(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<ContainerSpec, OverlayError> {
    todo!()
}
