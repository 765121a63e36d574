#![allow(clippy::unwrap_used)]
mod application;
mod machine;
mod options;
mod secrets;
mod writers;

use tempfile::TempDir;

use super::*;
use crate::report::Report;

/// A valid installation with empty files, which each test breaks in its own way.
pub(crate) struct Installation {
    folder: TempDir,
    dynamic: Vec<String>,
    job: Option<Job>,
    jars: Vec<String>,
}

impl Installation {
    pub(crate) fn new(master: &str) -> Self {
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
        let this = Self { folder, dynamic: Vec::new(), job: None, jars: Vec::new() };
        let executor = format!("mesos.executor.binary={}", this.path("flink-mesos-executor"));
        this.with(&format!("mesos.master={master}"))
            .with("taskmanager.memory.process.size=1g")
            .with("jobmanager.rpc.port=0")
            .with("rest.port=0")
            .with(&executor)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn with(mut self, property: &str) -> Self {
        self.dynamic.push(property.to_owned());
        self
    }

    fn configured(self, text: &str) -> Self {
        fs_err::write(self.path("flink/conf/config.yaml"), text).unwrap();
        self
    }

    /// What a start would get.
    pub(crate) fn request(&self) -> Request {
        Request {
            flink_home: Some(self.path("flink").into()),
            dynamic: self.dynamic.clone(),
            jars: self.jars.clone(),
            job: self.job.clone(),
            ..Request::default()
        }
    }

    pub(crate) fn lookup(&self) -> Arc<Lookup> {
        let java_home = self.path("jdk");
        Arc::new(move |name: &str| (name == "JAVA_HOME").then(|| java_home.clone()))
    }

    /// What the pass finds. It makes a plan unless something is fatal.
    async fn check(&self) -> Report {
        let inspection = Inspection::of(self.request(), self.lookup()).await.unwrap();
        let report = inspection.report.clone();
        match inspection.plan() {
            Ok(plan) => assert_eq!((report.is_fatal(), plan.warnings), (false, report.warnings())),
            Err(refusal) => {
                assert!(report.is_fatal() && refusal.exit_code() == 64, "{report}");
                assert_eq!(refusal.to_string(), report.failure().to_string());
            }
        }
        report
    }

    /// The texts of all errors.
    async fn errors(&self) -> Vec<String> {
        let findings = self.check().await.findings;
        findings.into_iter().filter(|finding| finding.fatal).map(|finding| finding.text).collect()
    }
}
