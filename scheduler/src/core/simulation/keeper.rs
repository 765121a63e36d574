//! The simulated store: ZooKeeper with its lock, or a file of one application master.

use super::world::{Event, World};
use crate::core::state::{Change, State};

/// A write that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) master: usize,
    pub(crate) session: u64,
    pub(crate) number: u64,
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    /// The durable state.
    pub(crate) state: State,
    /// The candidates' sessions in the order of arrival; the first one leads.
    pub(crate) queue: Vec<(u64, usize)>,
    pub(crate) up: bool,
    /// A copy of the state that an operator may restore.
    pub(crate) copy: Option<State>,
    /// Writes that wait for the store to return.
    waiting: Vec<Write>,
}

impl Keeper {
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            state: State::fresh(epoch),
            queue: Vec::new(),
            up: true,
            copy: None,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn leads(&self, session: u64) -> bool {
        self.queue.first().is_some_and(|(first, _)| *first == session)
    }

    /// Replaces the state by another one; nobody remembers the old one.
    pub(crate) fn forgets(&mut self, state: State) {
        self.state = state;
        self.queue.clear();
        self.waiting.clear();
    }
}

impl World {
    pub(crate) fn write(&mut self, write: Write) {
        if !self.keeper.up || self.cut_from_keeper == Some(write.master) {
            self.keeper.waiting.push(write);
        } else if self.keeper.leads(write.session) {
            for change in &write.changes {
                self.check_change(change);
                self.keeper.state.apply(change);
            }
            let delay = self.latency();
            self.at(
                delay,
                Event::Written {
                    master: write.master,
                    session: write.session,
                    number: write.number,
                },
            );
        } else {
            let event = Event::Deposed { master: write.master, session: write.session };
            self.at(0, event);
        }
    }

    pub(crate) fn keeper_returns(&mut self) {
        self.keeper.up = true;
        self.cut_from_keeper = None;
        for write in std::mem::take(&mut self.keeper.waiting) {
            self.write(write);
        }
    }

    /// A session ends: it leaves the queue, and the next one leads.
    pub(crate) fn session_ends(&mut self, session: u64) {
        let led = self.keeper.leads(session);
        self.keeper.queue.retain(|(other, _)| *other != session);
        self.keeper.waiting.retain(|write| write.session != session);
        if led {
            self.let_next_lead();
        }
    }

    pub(crate) fn let_next_lead(&mut self) {
        if let Some((session, master)) = self.keeper.queue.first().copied() {
            let delay = self.latency();
            self.at(delay, Event::Lead { master, session });
        }
    }
}
