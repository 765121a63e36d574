//! Artifacts: manifest, server, verified download.
