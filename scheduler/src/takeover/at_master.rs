//! What the Mesos master knows of the stored framework, before anything is started.
//!
//! The state may not say how the framework was registered: that of Flink 1.13 does not. The master
//! does.

use std::{collections::BTreeSet, time::Duration};

use mesos::scheduler::{Knowledge, RegisteredFramework, SchedulerOptions};
use tokio::time::timeout;

use super::{Difference, differences, unknown};
use crate::core::state::{Registration, State};

/// How long the master may take to answer. Without an answer, a mistake shows when the framework
/// subscribes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the master knows of a stored framework.
#[derive(Clone, Debug)]
pub struct AtMaster {
    framework: String,
    workers: usize,
    knowledge: Knowledge,
}

impl AtMaster {
    /// Asks the leading master about the stored framework. `None` if there is none, if it must be
    /// forgotten, or if no master answers.
    pub async fn ask(
        options: &SchedulerOptions,
        state: &State,
        forgotten: Option<&str>,
    ) -> Option<Self> {
        let framework = state.framework.clone().filter(|id| forgotten != Some(id))?;
        let agents = agents_of(state);
        let asked = timeout(PATIENCE, Knowledge::of(options, &framework, &agents)).await;
        let knowledge = asked.ok()?.ok()??;
        Some(Self { framework, workers: state.workers.len(), knowledge })
    }

    /// How the registered framework differs from what the options say, apart from what the state
    /// itself shows.
    pub fn differences(&self, state: &State, wanted: &Registration) -> Vec<Difference> {
        let Knowledge::Registered(found) = &self.knowledge else { return Vec::new() };
        let id = &self.framework;
        let (stored, at_master) =
            (differences(state, wanted, None), registered_as(state, found, wanted));
        let mut more = differences(&at_master, wanted, None);
        more.retain(|difference| !stored.contains(difference));
        if found.checkpoint == Some(false) {
            more.push(Difference::Ignored(format!(
                "the framework {id} is registered without checkpointing, and Mesos keeps that: its TaskManagers end when their agent \
                 restarts. To change it, run `flink-mesos stop` and start again"
            )));
        }
        more
    }

    /// What a start would do about a framework that the master does not have.
    pub fn loss(&self) -> Option<Difference> {
        let (id, workers) = (&self.framework, self.workers);
        match &self.knowledge {
            Knowledge::Registered(_) | Knowledge::Agents => None,
            Knowledge::Completed => Some(Difference::Ignored(format!(
                "Mesos has removed the framework {id} with all its tasks, on request or after mesos.failover-timeout. A start registers \
                 a new framework and launches all TaskManagers"
            ))),
            Knowledge::Unknown { reason, .. } if workers == 0 => {
                Some(Difference::Ignored(format!("{reason}. A start registers a new framework")))
            }
            Knowledge::Unknown { reason, certain: true } => {
                Some(Difference::Refused(unknown(reason, id, workers)))
            }
            Knowledge::Unknown { reason, certain: false } => Some(Difference::Ignored(format!(
                "{reason}; they may still register with it. A start waits for them, 90 s at most. {}",
                super::next_step(id, workers)
            ))),
        }
    }

    /// A sentence about a framework that can be taken over.
    pub fn fact(&self) -> Option<String> {
        let id = &self.framework;
        match &self.knowledge {
            Knowledge::Registered(_) => Some(format!("the Mesos master knows the framework {id}")),
            Knowledge::Agents => {
                Some(format!("the Mesos master knows agents of the framework {id}"))
            }
            Knowledge::Completed | Knowledge::Unknown { .. } => None,
        }
    }
}

/// The agents of a state's workers.
pub fn agents_of(state: &State) -> Vec<String> {
    let agents: BTreeSet<_> = state.workers.values().map(|worker| &worker.place.agent).collect();
    agents.into_iter().filter(|agent| !agent.is_empty()).cloned().collect()
}

/// The state with the registration that the master has. An old master may not list principals.
fn registered_as(state: &State, found: &RegisteredFramework, wanted: &Registration) -> State {
    let principal = found.principal.clone().or_else(|| wanted.principal.clone());
    let registration = Registration { user: found.user.clone(), principal };
    State { registration: Some(registration), ..state.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(knowledge: Knowledge, workers: usize) -> AtMaster {
        AtMaster { framework: "F-0001".to_owned(), workers, knowledge }
    }

    fn unknown_to_it(certain: bool) -> Knowledge {
        Knowledge::Unknown { reason: "the Mesos master h:1 knows neither".to_owned(), certain }
    }

    #[test]
    fn an_unknown_framework_with_workers_is_refused_once_its_agents_would_have_registered() {
        let Some(Difference::Refused(text)) = of(unknown_to_it(true), 2).loss() else {
            panic!("not refused")
        };
        let advice = "-Dmesos.state.forget-framework=F-0001";
        assert!(
            text.starts_with("the Mesos master h:1 knows neither. ") && text.ends_with(advice),
            "{text}"
        );
        let Some(Difference::Ignored(text)) = of(unknown_to_it(false), 2).loss() else {
            panic!("refused")
        };
        assert!(text.contains("may still register") && text.ends_with(advice), "{text}");
        let Some(Difference::Ignored(text)) = of(unknown_to_it(true), 0).loss() else {
            panic!("refused")
        };
        assert!(text.ends_with("A start registers a new framework"), "{text}");
    }

    #[test]
    fn a_framework_that_is_known_by_its_agents_can_be_taken_over() {
        let found = of(Knowledge::Agents, 2);
        assert_eq!(found.loss(), None);
        assert_eq!(
            found.fact().as_deref(),
            Some("the Mesos master knows agents of the framework F-0001")
        );
    }
}
