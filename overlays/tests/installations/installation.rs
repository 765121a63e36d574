//! An application master's machine and an agent's sandbox, and everything that comes of them as one
//! text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use flink::command::CommandLine;
use flink::config::Configuration;
use flink::home::FlinkHome;
use overlays::overlay::{self, ArtifactFile};
use overlays::worker::{self, Sandbox, WorkerSpec};

/// `<master>` in values stands for the folder with all the files, `<agent>` for the sandbox.
pub(crate) struct Installation {
    folder: tempfile::TempDir,
    conf_dir: Option<String>,
    dynamic: Vec<String>,
    variables: Vec<(String, String)>,
    agents: Vec<(String, String)>,
    ports: Vec<(String, u32)>,
}

impl Installation {
    /// A distribution of this version with hollow files and a Java 17.
    pub(crate) fn new(version: &str) -> Self {
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
            conf_dir: None,
            dynamic: Vec::new(),
            variables: Vec::new(),
            agents: Vec::new(),
            ports: vec![
                ("taskmanager.data.port".to_owned(), 31000),
                ("taskmanager.rpc.port".to_owned(), 31001),
            ],
        };
        this.file("flink/bin/config.sh", "")
            .file("flink/conf/log4j-console.properties", "rootLogger.level = INFO\n")
            .file("flink/lib/log4j-core-2.24.3.jar", "")
            .file(&format!("flink/lib/flink-dist-{version}.jar"), "")
            .file("flink/plugins/README.txt", "")
            .file("jdk/bin/java", "")
            .file("jdk/release", "JAVA_VERSION=\"17.0.15\"\n")
            .variable("HADOOP_USER_NAME", "flink")
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        self
    }

    pub(crate) fn link(self, name: &str, to: &str) -> Self {
        fs_err::os::unix::fs::symlink(self.folder.path().join(to), self.folder.path().join(name))
            .unwrap();
        self
    }

    pub(crate) fn conf_dir(mut self, name: &str) -> Self {
        self.conf_dir = Some(name.to_owned());
        self
    }

    pub(crate) fn set(mut self, property: &str) -> Self {
        self.dynamic.push(self.located(property));
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), self.located(value)));
        self
    }

    pub(crate) fn on_agent(mut self, name: &str, value: &str) -> Self {
        self.agents.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn port(mut self, key: &str, port: u32) -> Self {
        self.ports.push((key.to_owned(), port));
        self
    }

    /// Compares with the file of this name; what differs is left in the temporary folder.
    pub(crate) fn agrees_with(&self, name: &str) {
        let text = self.everything();
        assert!(!text.contains("hush"), "a secret can be seen:\n{text}");
        let file = format!("{name}.txt");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/installations").join(&file);
        let expected = fs_err::read_to_string(&path).unwrap_or_default();
        if text != expected {
            let found = std::env::temp_dir().join("flink-mesos-installations");
            fs_err::create_dir_all(&found).unwrap();
            fs_err::write(found.join(&file), &text).unwrap();
            let place = found.join(&file);
            panic!(
                "{} is not what comes out; if {} is right, copy it over",
                path.display(),
                place.display()
            );
        }
    }

    fn located(&self, text: &str) -> String {
        text.replace("<master>", self.folder.path().to_str().unwrap())
    }

    fn everything(&self) -> String {
        let conf = self.conf_dir.as_ref().map(|name| self.folder.path().join(name));
        let home = FlinkHome::open(&self.folder.path().join("flink"), conf.as_deref()).unwrap();
        let mut config = Configuration::load(&home.conf_dir, &home.version).unwrap();
        config.apply_dynamic_properties(&self.dynamic).unwrap();
        let collected = overlay::collect(&home, &config, &lookup(&self.variables)).unwrap();
        let secrets = self.folder.path().join("work");
        fs_err::create_dir(&secrets).unwrap();
        let (mut spec, artifacts) = worker::template(collected, &home, &secrets).unwrap();
        "taskmanager-e-00001".clone_into(&mut spec.worker_id);
        "agent-7".clone_into(&mut spec.hostname);
        spec.ports = self.ports.iter().cloned().collect();

        let sandbox = Sandbox { path: self.folder.path().join("sandbox") };
        materialise(&artifacts, &sandbox);
        let mut agents = self.agents.clone();
        agents.push(("JAVA_HOME".to_owned(), self.located("<master>/jdk")));
        let command = worker::apply(&spec, &sandbox, None, &lookup(&agents)).unwrap();
        let mut text = described(&spec, &artifacts);
        text.push_str(&started(&command, &sandbox));
        text.replace(sandbox.path.to_str().unwrap(), "<agent>")
            .replace(self.folder.path().to_str().unwrap(), "<master>")
    }
}

fn lookup(variables: &[(String, String)]) -> impl Fn(&str) -> Option<String> {
    move |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

fn materialise(artifacts: &[ArtifactFile], sandbox: &Sandbox) {
    for file in artifacts {
        let target = sandbox.flink().join(&file.target);
        fs_err::create_dir_all(target.parent().unwrap()).unwrap();
        fs_err::copy(&file.source, target).unwrap();
    }
}

/// What the application master sends.
fn described(spec: &WorkerSpec, artifacts: &[ArtifactFile]) -> String {
    let mut text =
        format!("worker {} of Flink {} on {}\n", spec.worker_id, spec.flink_version, spec.hostname);
    text.push_str("\nartifacts\n");
    for ArtifactFile { source, target, executable, secret } in artifacts {
        let kind = if *secret { " secret" } else { "" };
        let mode = if *executable { " executable" } else { "" };
        writeln!(text, "  {target}{kind}{mode} <- {}", source.display()).unwrap();
    }
    for (title, entries) in
        [("configuration", &spec.configuration), ("environment", &spec.environment)]
    {
        writeln!(text, "\n{title}").unwrap();
        for entry in entries {
            writeln!(text, "  {}: {}", entry.key, entry.value).unwrap();
        }
    }
    text.push_str("\nports\n");
    for (key, port) in &spec.ports {
        writeln!(text, "  {key}: {port}").unwrap();
    }
    text
}

/// What the agent makes of it. Values of secrets are hidden here, since the real file holds them.
fn started(command: &CommandLine, sandbox: &Sandbox) -> String {
    let mut text = "\non the agent\n".to_owned();
    for path in written(&sandbox.conf()) {
        let content = fs_err::read_to_string(&path).unwrap().replace("hush", "******");
        writeln!(text, "\n{}\n{}", path.display(), content.trim_end()).unwrap();
    }
    writeln!(text, "\nin {}\n{}", command.directory.display(), command.program.display()).unwrap();
    for argument in &command.arguments {
        writeln!(text, "  {argument}").unwrap();
    }
    text.push_str("with\n");
    for (name, value) in &command.environment {
        writeln!(text, "  {name}={}", value.replace("hush", "******")).unwrap();
    }
    text
}

fn written(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
