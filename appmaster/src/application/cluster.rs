//! The kind of cluster: its JobManager, and what the end of that means.

use anyhow::anyhow;
use flink::{
    command::{self, Application, CommandError, CommandLine, Directories},
    config::Configuration,
    home::FlinkHome,
    java::Java,
};
use scheduler::core::state::Ended;

use crate::{environment::Lookup, failure::Failure, plan::Request, shell::Outcome};

/// The kind of cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cluster {
    /// Runs jobs until it is stopped.
    Session,
    /// Runs one application and ends with it.
    Application(Application),
}

impl Cluster {
    /// The kind that is requested.
    pub(super) fn of(request: &Request) -> Self {
        request.job.clone().map_or(Self::Session, Self::Application)
    }

    /// The JobManager's command. Blocks: it makes folders and links.
    pub(super) fn command(
        &self,
        home: &FlinkHome,
        java: &Java,
        config: &Configuration,
        directories: &Directories,
        lookup: &Lookup,
    ) -> Result<CommandLine, CommandError> {
        match self {
            Self::Session => command::job_manager(home, java, config, directories, lookup),
            Self::Application(job) => {
                command::application(home, java, config, directories, job, lookup)
            }
        }
    }

    pub(super) fn runs_application(&self) -> bool {
        matches!(self, Self::Application(_))
    }

    /// The program's result for the outcome of a run.
    pub(super) fn verdict(&self, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Stopped => verdict(self.stopped()),
            Outcome::Ended | Outcome::Deposed => Ok(()),
        }
    }

    /// The end of a cluster that was stopped: an application has not finished then.
    pub(super) fn stopped(&self) -> Ended {
        if self.runs_application() {
            Ended { exit_code: 2, why: "stopped before the application had finished".to_owned() }
        } else {
            Ended::default()
        }
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
        let application = Cluster::Application(Application::default());
        assert_eq!(
            application.verdict(Outcome::Stopped).err().map(|failure| failure.exit_code()),
            Some(2)
        );
        assert!(
            application.verdict(Outcome::Ended).is_ok()
                && Cluster::Session.verdict(Outcome::Stopped).is_ok()
        );
    }
}
