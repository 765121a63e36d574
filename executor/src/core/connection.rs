//! The connection to the agent, as the core sees it; [`crate::core`] draws its states.

use std::time::Duration;

/// How long to try the first subscription without checkpointing, when there is no recovery timeout.
/// Mesos itself waits one minute for an executor to register.
const FIRST_SUBSCRIPTION: Duration = Duration::from_secs(60);

/// The first pause between two attempts; it doubles after each.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause. A restarted agent waits two seconds for its executors, so it stays well
/// below.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    /// How long a lost agent may stay away; none without checkpointing: the executor then ends at
    /// once.
    recovery: Option<Duration>,
    longest_pause: Duration,
}

#[derive(Debug)]
enum State {
    Connecting(Attempts),
    Subscribed { since: Duration },
    Disconnected(Attempts),
    GivenUp,
}

#[derive(Debug)]
struct Attempts {
    deadline: Duration,
    pause: Duration,
    /// When to try next; none while an attempt is under way.
    next: Option<Duration>,
}

/// What to do for the connection now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Subscribe,
    GiveUp,
}

impl Connection {
    pub(super) fn new(now: Duration, recovery: Option<Duration>, backoff_max: Duration) -> Self {
        let attempts = Attempts::new(now, now + recovery.unwrap_or(FIRST_SUBSCRIPTION));
        let longest_pause = (backoff_max / 4).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        Self { state: State::Connecting(attempts), recovery, longest_pause }
    }

    pub(super) fn subscribed(&mut self, now: Duration) {
        if !matches!(self.state, State::GivenUp) {
            self.state = State::Subscribed { since: now };
        }
    }

    /// The stream ended, or an attempt to open it failed.
    pub(super) fn lost(&mut self, now: Duration) {
        match &mut self.state {
            State::Subscribed { .. } => {
                let deadline = now + self.recovery.unwrap_or(Duration::ZERO);
                self.state = State::Disconnected(Attempts::new(now, deadline));
            }
            State::Connecting(attempts) | State::Disconnected(attempts) => {
                attempts.failed(now, self.longest_pause);
            }
            State::GivenUp => {}
        }
    }

    /// What is due at this time. A returned `Subscribe` counts as begun.
    pub(super) fn due(&mut self, now: Duration) -> Due {
        let (State::Connecting(attempts) | State::Disconnected(attempts)) = &mut self.state else {
            return Due::Nothing;
        };
        if attempts.deadline <= now {
            self.state = State::GivenUp;
            return Due::GiveUp;
        }
        if attempts.next.is_some_and(|next| next <= now) {
            attempts.next = None;
            return Due::Subscribe;
        }
        Due::Nothing
    }

    /// Since when the agent receives our updates; none while not subscribed.
    pub(super) fn subscribed_since(&self) -> Option<Duration> {
        match self.state {
            State::Subscribed { since } => Some(since),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Connecting(attempts) | State::Disconnected(attempts) => {
                Some(attempts.next.map_or(attempts.deadline, |next| next.min(attempts.deadline)))
            }
            State::Subscribed { .. } | State::GivenUp => None,
        }
    }
}

impl Attempts {
    fn new(now: Duration, deadline: Duration) -> Self {
        Self { deadline, pause: FIRST_PAUSE, next: Some(now) }
    }

    fn failed(&mut self, now: Duration, longest: Duration) {
        self.next = Some(now + self.pause);
        self.pause = (self.pause * 2).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_between_attempts_stay_below_the_agents_reregistration_timeout() {
        let mut connection = Connection::new(Duration::ZERO, Some(SECOND * 900), SECOND * 2);
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert_eq!(connection.due(now), Due::Subscribe);
            connection.lost(now);
            let next = connection.deadline().unwrap();
            pauses.push(next.saturating_sub(now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [50, 100, 200, 400, 500, 500, 500, 500]);
    }

    #[test]
    fn with_checkpointing_a_lost_agent_may_return_within_the_recovery_timeout() {
        let mut connection = Connection::new(Duration::ZERO, Some(SECOND * 900), SECOND * 2);
        connection.subscribed(SECOND);
        connection.lost(SECOND * 2);
        assert_eq!(connection.due(SECOND * 2), Due::Subscribe);
        assert_eq!(connection.due(SECOND * 901), Due::Nothing);
        assert_eq!(connection.due(SECOND * 902), Due::GiveUp);
        connection.subscribed(SECOND * 903);
        assert_eq!(connection.subscribed_since(), None);
    }

    #[test]
    fn without_checkpointing_a_lost_agent_is_given_up_at_once() {
        let mut connection = Connection::new(Duration::ZERO, None, SECOND * 2);
        assert_eq!(connection.due(Duration::ZERO), Due::Subscribe);
        connection.lost(Duration::ZERO);
        assert_eq!(connection.due(SECOND), Due::Subscribe);
        connection.subscribed(SECOND);
        connection.lost(SECOND * 2);
        assert_eq!(connection.due(SECOND * 2), Due::GiveUp);
    }
}
