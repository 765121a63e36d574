//! `flink-mesos config check`: everything that is wrong with an installation, in one list, before anything is started.
//!
//! A start stops at the first error. Here each part is looked at on its own, so that one round of mending is enough.

use std::{fmt, sync::Arc, time::Duration};

use mesos::master::{HostPort, MasterDetector, MasterUrl};
use overlays::{config::Configuration, flink::FlinkHome, java::Java, memory::JobManagerMemory, options, overlay};
use tokio::{
    net::TcpStream,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use crate::{
    address,
    plan::{self, Lookup, Request},
    settings::{self, Settings, SettingsError, StateLocation},
};

/// Something that is wrong, or only odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, where, and what to do.
    pub text: String,
    /// Nothing would work with it.
    pub fatal: bool,
}

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order in which it would be met.
    pub findings: Vec<Finding>,
    /// What is there, for a person to see that it is the right thing.
    pub facts: Vec<String>,
}

impl Report {
    /// Is there anything with which nothing would work?
    pub fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.fatal)
    }

    fn error(&mut self, text: impl fmt::Display) {
        self.findings.push(Finding { text: text.to_string(), fatal: true });
    }

    fn warning(&mut self, text: impl fmt::Display) {
        self.findings.push(Finding { text: text.to_string(), fatal: false });
    }

    fn fact(&mut self, text: impl Into<String>) {
        self.facts.push(text.into());
    }

    /// An option that is wrong, with where it was set, unless something was said about it already.
    fn setting(&mut self, error: &SettingsError, config: &Configuration) {
        let text = error.to_string();
        let is_known = |known: &Finding| {
            let key = known.text.split_once(": ").map_or(known.text.as_str(), |(key, _)| key);
            known.fatal && text.contains(&format!("{key}:"))
        };
        if self.findings.iter().any(is_known) {
            return;
        }
        match error.key().and_then(|key| config.source(key)) {
            Some(origin) if !matches!(error, SettingsError::Form(_)) => self.error(format!("{text} (from {origin})")),
            _ => self.error(text),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let kind = if finding.fatal { "error" } else { "warning" };
            writeln!(f, "{kind}: {}", finding.text)?;
        }
        for fact in &self.facts {
            writeln!(f, "ok: {fact}")?;
        }
        let errors = self.findings.iter().filter(|finding| finding.fatal).count();
        writeln!(f, "errors: {errors}, warnings: {}", self.findings.len() - errors)
    }
}

/// How long Mesos or ZooKeeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks everything; with `offline`, nothing beyond this machine. Fails only when the check itself breaks down.
pub async fn check(request: Request, lookup: Arc<Lookup>, offline: bool) -> Result<Report, JoinError> {
    let here = lookup.clone();
    let (mut report, config) = spawn_blocking(move || {
        let mut report = Report::default();
        let config = installation(&request, &*here, &mut report);
        (report, config)
    })
    .await?;
    let Some(config) = config else { return Ok(report) };
    let master = settings::master(&config).ok();
    for problem in address::problems(&config, master.as_ref(), &*lookup).await {
        report.setting(&problem, &config);
    }
    certificates(&config, master.as_ref(), &lookup, &mut report).await?;
    if !offline {
        if let Some(master) = &master {
            reach_mesos(master, &mut report).await;
        }
        if let Ok(StateLocation::ZooKeeper(zookeeper)) = settings::state_location(&config) {
            reach_zookeeper(&zookeeper.quorum, &mut report).await;
        }
    }
    Ok(report)
}

/// Whether workers would believe the servers that speak TLS.
async fn certificates(
    config: &Configuration,
    master: Option<&MasterUrl>,
    lookup: &Arc<Lookup>,
    report: &mut Report,
) -> Result<(), JoinError> {
    let (Some(master), Ok(tls), Ok(server)) = (master, settings::tls(config), settings::artifact_server(config)) else {
        return Ok(());
    };
    let host = address::host(config, master, &**lookup).await;
    let artifacts_host = server.host(&host).to_owned();
    let endpoints =
        [("the JobManager's REST API", tls.rest, host), ("the artifact server", tls.artifacts, artifacts_host)];
    for (name, endpoint, host) in endpoints {
        let Some(endpoint) = endpoint else { continue };
        let (read, host) = spawn_blocking(move || (endpoint.trusted(&host), host)).await?;
        match read {
            Ok(_) => report.fact(format!("{name} speaks TLS as {host}")),
            Err(problem) => report.setting(&problem, config),
        }
    }
    Ok(())
}

/// All that can be seen on this machine. Gives the effective configuration, if it can be read. Blocks.
fn installation(request: &Request, lookup: &Lookup, report: &mut Report) -> Option<Configuration> {
    let home = plan::home(request).map_err(|e| report.error(e)).ok()?;
    report.fact(format!("Flink {} in {}", home.version, home.path.display()));
    let config = configuration(&home, request, report)?;
    for problem in options::check(&config) {
        if problem.fatal { report.error(problem) } else { report.warning(problem) }
    }
    for problem in settings::problems(&config, &home.version) {
        report.setting(&problem, &config);
    }
    if let Ok(settings) = Settings::read(&config, &home.version) {
        report.fact(wanted(&settings));
        if let Err(e) = plan::executor(settings.executor_binary.as_deref()) {
            report.error(e);
        }
    }
    if let Err(e) = JobManagerMemory::compute(&config, &home.version) {
        report.error(format!("the JobManager's memory: {e}"));
    }
    match Java::find(&config, lookup).and_then(|java| java.check(&home.version).map(|()| java)) {
        Ok(java) => report.fact(format!("Java {}: {}", java.version, java.program.display())),
        Err(e) => report.error(e),
    }
    files(&home, &config, lookup, report);
    Some(config)
}

/// The effective configuration. What is wrong with one of its sources does not hide what is wrong with another.
fn configuration(home: &FlinkHome, request: &Request, report: &mut Report) -> Option<Configuration> {
    let loaded = Configuration::load(&home.conf_dir, &home.version).map_err(|e| report.error(e));
    let mut config = loaded.clone().unwrap_or_default();
    let environment = config.apply_environment(request.environment.iter().cloned()).map_err(|e| report.error(e));
    let dynamic = config.apply_dynamic_properties(&request.dynamic).map_err(|e| report.error(e));
    loaded.and(environment).and(dynamic).ok().map(|()| config)
}

/// What workers would be sent.
fn files(home: &FlinkHome, config: &Configuration, lookup: &Lookup, report: &mut Report) {
    for problem in overlay::problems(home, config, lookup) {
        report.error(problem);
    }
    if !home.conf_dir.join("log4j-console.properties").is_file() {
        let folder = home.conf_dir.display();
        report.warning(format!("{folder}: without log4j-console.properties Flink's processes log nothing"));
    }
    if let Ok(spec) = overlay::collect(home, config, lookup) {
        let secrets = spec.artifacts.iter().filter(|file| file.secret).count();
        report.fact(format!("{} files for each worker, {secrets} of them secret", spec.artifacts.len()));
    }
}

fn wanted(settings: &Settings) -> String {
    let demand = &settings.core.demand;
    let (cpus, mem) = (demand.total("cpus"), demand.total("mem"));
    format!(
        "TaskManagers: {}, each takes {cpus} cpus, {mem} MB, {} ports of Mesos",
        settings.workers,
        demand.ports.len()
    )
}

async fn reach_mesos(url: &MasterUrl, report: &mut Report) {
    match master_that_answers(url).await {
        Ok(master) => report.fact(format!("the Mesos master {master} answers")),
        Err(why) => report.error(format!("mesos.master: {url} cannot be reached: {why}")),
    }
}

/// The first of the masters that answers, or why none does.
async fn master_that_answers(url: &MasterUrl) -> Result<HostPort, String> {
    let masters = MasterDetector::start(url, false).current().await.map_err(|e| e.to_string())?;
    mesos::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
    let mut reasons = Vec::new();
    for master in masters {
        let address = format!("{}/master/health", master.url(false));
        match client.get(&address).send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return Ok(master),
            Err(e) => reasons.push(with_causes(&e)),
        }
    }
    Err(reasons.join("; "))
}

/// reqwest's errors say what went wrong only in their causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn reach_zookeeper(quorum: &str, report: &mut Report) {
    let mut reasons = Vec::new();
    for server in quorum.split(',').map(str::trim) {
        match timeout(PATIENCE, TcpStream::connect(server)).await {
            Ok(Ok(_)) => return report.fact(format!("the ZooKeeper server {server} answers")),
            Ok(Err(e)) => reasons.push(format!("{server}: {e}")),
            Err(_) => reasons.push(format!("{server}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
    let why = reasons.join("; ");
    report.error(format!("high-availability.zookeeper.quorum: no server can be reached: {why}"));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mesos::local::{LocalCluster, LocalOptions};
    use tempfile::TempDir;

    use super::*;

    /// A sound installation with hollow files, which each test breaks in its own way.
    struct Installation {
        folder: TempDir,
        dynamic: Vec<String>,
    }

    impl Installation {
        fn new(master: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = [
                ("flink/bin/config.sh", ""),
                ("flink/lib/flink-dist-1.20.5.jar", ""),
                ("flink/conf/log4j-console.properties", ""),
                ("flink/conf/config.yaml", "jobmanager.memory.process.size: 1600m\n"),
                ("flink-mesos-executor", ""),
                ("jdk/bin/java", ""),
                ("jdk/release", "JAVA_VERSION=\"17.0.15\"\n"),
            ];
            for (name, content) in files {
                let path = folder.path().join(name);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, content).unwrap();
            }
            let this = Self { folder, dynamic: Vec::new() };
            let executor = format!("mesos.executor.binary={}", this.path("flink-mesos-executor"));
            this.with(&format!("mesos.master={master}"))
                .with("taskmanager.memory.process.size=1g")
                .with("jobmanager.rpc.port=0")
                .with("rest.port=0")
                .with(&executor)
        }

        fn path(&self, name: &str) -> String {
            self.folder.path().join(name).to_str().unwrap().to_owned()
        }

        fn with(mut self, property: &str) -> Self {
            self.dynamic.push(property.to_owned());
            self
        }

        fn configured(self, text: &str) -> Self {
            fs_err::write(self.path("flink/conf/config.yaml"), text).unwrap();
            self
        }

        async fn check(&self, offline: bool) -> Report {
            let java_home = self.path("jdk");
            let lookup = move |name: &str| (name == "JAVA_HOME").then(|| java_home.clone());
            let request = Request {
                flink_home: Some(self.path("flink").into()),
                dynamic: self.dynamic.clone(),
                ..Request::default()
            };
            check(request, Arc::new(lookup), offline).await.unwrap()
        }

        /// The texts of all errors.
        async fn errors(&self, offline: bool) -> Vec<String> {
            let findings = self.check(offline).await.findings;
            findings.into_iter().filter(|finding| finding.fatal).map(|finding| finding.text).collect()
        }
    }

    #[tokio::test]
    async fn a_sound_installation_has_no_findings_and_says_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let options = LocalOptions { work_dir: folder.path().to_owned(), ..LocalOptions::default() };
        let cluster = LocalCluster::start(options).await.unwrap();
        let report = Installation::new(&cluster.master()).check(false).await;
        cluster.shutdown().await;
        assert_eq!(report.findings, []);
        let text = report.to_string();
        for part in ["Flink 1.20.5", "Java 17", "TaskManagers: 1", "3 files", "answers", "errors: 0, warnings: 0"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[tokio::test]
    async fn every_problem_is_in_one_list_with_its_place() {
        let installation = Installation::new("zk:/nonsense")
            .configured("mesos.resourcemanager.tasks.gpus: many\nmesos.typo: 1\nmesos.initial-tasks: -1\n")
            .with("security.kerberos.login.keytab=/no/keytab")
            .with("mesos.resourcemanager.tasks.uris=x")
            .with("mesos.constraints.hard.hostattribute=x")
            .with("mesos.executor.binary=/no/executor")
            .with("taskmanager.memory.process.size=1k");
        let report = installation.check(true).await;
        let text = report.to_string();
        let file = installation.path("flink/conf/config.yaml");
        for part in [
            format!("error: mesos.resourcemanager.tasks.gpus: 'many' is not a whole number (from {file}:1)"),
            format!("warning: mesos.typo: there is no such option (from {file}:2)"),
            format!("(from {file}:3)"),
            "error: mesos.master: zk:/nonsense".to_owned(),
            "error: the TaskManager's memory: ".to_owned(),
            "error: mesos.resourcemanager.tasks.uris: x: is not absolute".to_owned(),
            "error: mesos.constraints.hard.hostattribute: x: ".to_owned(),
            "error: the JobManager's memory: ".to_owned(),
            "error: security.kerberos.login.keytab: ".to_owned(),
            "(from -D)".to_owned(),
        ] {
            assert!(text.contains(&part), "{part} is missing in {text}");
        }
        assert!(report.is_fatal());
        assert_eq!(text.matches("tasks.gpus").count(), 1, "told twice: {text}");
    }

    #[tokio::test]
    async fn a_broken_file_does_not_hide_a_broken_property() {
        let installation = Installation::new("127.0.0.1:1").configured("a: [1\nb: 2\n").with("=x");
        let errors = installation.errors(true).await;
        assert_eq!(errors.len(), 2, "{errors:#?}");
        assert!(errors[0].contains("config.yaml:"), "{errors:#?}");
        assert!(errors[1].contains("has no key"), "{errors:#?}");
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_by_its_key() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let installation = Installation::new("127.0.0.1:1").with(&format!("rest.port={port}"));
        let errors = installation.errors(true).await;
        assert!(matches!(errors.as_slice(), [error] if error.starts_with("rest.port: ")), "{errors:#?}");
    }

    #[tokio::test]
    async fn a_mesos_or_zookeeper_that_does_not_answer_is_an_error_unless_offline() {
        let installation = Installation::new("127.0.0.1:1")
            .with("high-availability.type=zookeeper")
            .with("high-availability.zookeeper.quorum=127.0.0.1:1");
        assert_eq!(installation.errors(true).await, Vec::<String>::new());
        let errors = installation.errors(false).await;
        let parts = ["mesos.master: 127.0.0.1:1 cannot be reached", "high-availability.zookeeper.quorum: "];
        assert!(errors.len() == 2 && errors.iter().zip(parts).all(|(e, part)| e.starts_with(part)), "{errors:#?}");
    }
}
