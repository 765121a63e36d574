//! Why something went wrong, in words that a person can act on.
//!
//! [`explain`] reads what a dead TaskManager left behind. [`failure`] words what kept one from starting. Texts are bounded,
//! as they travel in status updates, and masked, as anybody may read those.

mod failure;
mod mask;
mod tail;

use std::path::Path;

use overlays::worker::Sandbox;

use crate::core::{Exit, ExitStatus};
pub use mask::Mask;
use tail::Tail;

/// How the TaskManager ended and what it said last. Blocking.
pub fn explain(status: ExitStatus, sandbox: &Sandbox, directory: &Path, mask: &Mask) -> Exit {
    let _ = directory;
    let mut parts = Vec::new();
    // The log tells more than the outputs; those have what comes before the log is set up and after it is gone.
    for (name, lines) in [("taskmanager.log", 12), ("taskmanager.err", 6), ("taskmanager.out", 3)] {
        let tail = Tail::read(&sandbox.log().join(name), lines);
        if !tail.is_empty() {
            parts.push(format!("last lines of log/{name}:\n{}", mask.apply(&tail.to_string())));
        }
    }
    let explanation = if parts.is_empty() { "it left no word in log/".to_owned() } else { parts.join("\n") };
    Exit { status, reason: None, explanation }
}
