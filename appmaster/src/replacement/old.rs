//! The old cluster, as the new one speaks with it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    control::{
        client::{Client, ControlError},
        hand_over::{HandOverRequest, HandOverState, Step},
    },
    shell::LEASE,
};

/// How often it is asked.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// How long it may give no answer before this cluster gives up: early enough to have stopped the job
/// before the old cluster continues it.
pub(super) const SILENCE: Duration = Duration::from_secs(LEASE.as_secs() / 2);

/// The old cluster.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) client: Client,
    pub(super) name: String,
    /// The cluster that replaces it.
    pub(super) new: String,
}

/// What it says about the hand-over.
#[derive(Debug)]
pub(super) enum Said {
    State(HandOverState),
    /// Its application master has ended.
    Ended,
}

impl Old {
    /// Asks once.
    pub(super) async fn ask(
        &self,
        step: Step,
        folder: Option<String>,
    ) -> Result<HandOverState, ControlError> {
        let to = self.new.clone();
        self.client.hand_over(HandOverRequest { to, step, folder }).await
    }

    /// Asks until it answers, unless it was silent for too long since `heard`, which is updated.
    pub(super) async fn say(&self, step: Step, heard: &mut Instant) -> Result<Said, String> {
        loop {
            let asked = Instant::now();
            match self.ask(step, None).await {
                Ok(state) => {
                    *heard = asked;
                    return Ok(Said::State(state));
                }
                Err(error) if error.has_ended() => return Ok(Said::Ended),
                Err(error) if heard.elapsed() > SILENCE => {
                    return Err(format!(
                        "cluster {:?} has not answered for {} s: {error}",
                        self.name,
                        SILENCE.as_secs()
                    ));
                }
                Err(_) => sleep(PERIOD).await,
            }
        }
    }

    /// Whether its job runs again, within `most`.
    pub(super) async fn runs_again(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        while Instant::now() < until {
            // Only a job that runs can be handed over.
            if let Ok(HandOverState::Possible { .. }) = self.ask(Step::Check, None).await {
                return true;
            }
            sleep(PERIOD).await;
        }
        false
    }
}
