//! Which agent an operator's command means.

use scheduler::core::message::Input;

use super::Shell;
use crate::abbreviation::{self, Meant};

impl Shell<'_> {
    /// The command with the whole name of its agent, or why it cannot be carried out.
    pub(super) fn with_whole_name(&self, input: Input) -> Result<Input, String> {
        let core = self.driver.core();
        Ok(match input {
            // The agent may not have joined yet.
            Input::Drain(agent) => Input::Drain(self.known(&agent)?.unwrap_or(agent)),
            Input::Undrain(agent) => {
                let drained = core.draining().iter().map(String::as_str);
                let meant = one(&agent, abbreviation::agent(&agent, drained))?;
                Input::Undrain(meant.unwrap_or(agent))
            }
            Input::ClearAgent(Some(agent)) => {
                Input::ClearAgent(Some(self.known(&agent)?.ok_or_else(|| {
                    let failed = core.suspicions().into_iter().map(|failed| failed.agent);
                    unknown(&agent, &failed.collect::<Vec<_>>())
                })?))
            }
            other => other,
        })
    }

    /// The agent that is meant, among all that have made an offer, run a worker, or failed.
    fn known(&self, given: &str) -> Result<Option<String>, String> {
        let core = self.driver.core();
        let suspicions = core.suspicions();
        let places = core.workers().values().map(|worker| &worker.record.place);
        let places = places.flat_map(|place| [place.agent.as_str(), place.hostname.as_str()]);
        let failed = suspicions.iter().map(|failed| failed.agent.as_str());
        let known = self.driver.agents().chain(places).chain(failed);
        one(given, abbreviation::agent(given, known))
    }
}

fn one(given: &str, meant: Meant) -> Result<Option<String>, String> {
    match meant {
        Meant::Nothing => Ok(None),
        Meant::One(name) => Ok(Some(name)),
        Meant::Several(names) => {
            Err(format!("{given:?} stands for several agents: {}", names.join(", ")))
        }
    }
}

/// No agent of this name is known.
fn unknown(given: &str, failed: &[String]) -> String {
    let failed = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    format!(
        "no agent with the id or host name {given:?} has been seen (agents with failures: {failed}); \
         `flink-mesos workers list` shows them"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ambiguous_agent_is_refused_with_its_candidates_and_an_unknown_one_with_those_that_failed()
    {
        let both = vec!["a.x".to_owned(), "a.y".to_owned()];
        let error = one("a", Meant::Several(both)).unwrap_err();
        assert_eq!(error, "\"a\" stands for several agents: a.x, a.y");
        let error = unknown("agent-7", &["S1".to_owned()]);
        assert!(error.contains("\"agent-7\"") && error.contains("failures: S1"), "{error}");
        assert!(unknown("agent-7", &[]).contains("failures: none"));
    }
}
