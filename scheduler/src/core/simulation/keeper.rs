//! The simulated store: ZooKeeper with its lock, or a file of one application master.

use super::{events::Event, parts::Write, world::World};

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
