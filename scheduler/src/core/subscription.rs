//! Begin and end of the subscription to the master.

use super::{
    Core,
    cause::{Cause, Initiator},
    history::Step,
    message::{Notice, Output},
    state::{Change, Registration},
    worker::Phase,
};

impl Core {
    pub(super) fn subscribed(&mut self, framework: String) {
        self.registered_as(framework);
        self.subscribed = true;
        self.tearing_down = false;
        self.offers_wanted = None;
        self.offerless = None;
        self.narrowed = false;
        self.widened = self.settings.constraints.is_empty();
        self.silence.end();
        let now = self.now;
        self.fleet.update_all(|worker| {
            worker.answered = worker.phase == Phase::Storing;
            // The worker may have reported while we were disconnected.
            (worker.heard, worker.reminders) = (now, 0);
            if let Phase::Killing(next) = &mut worker.phase {
                *next = now;
            }
        });
        self.reconciliation.start(self.now);
        self.replace_misfits();
    }

    /// The user and principal to store. A framework that was registered before keeps its user
    /// whatever we send. Its principal is ours, or the master would have refused us.
    fn registered_as(&mut self, framework: String) {
        let is_new = self.framework.as_ref() != Some(&framework);
        let before = self.registration.take().filter(|_| !is_new);
        let now = self.settings.registration.clone();
        let user =
            if is_new { now.user } else { before.as_ref().and_then(|before| before.user.clone()) };
        let registration = Registration { user, principal: now.principal };
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
            self.store(changes, Vec::new());
        }
    }

    pub(super) fn disconnected(&mut self) {
        self.subscribed = false;
        self.reconciliation.pause();
        let all = self.writes.withdraw_all();
        self.withdraw(all);
        self.moves.disconnected();
    }

    pub(super) fn framework_removed(&mut self) {
        self.disconnected();
        if self.stopping {
            return self.torn_down();
        }
        self.notice(Notice::FrameworkLost);
        self.forget_framework(&Cause::FrameworkRemoved, Vec::new());
    }

    /// In this order: a framework id that only we still know is corrected by Mesos, but one that we
    /// have forgotten is lost.
    pub(super) fn torn_down(&mut self) {
        self.disconnected();
        self.tearing_down = true;
        self.forget_framework(&Cause::FrameworkRemoved, vec![Output::Stopped]);
    }

    /// The framework is gone with all its tasks: deletes the records, which mean nothing without
    /// its id.
    pub(super) fn forget_framework(&mut self, why: &Cause, then: Vec<Output>) {
        (self.framework, self.registration) = (None, None);
        let mut changes = vec![Change::Framework(None)];
        for id in self.fleet.workers().keys().cloned().collect::<Vec<_>>() {
            let Some(worker) = self.fleet.remove(&id) else { continue };
            self.remember(&id, worker.phase.into(), Step::Gone, Initiator::Mesos, why.clone());
            changes.push(Change::Forget(id.clone()));
            self.notice(Notice::Gone(id, why.clone()));
        }
        self.store(changes, then);
    }

    pub(super) fn reconcile(&mut self) {
        if self.fleet.unanswered().len() == 0 {
            self.reconciliation.answered();
        }
        let due = self.reconciliation.due(self.now);
        if due.explicit && self.fleet.unanswered().len() > 0 {
            let unanswered = self.fleet.unanswered();
            let tasks = unanswered
                .map(|worker| (worker.record.id.clone(), worker.record.place.agent.clone()))
                .collect();
            self.outputs.push(Output::Reconcile(tasks));
        }
        if due.implicit {
            self.outputs.push(Output::Reconcile(Vec::new()));
            // Mesos does not mention workers that it does not know (any longer), so they are asked
            // about one by one.
            if !due.explicit && !self.fleet.workers().is_empty() {
                self.fleet.update_all(|worker| worker.answered = worker.phase == Phase::Storing);
                self.reconciliation.ask_soon(self.now);
            }
        }
    }
}
