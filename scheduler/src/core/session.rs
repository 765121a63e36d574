//! Our framework, and its subscription to the master.

use super::{
    effects::Effects,
    message::Output,
    state::{Change, Registration},
};

/// The framework as which we are registered.
#[derive(Debug)]
pub(super) struct Session {
    /// User and principal to register with.
    ours: Registration,
    framework: Option<String>,
    /// User and principal of the registered framework, as far as they are known.
    registration: Option<Registration>,
    subscribed: bool,
    /// Whether a teardown was requested on this connection.
    tearing_down: bool,
}

impl Session {
    /// Not subscribed yet, with the framework of the stored state.
    pub(super) fn new(
        ours: Registration,
        framework: Option<String>,
        registration: Option<Registration>,
    ) -> Self {
        Self { ours, framework, registration, subscribed: false, tearing_down: false }
    }

    /// Whether the master takes our calls now.
    pub(super) fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Whether we have a framework.
    pub(super) fn is_registered(&self) -> bool {
        self.framework.is_some()
    }

    /// Whether an output that has waited for the store is still to be carried out.
    pub(super) fn lets_pass(&self, output: &Output) -> bool {
        match output {
            // Mesos has registered us after all: tear the framework down before the end.
            Output::Stopped => !self.is_registered(),
            // Without a connection, nobody receives the kill. It is repeated on the next one.
            Output::Kill { .. } => self.subscribed,
            _ => true,
        }
    }

    /// The master has accepted the subscription under this framework id.
    pub(super) fn subscribed(&mut self, framework: String, effects: &mut Effects) {
        self.registered_as(framework, effects);
        self.subscribed = true;
        self.tearing_down = false;
    }

    /// Stores user and principal. A framework that was registered before keeps its user whatever we
    /// send. Its principal is ours, or the master would have refused us.
    fn registered_as(&mut self, framework: String, effects: &mut Effects) {
        let is_new = self.framework.as_ref() != Some(&framework);
        let before = self.registration.take().filter(|_| !is_new);
        let Registration { user, principal } = self.ours.clone();
        let user = if is_new { user } else { before.as_ref().and_then(|known| known.user.clone()) };
        let registration = Registration { user, principal };
        let mut changes = Vec::new();
        if is_new {
            self.framework = Some(framework.clone());
            changes.push(Change::Framework(Some(framework)));
        }
        if before.as_ref() != Some(&registration) {
            changes.push(Change::Registration(registration.clone()));
        }
        self.registration = Some(registration);
        if !changes.is_empty() {
            effects.store_then(changes, Vec::new());
        }
    }

    /// The connection to the master is lost.
    pub(super) fn disconnected(&mut self) {
        self.subscribed = false;
    }

    /// The framework is gone.
    pub(super) fn forget(&mut self) {
        (self.framework, self.registration) = (None, None);
    }

    /// Begins the end of the framework, once per connection. Returns whether it begins now.
    pub(super) fn begin_end(&mut self) -> bool {
        let can_be_told = self.subscribed || self.framework.is_none();
        can_be_told && !std::mem::replace(&mut self.tearing_down, true)
    }

    /// Nothing follows: the framework was torn down.
    pub(super) fn torn_down(&mut self) {
        self.tearing_down = true;
    }
}
