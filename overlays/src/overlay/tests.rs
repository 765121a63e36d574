#![allow(clippy::unwrap_used)]
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::config::Source;

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
        let mode = if path.extension().is_some_and(|extension| extension == "sh") { 0o755 } else { 0o644 };
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.config.set(key, value, Source::DynamicProperty);
        self
    }

    fn link(&self, link: &str, to: &str) {
        fs_err::os::unix::fs::symlink(self.path(to), self.path(link)).unwrap();
    }

    fn collect(&self) -> Result<ContainerSpec, OverlayError> {
        self.collect_with(None, &[])
    }

    fn collect_with(&self, conf: Option<&Path>, environment: &[(&str, &str)]) -> Result<ContainerSpec, OverlayError> {
        let home = FlinkHome::open(&self.path("flink"), conf).unwrap();
        let lookup =
            |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        super::collect(&home, &self.config, &lookup)
    }
}

fn targets(spec: &ContainerSpec) -> Vec<&str> {
    spec.artifacts.iter().map(|file| file.target.as_str()).collect()
}

#[test]
fn the_distribution_is_shipped_in_order_with_modes_and_without_opt() {
    let installation = Installation::new(&[
        "flink/conf/log4j.properties",
        "flink/plugins/p1/p.jar",
        "flink/opt/o.jar",
        "flink/lib/sub/with blank.jar",
        "flink/lib/ü.jar",
        "flink/README.txt",
    ]);
    fs_err::create_dir(installation.path("flink/lib/empty")).unwrap();
    let spec = installation.collect().unwrap();
    let expected = [
        "bin/config.sh",
        "conf/log4j.properties",
        "lib/flink-dist-1.20.5.jar",
        "lib/sub/with blank.jar",
        "lib/ü.jar",
        "plugins/p1/p.jar",
    ];
    assert_eq!(targets(&spec), expected);
    assert_eq!(spec.artifacts.iter().filter(|file| file.executable).count(), 1);
    assert!(spec.artifacts[0].executable && spec.artifacts[0].source == installation.path("flink/bin/config.sh"));
}

#[test]
fn opt_is_shipped_on_request_and_plugins_from_where_the_environment_says() {
    let installation = Installation::new(&["flink/opt/o.jar", "elsewhere/q/q.jar"]).set("mesos.flink.opt", "true");
    let plugins = installation.path("elsewhere");
    let spec = installation.collect_with(None, &[("FLINK_PLUGINS_DIR", plugins.to_str().unwrap())]).unwrap();
    assert_eq!(targets(&spec)[2..], ["opt/o.jar", "plugins/q/q.jar"]);
}

#[test]
fn a_configuration_folder_of_any_name_lands_as_conf() {
    let installation = Installation::new(&["flink/conf/log4j.properties", "etc/ours/log4j-console.properties"]);
    let spec = installation.collect_with(Some(&installation.path("etc/ours")), &[]).unwrap();
    assert_eq!(targets(&spec)[1], "conf/log4j-console.properties");
    assert!(!targets(&spec).contains(&"conf/log4j.properties"));
}

#[test]
fn the_configurations_own_files_are_not_shipped() {
    let installation =
        Installation::new(&["flink/conf/config.yaml", "flink/conf/flink-conf.yaml", "flink/conf/sub/config.yaml"]);
    assert_eq!(targets(&installation.collect().unwrap())[1..2], ["conf/sub/config.yaml"]);
}

#[test]
fn usrlib_is_shipped_when_there_is_one() {
    let installation = Installation::new(&["flink/usrlib/job.jar"]);
    assert_eq!(targets(&installation.collect().unwrap()).last(), Some(&"usrlib/job.jar"));
}

#[test]
fn links_to_files_and_folders_are_followed() {
    let installation = Installation::new(&["store/a.jar", "store/sub/b.jar"]);
    installation.link("flink/lib/link.jar", "store/a.jar");
    installation.link("flink/usrlib", "store");
    let spec = installation.collect().unwrap();
    assert_eq!(targets(&spec)[2..], ["lib/link.jar", "usrlib/a.jar", "usrlib/sub/b.jar"]);
}

#[test]
fn what_cannot_be_shipped_is_told_by_its_path() {
    let installation = Installation::new(&[]);
    installation.link("flink/lib/round", "flink/lib");
    assert!(installation.collect().unwrap_err().to_string().contains("lib/round cannot be shipped"));

    let installation = Installation::new(&[]);
    installation.link("flink/lib/dangling.jar", "nowhere");
    assert!(installation.collect().unwrap_err().to_string().contains("lib/dangling.jar"));

    let installation = Installation::new(&[]);
    fs_err::remove_dir_all(installation.path("flink/bin")).unwrap();
    assert!(installation.collect().unwrap_err().to_string().contains("flink/bin"));
}

#[test]
fn configured_variables_become_the_workers_environment() {
    let installation = Installation::new(&[])
        .set("containerized.taskmanager.env.LD_PRELOAD", "/lib/jemalloc.so")
        .set("containerized.taskmanager.env.GREETING", "a \"b\" $c; d=e");
    let spec = installation.collect().unwrap();
    let expected = [("LD_PRELOAD", "/lib/jemalloc.so"), ("GREETING", "a \"b\" $c; d=e")];
    assert_eq!(spec.environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let error = Installation::new(&[]).set("containerized.taskmanager.env.", "x").collect().unwrap_err().to_string();
    assert!(error.contains("containerized.taskmanager.env."), "{error}");
}

#[test]
fn workers_get_the_configuration_without_what_is_between_master_and_mesos() {
    let installation = Installation::new(&[])
        .set("mesos.resourcemanager.framework.secret", "hush")
        .set("mesos.executor.running-when", "listening")
        .set("containerized.taskmanager.env.X", "y")
        .set("taskmanager.numberOfTaskSlots", "2");
    let spec = installation.collect().unwrap();
    let expected = [("mesos.executor.running-when", "listening"), ("taskmanager.numberOfTaskSlots", "2")];
    assert_eq!(spec.configuration.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_same_installation_gives_the_same_specification() {
    let names: Vec<String> = (0..40).map(|i| format!("flink/lib/{:x}.jar", i * 7919 % 41)).collect();
    let installation = Installation::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(installation.collect().unwrap().artifacts, installation.collect().unwrap().artifacts);
    assert!(targets(&installation.collect().unwrap()).is_sorted());
}
