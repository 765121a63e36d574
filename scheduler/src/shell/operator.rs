//! What an operator asks for.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Next, Outcome, Shell};
use crate::control::{Ask, Asked, view};

impl Shell<'_> {
    /// Does it, and tells how things stand then.
    pub(super) async fn asked(&mut self, Asked { what, answer }: Asked) -> Next {
        let shown = match what {
            Ask::History => view::history(&self.core, &self.view.executors),
            Ask::Workers => view::workers(&self.core, &self.view.executors),
            Ask::Stop => {
                self.console.tell("command", "As the operator asks: the cluster ends.", json!({ "command": "Stop" }));
                // Now: where nothing runs the end comes at once.
                _ = answer.send(view::workers(&self.core, &self.view.executors));
                return self.end(Ok(Outcome::Stopped)).await;
            }
            Ask::Command(input) => {
                let text = format!("As the operator asks: {input:?}");
                self.console.tell("command", &text, json!({ "command": format!("{input:?}") }));
                if let Next::End(ended) = self.tell(input).await {
                    return Next::End(ended);
                }
                // Whoever has our word may rely on it, whatever becomes of us.
                if let Some(number) = self.core.unstored() {
                    self.promised.push(Promised { number, answer });
                    return Next::GoOn;
                }
                view::workers(&self.core, &self.view.executors)
            }
        };
        // Whoever asked may have gone.
        _ = answer.send(shown);
        Next::GoOn
    }

    /// Answers whoever waited for what is durable now.
    pub(super) fn keep_promises(&mut self, stored: u64) {
        for Promised { answer, .. } in self.promised.extract_if(.., |promised| promised.number <= stored) {
            _ = answer.send(view::workers(&self.core, &self.view.executors));
        }
    }
}

/// An answer that waits for the store.
#[derive(Debug)]
pub(super) struct Promised {
    number: u64,
    answer: oneshot::Sender<Value>,
}
