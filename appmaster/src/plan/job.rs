//! The job of a cluster that has one of its own: which it is, and a check of its file.

use std::path::PathBuf;

use flink::{
    command::Application,
    config::{Configuration, Source},
    home::FlinkHome,
    java::Java,
    options::{
        flink::TASKMANAGER_NUMBEROFTASKSLOTS,
        mesos::{APPLICATION_JARS, JOB_GRAPH_PATH},
    },
};

use super::application;
use crate::{
    environment::Lookup,
    job_file::{GraphFile, JobGraph, SqlFile, Tools, ToolsJar},
    report::Report,
    settings::Draft,
};

/// The job of a cluster of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// What an application's `main` submits.
    Application(Application),
    /// A serialized job graph.
    Graph(GraphFile),
    /// A file of SQL statements.
    Sql(SqlFile),
}

impl Job {
    /// The requested job; or the job graph that the configuration names.
    pub(super) fn of(
        requested: Option<&Self>,
        config: &Configuration,
        report: &mut Report,
    ) -> Option<Self> {
        let Some(path) = config.get(&JOB_GRAPH_PATH) else { return requested.cloned() };
        let origin = config.source(&JOB_GRAPH_PATH).unwrap_or(&Source::Default);
        match requested {
            Some(Self::Application(job)) if job.job_class.is_none() => {
                Some(Self::Graph(GraphFile {
                    path: path.into(),
                    option: JOB_GRAPH_PATH.key(),
                    savepoint: job.savepoint.clone(),
                    allow_non_restored_state: job.allow_non_restored_state,
                }))
            }
            Some(Self::Graph(_)) => requested.cloned(),
            Some(job) => {
                report.error(format!(
                    "{JOB_GRAPH_PATH} (from {origin}) names another job: remove it, or remove \
                     --job-classname and --sql"
                ));
                Some(job.clone())
            }
            None => {
                report.error(format!(
                    "{JOB_GRAPH_PATH} (from {origin}): a session has no job of its own: start `flink-mesos job`"
                ));
                None
            }
        }
    }

    /// What runs in the JobManager itself.
    pub(crate) fn application(&self) -> Option<&Application> {
        match self {
            Self::Application(job) | Self::Sql(SqlFile { application: job, .. }) => Some(job),
            Self::Graph(_) => None,
        }
    }

    /// The same job, started from this savepoint.
    pub(crate) fn started_from(&self, path: String) -> Self {
        let mut job = self.clone();
        match &mut job {
            Self::Application(job) | Self::Sql(SqlFile { application: job, .. }) => {
                job.savepoint = Some(path);
            }
            Self::Graph(graph) => graph.savepoint = Some(path),
        }
        job
    }

    /// The savepoint that it starts from.
    pub(super) fn savepoint(&self) -> Option<&str> {
        match self {
            Self::Application(job) | Self::Sql(SqlFile { application: job, .. }) => {
                job.savepoint.as_deref()
            }
            Self::Graph(graph) => graph.savepoint.as_deref(),
        }
    }

    /// Writes the jar with our classes if the job needs it, and adds it to the job's jars. Blocks.
    pub(super) fn add_our_classes(
        &self,
        config: &mut Configuration,
        report: &mut Report,
    ) -> Option<ToolsJar> {
        if !matches!(self, Self::Sql(_)) {
            return None;
        }
        let jar = report.value(ToolsJar::write())?;
        let ours = jar.path().display().to_string();
        let jars = match config.get(&APPLICATION_JARS).filter(|jars| !jars.is_empty()) {
            Some(jars) => format!("{jars};{ours}"),
            None => ours,
        };
        config.set(&APPLICATION_JARS, jars, Source::Computed("--sql"));
        Some(jar)
    }
}

/// What the check of a job's file needs.
pub(super) struct Check<'a> {
    pub(super) home: &'a FlinkHome,
    pub(super) java: &'a Java,
    pub(super) config: &'a Configuration,
    pub(super) settings: &'a Draft,
}

impl Check<'_> {
    /// Checks the job's file with Flink's own classes, in a JVM.
    pub(super) async fn file(&self, job: &Job, lookup: &Lookup, report: &mut Report) {
        let Self { home, java, config, .. } = *self;
        let user_jars = user_jars(home, config).await;
        let tools = Tools { home, java, config, lookup, user_jars: &user_jars };
        match job {
            Job::Application(_) => {}
            Job::Sql(file) => {
                if report.value(file.check(&tools).await).is_some() {
                    report.fact(format!("no mistakes were found in {}", file.path.display()));
                }
            }
            Job::Graph(file) => {
                if let Some(graph) = report.value(file.describe(&tools).await) {
                    let JobGraph { id, name, .. } = &graph;
                    report.fact(format!("{} is job {name} ({id})", file.path.display()));
                    self.slots(&graph, report);
                }
            }
        }
    }

    /// Warns if the job would wait for slots in vain.
    fn slots(&self, graph: &JobGraph, report: &mut Report) {
        let Some(workers) = &self.settings.workers else { return };
        let each = self.config.read(&TASKMANAGER_NUMBEROFTASKSLOTS).unwrap_or(1);
        let most = workers.scaling.scale.max();
        let slots = most.saturating_mul(usize::try_from(each).unwrap_or(1));
        if graph.slots > slots {
            report.warning(format!(
                "job {} takes {} slots at once, but {most} TaskManagers have {slots}: set mesos.workers \
                 (--workers), mesos.workers.max or taskmanager.numberOfTaskSlots",
                graph.name, graph.slots
            ));
        }
    }
}

/// The jars of the user's own classes.
pub(crate) async fn user_jars(home: &FlinkHome, config: &Configuration) -> Vec<PathBuf> {
    let (home, config) = (home.clone(), config.clone());
    let listed = tokio::task::spawn_blocking(move || application::user_jars(&home, &config));
    listed.await.unwrap_or_default()
}
