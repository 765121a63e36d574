//! The JobManager's configuration and command.

use std::sync::Arc;

use anyhow::anyhow;
use flink::{
    command::{self, Directories},
    config::{Configuration, Source},
    options::mesos::TASK_MANAGER_VARIABLE,
};
use tokio::task::spawn_blocking;

use super::{Cluster, heartbeats, parts::Setup};
use crate::{
    address::RestAddress,
    failure::Failure,
    flink_rest::{FlinkRest, INSTANCE},
    job_file::Tools,
    job_manager::{ExternalJobManager, JobManager, Submission, Supervision, logs},
    plan::{Job, Plan, user_jars},
    settings::StateLocation,
    shell::FromSavepoint,
};

impl Setup {
    /// The JobManager, which we or somebody else runs.
    pub(super) async fn job_manager(&self) -> Result<Supervision, Failure> {
        let Plan { settings, trusted, home, addresses, .. } = &self.plan;
        match (&settings.external, &addresses.rest) {
            (None, Some(rest)) => {
                let own = self.own_job_manager(&self.cluster, rest).await?;
                Ok(Supervision::Own(Box::new(own)))
            }
            (Some(place), _) => Ok(Supervision::External(Box::new(ExternalJobManager {
                place: place.clone(),
                trusted: trusted.rest.clone(),
                flink: home.version.to_string(),
            }))),
            (None, None) => Err(Failure::other(anyhow!("the JobManager has no port"))),
        }
    }

    /// Prepares JobManagers whose job starts from a savepoint, if the cluster has a job of its own.
    pub(super) fn from_savepoint(self: &Arc<Self>) -> Option<FromSavepoint> {
        let job = self.cluster.0.clone()?;
        let (setup, rest) = (Arc::clone(self), self.plan.addresses.rest.clone()?);
        Some(Arc::new(move |savepoint| {
            let (setup, rest) = (Arc::clone(&setup), rest.clone());
            let cluster = Cluster(Some(job.started_from(savepoint)));
            Box::pin(async move {
                let own = setup.own_job_manager(&cluster, &rest).await?;
                setup.with_own_log(Box::new(own)).await.map(|own| *own)
            })
        }))
    }

    /// Writes the JobManager's configuration and makes its command.
    async fn own_job_manager(
        &self,
        cluster: &Cluster,
        rest: &RestAddress,
    ) -> Result<JobManager, Failure> {
        let Self { plan, lookup, place, .. } = self;
        let folder = place.work.join("jobmanager");
        let directories = Directories {
            conf: folder.join("conf"),
            log: place.log.clone(),
            tmp: folder.join("tmp"),
        };
        let instance = instance();
        let mut config = for_job_manager(&plan.config, &instance);
        heartbeats::of_job_manager(&mut config, &plan.settings.state);
        let (home, java, lookup) = (plan.home.clone(), plan.java.clone(), lookup.clone());
        // The command depends on options that the JobManager's own configuration leaves out: the
        // paths of the application's jars.
        let whole = plan.config.clone();
        let runs_application = cluster.runs_application();
        let graph = self.submission(cluster).await?;
        let cluster = cluster.clone();
        let job_manager_config = config.clone();
        let prepared = spawn_blocking(move || {
            command::prepare(&home, &config, &directories)?;
            cluster.command(&home, &java, &whole, &directories, &*lookup)
        });
        let command =
            prepared.await.map_err(Failure::other)?.map_err(|e| Failure::usage(anyhow!(e)))?;
        let web = rest.web.clone();
        let rest = FlinkRest::new(rest.here.clone(), instance, plan.trusted.rest.as_deref())
            .map_err(Failure::other)?;
        Ok(JobManager {
            command,
            runs_application,
            graph,
            resumes: matches!(plan.settings.state, StateLocation::ZooKeeper(_)),
            config: job_manager_config,
            log: place.log.clone(),
            log_name: logs::USUAL.to_owned(),
            log_lock: None,
            work_lock: place.work_lock.clone(),
            rest,
            adaptive: plan.settings.workers.scaling.adaptive,
            web,
        })
    }
}

impl Setup {
    /// The job graph to submit, if the cluster exists for one.
    async fn submission(&self, cluster: &Cluster) -> Result<Option<Submission>, Failure> {
        let Some(Job::Graph(file)) = &cluster.0 else { return Ok(None) };
        let Plan { home, java, config, .. } = &self.plan;
        let jars = user_jars(home, config).await;
        let tools = Tools { home, java, config, lookup: &*self.lookup, user_jars: &jars };
        let folder = self.place.work.join("jobmanager");
        fs_err::tokio::create_dir_all(&folder).await.map_err(Failure::other)?;
        let prepared = file.prepare(&tools, &folder.join("job.graph")).await;
        let (file, job) = prepared.map_err(|error| Failure::usage(anyhow!(error)))?;
        let jars = [&jars[..], &job.jars].concat();
        Ok(Some(Submission { file, jars, job }))
    }
}

/// Prefixes of the keys that the JobManager's configuration leaves out.
const HIDDEN_PREFIXES: [&str; 3] =
    ["mesos.", "containerized.master.env.", TASK_MANAGER_VARIABLE.prefix()];

/// A unique name for a JobManager.
fn instance() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The JobManager's configuration. Its web page and its log show it to everyone, and it reads
/// nothing of `mesos.*`, which holds the access to Mesos and to the sources of users' files.
/// Variables of containers, which Flink does not read either, are left out too.
fn for_job_manager(config: &Configuration, instance: &str) -> Configuration {
    let mut job_manager_config = config.clone();
    for (key, _) in config
        .iter()
        .filter(|(key, _)| HIDDEN_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
    {
        job_manager_config.remove(key);
    }
    job_manager_config.set(
        INSTANCE,
        instance,
        Source::Computed("the application master, which knows its JobManager by it"),
    );
    job_manager_config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_managers_configuration_has_no_mesos_options() {
        let mut config = Configuration::new();
        for key in [
            "mesos.master",
            "mesos.web.token",
            "mesos.source.gs.credential",
            "containerized.master.env.X",
            "containerized.taskmanager.env.X",
            "rest.port",
        ] {
            config.set(key, "x", Source::DynamicProperty);
        }
        let job_manager_config = for_job_manager(&config, "7");
        assert_eq!(
            job_manager_config.iter().collect::<Vec<_>>(),
            [("rest.port", "x"), (INSTANCE, "7")]
        );
    }
}
