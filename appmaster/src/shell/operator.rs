//! The operator's requests.

use std::time::Duration;

use scheduler::core::message::Input;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

use super::{Next, Outcome, Shell};
use crate::control::{Answer, PendingRequest, Refusal, Request, offers::Offers, view};

/// How long an operator waits until the end of the cluster is durable.
const LONGEST_WRITE: Duration = Duration::from_secs(2);

impl Shell<'_> {
    /// Carries out a request and answers with the resulting state.
    pub(super) async fn asked(
        &mut self,
        PendingRequest { request, answer }: PendingRequest,
    ) -> Next {
        let shown = match request {
            Request::Status => {
                self.answer_status(answer);
                return Next::GoOn;
            }
            Request::Log(request) => {
                self.answer_log(request, answer);
                return Next::GoOn;
            }
            Request::Events(after) => {
                serde_json::to_value(self.console.recent(after)).unwrap_or_default()
            }
            Request::Offers => {
                serde_json::to_value(Offers::of(self.driver.core())).unwrap_or_default()
            }
            Request::Ready => json!(self.is_ready()),
            Request::Metrics => json!(self.metrics_text()),
            Request::History => view::history(self.driver.core(), self.driver.executors()),
            Request::Workers => self.workers(None),
            Request::Stop => {
                self.console.report(
                    "command",
                    "Operator: stopping the cluster.",
                    json!({ "command": "stop" }),
                );
                if self.interrupt_replacement() {
                    _ = answer.send(Ok(self.workers(None)));
                    return Next::GoOn;
                }
                let end = Ok(Outcome::Stopped);
                // Answer once the end is durable, so that it survives a crash, but before the
                // program ends. If the store does not recover soon, the cluster is stopped
                // nevertheless.
                _ = timeout(LONGEST_WRITE, self.record_end(&end)).await;
                _ = answer.send(Ok(self.workers(None)));
                return self.stop(end).await;
            }
            Request::HandOver(request) => {
                let (shown, next) = self.hand_over(request).await;
                _ = answer.send(shown);
                return next;
            }
            Request::Command(input) => {
                let input = match self.with_whole_name(input) {
                    Ok(input) => input,
                    Err(why) => {
                        _ = answer.send(Err(Refusal::Mistake(why)));
                        return Next::GoOn;
                    }
                };
                let warning = self.doubt(&input);
                let (text, fields) = described(&input);
                self.console.report("command", &text, fields);
                if let Some(warning) = &warning {
                    self.console.report(
                        "warning",
                        &format!("Warning: {warning}"),
                        json!({ "warning": warning }),
                    );
                }
                let rescales = matches!(input, Input::Scale(_));
                if let Next::End(ended) = self.feed(input).await {
                    return Next::End(ended);
                }
                if rescales && let Next::End(ended) = self.rescale().await {
                    return Next::End(ended);
                }
                // Answer only once the command is durable, so that it survives a crash.
                if let Some(number) = self.driver.core().unstored() {
                    self.promised.push(Promised { number, warning, answer });
                    return Next::GoOn;
                }
                self.workers(warning)
            }
        };
        // The client may have disconnected.
        _ = answer.send(Ok(shown));
        Next::GoOn
    }

    /// Answers the requests whose commands are durable now.
    pub(super) fn keep_promises(&mut self, stored: u64) {
        let kept: Vec<_> =
            self.promised.extract_if(.., |promised| promised.number <= stored).collect();
        for Promised { answer, warning, .. } in kept {
            _ = answer.send(Ok(self.workers(warning)));
        }
    }

    fn workers(&self, warning: Option<String>) -> Value {
        let mut shown = view::workers(self.driver.core(), self.driver.executors());
        shown["demand"] = self.scaling.shown();
        if let (Some(warning), Value::Object(shown)) = (warning, &mut shown) {
            shown.insert("warnings".to_owned(), json!([warning]));
        }
        shown
    }

    /// A warning if a command looks like a typing error. It is carried out anyway: an agent may be
    /// drained before it registers.
    fn doubt(&self, input: &Input) -> Option<String> {
        match input {
            Input::Drain(agent) => {
                let places =
                    || self.driver.core().workers().values().map(|worker| &worker.record.place);
                let is_known =
                    self.driver.has_seen(agent) || places().any(|place| place.is_called(agent));
                (!is_known).then(|| {
                    format!(
                        "no agent with the id or host name {agent:?} has been seen; it is drained if it comes. \
                             `flink-mesos workers undrain` reverts this"
                    )
                })
            }
            Input::Undrain(agent) => {
                let drained = self.driver.core().draining();
                (!drained.iter().any(|one| one == agent)).then(|| {
                    let drained: Vec<_> = drained.iter().map(String::as_str).collect();
                    let which =
                        if drained.is_empty() { "none is".to_owned() } else { drained.join(", ") };
                    format!("agent {agent:?} is not drained (drained: {which})")
                })
            }
            Input::ClearAgent(Some(agent)) if !self.driver.core().has_failures_on(agent) => {
                Some(format!("no failures on agent {agent:?} count"))
            }
            _ => None,
        }
    }
}

/// A command for people and for programs.
fn described(input: &Input) -> (String, Value) {
    match input {
        Input::Drain(agent) => {
            (format!("Operator: draining {agent}."), json!({ "command": "drain", "agent": agent }))
        }
        Input::Undrain(agent) => {
            let text = format!("Operator: {agent} may be used again.");
            (text, json!({ "command": "undrain", "agent": agent }))
        }
        Input::Restart(pace) => {
            let (surge, missing) = (pace.surge, pace.max_unavailable);
            let text = format!(
                "Operator: restarting all TaskManagers (surge {surge}, max-unavailable {missing})."
            );
            (text, json!({ "command": "restart", "surge": surge, "max_unavailable": missing }))
        }
        Input::Scale(Some(scale)) => {
            let text = format!("Operator: keeping {scale} TaskManagers.");
            (text, json!({ "command": "scale", "min": scale.min(), "max": scale.max() }))
        }
        Input::Scale(None) => {
            let text = "Operator: keeping the configured number of TaskManagers.";
            (text.to_owned(), json!({ "command": "scale", "min": null, "max": null }))
        }
        Input::ClearAgent(agent) => {
            let which = agent.as_deref().unwrap_or("all agents");
            let text = format!("Operator: forgetting the failures on {which}.");
            (text, json!({ "command": "clear-agent", "agent": agent }))
        }
        _ => ("Operator: a command.".to_owned(), json!({ "command": "other" })),
    }
}

/// An answer that waits for the store.
#[derive(Debug)]
pub(super) struct Promised {
    number: u64,
    warning: Option<String>,
    answer: oneshot::Sender<Answer>,
}

#[cfg(test)]
mod tests {
    use scheduler::core::state::Move;

    use super::*;

    #[test]
    fn commands_are_reported_in_sentences() {
        for (input, expected) in [
            (Input::Drain("agent-7".to_owned()), "Operator: draining agent-7."),
            (Input::Undrain("agent-7".to_owned()), "Operator: agent-7 may be used again."),
            (
                Input::Restart(Move { surge: 1, max_unavailable: 0 }),
                "Operator: restarting all TaskManagers (surge 1, max-unavailable 0).",
            ),
            (Input::Scale("2..5".parse().ok()), "Operator: keeping 2 to 5 TaskManagers."),
            (Input::Scale(None), "Operator: keeping the configured number of TaskManagers."),
            (Input::ClearAgent(None), "Operator: forgetting the failures on all agents."),
            (Input::ClearAgent(Some("S1".to_owned())), "Operator: forgetting the failures on S1."),
        ] {
            assert_eq!(described(&input).0, expected);
        }
    }
}
