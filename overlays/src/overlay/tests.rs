#![allow(clippy::unwrap_used)]

mod configuration;
mod configured_files;
mod distribution;
mod logging_and_python;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flink::config::Source;

use super::*;

/// A Flink distribution with these files; names that end in `.sh` are executable.
struct Installation {
    folder: tempfile::TempDir,
    config: Configuration,
}

impl Installation {
    fn new(files: &[&str]) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap(), config: Configuration::new() };
        for file in ["flink/lib/flink-dist-1.20.5.jar", "flink/bin/config.sh"].iter().chain(files) {
            this.file(file);
        }
        this
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, "x").unwrap();
        let mode =
            if path.extension().is_some_and(|extension| extension == "sh") { 0o755 } else { 0o644 };
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.config.set(key, value, Source::DynamicProperty);
        self
    }

    fn link(&self, link: &str, to: &str) {
        fs_err::os::unix::fs::symlink(self.path(to), self.path(link)).unwrap();
    }

    fn collect(&self) -> Result<ContainerSpec, OverlayErrors> {
        self.collect_with(None, &[])
    }

    fn collect_with(
        &self,
        conf: Option<&Path>,
        environment: &[(&str, &str)],
    ) -> Result<ContainerSpec, OverlayErrors> {
        let home = FlinkHome::open(&self.path("flink"), conf).unwrap();
        let lookup = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        super::collect(&home, &self.config, &lookup)
    }

    /// The only problem.
    fn problem(&self) -> OverlayError {
        let mut problems = self.collect().unwrap_err().0;
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.remove(0)
    }
}

fn targets(spec: &ContainerSpec) -> Vec<&str> {
    spec.artifacts.iter().map(|file| file.target.as_str()).collect()
}

/// The secret targets of a specification.
fn secrets(spec: &ContainerSpec) -> Vec<&str> {
    spec.artifacts.iter().filter(|file| file.secret).map(|file| file.target.as_str()).collect()
}

fn variable<'a>(spec: &'a ContainerSpec, name: &str) -> Option<&'a str> {
    spec.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
