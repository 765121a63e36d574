//! The kind of cluster: its JobManager, and what the end of that means.

use anyhow::anyhow;
use flink::{
    command::{self, Application, CommandError, CommandLine, Directories},
    config::Configuration,
    home::FlinkHome,
    java::Java,
};
use scheduler::core::state::Ended;

use crate::{environment::Lookup, failure::Failure, plan::Job, shell::Outcome};

/// The kind of cluster: a session runs jobs until it is stopped, the others end with their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster(pub(super) Option<Job>);

impl Cluster {
    /// The JobManager's command. Blocks: it makes folders and links.
    pub(super) fn command(
        &self,
        home: &FlinkHome,
        java: &Java,
        config: &Configuration,
        directories: &Directories,
        lookup: &Lookup,
    ) -> Result<CommandLine, CommandError> {
        match self.application() {
            None => command::job_manager(home, java, config, directories, lookup),
            Some(job) => command::application(home, java, config, directories, job, lookup),
        }
    }

    fn application(&self) -> Option<&Application> {
        self.0.as_ref()?.application()
    }

    pub(super) fn runs_application(&self) -> bool {
        self.application().is_some()
    }

    /// What the cluster runs, if it ends with that.
    pub(super) fn runs(&self) -> Option<&'static str> {
        let job = self.0.as_ref()?;
        Some(if job.application().is_some() { "application" } else { "job" })
    }

    /// The program's result for the outcome of a run.
    pub(super) fn verdict(&self, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Stopped => verdict(self.stopped()),
            Outcome::Ended | Outcome::Deposed => Ok(()),
        }
    }

    /// The end of a cluster that was stopped: an application or a job has not finished then.
    pub(super) fn stopped(&self) -> Ended {
        let why = |runs| format!("stopped before the {runs} had finished");
        self.runs().map(why).map_or_else(Ended::default, |why| Ended { exit_code: 2, why })
    }
}

/// The program's result for this end.
pub(super) fn verdict(Ended { exit_code, why }: Ended) -> Result<(), Failure> {
    match exit_code {
        0 => Ok(()),
        2 => Err(Failure::Cancelled(anyhow!(why))),
        _ => Err(Failure::Other(anyhow!(why))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stopped_application_has_not_finished() {
        let application = Cluster(Some(Job::Application(Application::default())));
        assert_eq!(
            application.verdict(Outcome::Stopped).err().map(|failure| failure.exit_code()),
            Some(2)
        );
        assert!(
            application.verdict(Outcome::Ended).is_ok()
                && Cluster(None).verdict(Outcome::Stopped).is_ok()
        );
    }
}
