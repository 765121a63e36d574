//! What an operator asks for.

use serde_json::json;

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
                view::workers(&self.core, &self.view.executors)
            }
        };
        // Whoever asked may have gone.
        _ = answer.send(shown);
        Next::GoOn
    }
}
