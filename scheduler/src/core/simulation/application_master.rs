//! Simulated application masters around the real core: the work of the shell, and every way to fail
//! at it.

mod outputs;

use mesos::v1;

use super::{
    events::{Call, Event, FromMaster},
    parts::{ApplicationMaster, Write},
    resources::Amounts,
    world::World,
};
use crate::core::{
    Core,
    ids::{Moment, WorkerId},
    message::{Input, Output},
    state::State,
    tests::settings,
};

impl World {
    /// The process starts, or tries to lead again.
    pub(crate) fn stands_by(&mut self, master: usize) {
        if self.stopped {
            // The operator ends all standbys.
            return self.masters[master] = ApplicationMaster::new();
        }
        self.next_session += 1;
        let session = self.next_session;
        self.masters[master] = ApplicationMaster { session, ..ApplicationMaster::new() };
        self.keeper.queue.push((session, master));
        if self.keeper.leads(session) {
            self.let_next_lead();
        }
    }

    pub(crate) fn leads(&mut self, master: usize, session: u64) {
        if self.masters[master].session != session || !self.keeper.leads(session) {
            return;
        }
        if !self.keeper.up || self.cut_from_keeper == Some(master) {
            return self.at(500, Event::Lead { master, session });
        }
        self.note(|| format!("master {master} leads (session {session})"));
        let state = State { epoch: self.fresh_epoch(), ..self.keeper.state.clone() };
        self.masters[master].framework.clone_from(&state.framework);
        self.masters[master].core =
            Some(Core::new(settings(self.constraints), state, self.now, self.between(0, u64::MAX)));
        let target = self.target;
        self.feed_core(master, Input::Target(target));
        if self.stop_asked {
            self.feed_core(master, Input::Stop);
        }
        self.at(10, Event::Connect { master, session });
        if self.job_manager_works {
            let up = self.between(1000, 400_000);
            self.at(up, Event::JobManagerUp { master, session });
        }
    }

    pub(crate) fn connects(&mut self, master: usize, session: u64) {
        let am = &self.masters[master];
        if am.session != session || am.core.is_none() || am.link.is_some() {
            return;
        }
        if !self.master.up {
            return self.at(1000, Event::Connect { master, session });
        }
        self.next_link += 1;
        let (link, framework) = (self.next_link, am.framework.clone());
        self.links.insert(link, master);
        self.masters[master].link = Some(link);
        self.call(master, Call::Subscribe(framework));
    }

    pub(crate) fn call(&mut self, master: usize, call: Call) {
        let Some(link) = self.masters[master].link else { return };
        if self.silent.contains(&link) {
            return;
        }
        if !matches!(call, Call::Subscribe(_)) && self.chance(self.faults.calls_lost) {
            self.note(|| format!("lost: {call:?}"));
            // The connection notices broken calls; it does not notice messages that the master
            // drops.
            if matches!(call, Call::Accept { .. } | Call::Decline(..)) || self.chance(500) {
                self.break_link(link);
            }
            return;
        }
        let at = self.in_order(link, true);
        self.push(at, Event::ToMaster { link, call });
    }

    /// The link breaks, and both ends will notice; the master only after earlier messages.
    pub(crate) fn break_link(&mut self, link: u64) {
        let delay = self.latency();
        self.at(delay, Event::FromMaster { link, what: FromMaster::Broken });
        let at = self.in_order(link, true);
        self.push(at, Event::ToMaster { link, call: Call::HangUp });
    }

    pub(crate) fn hears(&mut self, link: u64, what: FromMaster) {
        let Some(master) = self.links.get(&link).copied() else { return };
        if self.masters[master].link != Some(link) {
            return;
        }
        let session = self.masters[master].session;
        match what {
            FromMaster::Subscribed(id) => {
                self.masters[master].framework = Some(id.clone());
                self.feed_core(master, Input::Subscribed(id));
            }
            FromMaster::Offers(offers) => {
                let now = self.now;
                let ids = offers.iter().map(|offer| (offer.id.value.clone(), now));
                self.masters[master].unanswered.extend(ids);
                self.feed_core(master, Input::Offers(offers));
            }
            FromMaster::Rescind(id) => {
                self.masters[master].unanswered.remove(&id);
                self.masters[master].rescinded.insert(id.clone());
                self.feed_core(master, Input::Rescinded(id));
            }
            FromMaster::InverseOffer(offer) => {
                self.feed_core(master, Input::InverseOffers(vec![*offer]));
            }
            FromMaster::InverseRescinded(id) => self.feed_core(master, Input::InverseRescinded(id)),
            FromMaster::Update(status) => {
                self.note_clash(master, &status);
                self.feed_core(master, Input::Status(status));
            }
            FromMaster::Broken => {
                self.hang_up(master);
                self.feed_core(master, Input::Disconnected);
                let delay = self.between(250, 5000);
                self.at(delay, Event::Connect { master, session });
            }
            FromMaster::Removed if self.masters[master].stopping => {
                self.hang_up(master);
                self.feed_core(master, Input::TornDown);
            }
            FromMaster::Removed => {
                self.hang_up(master);
                self.feed_core(master, Input::FrameworkRemoved);
                self.masters[master].framework = None;
                // An application master that is ending registers no new framework.
                if !self.stop_asked {
                    self.at(10, Event::Connect { master, session });
                }
            }
            // Like the shell: the process ends with an error and is started again.
            FromMaster::FailedOver => self.crashes(master),
        }
    }

    /// A worker launched by this one could not listen on a port.
    fn note_clash(&mut self, master: usize, status: &v1::TaskStatus) {
        let am = &mut self.masters[master];
        let Some(port) =
            status.message.as_ref().and_then(|text| text.rsplit(' ').next()?.parse().ok())
        else {
            return;
        };
        let known = am
            .core
            .as_ref()
            .and_then(|core| core.workers().get(&status.task_id.value.as_str().into()));
        if let Some(worker) =
            known.filter(|worker| worker.ports.iter().any(|own| u64::from(*own) == port))
        {
            am.unusable.insert((worker.record.place.agent.clone(), port), self.now);
        }
    }

    fn hang_up(&mut self, master: usize) {
        let am = &mut self.masters[master];
        am.link = None;
        am.unanswered.clear();
        am.rescinded.clear();
    }

    /// The TaskManagers that the JobManager lists.
    pub(crate) fn lists(&mut self, master: usize) {
        if !self.masters[master].job_manager {
            return;
        }
        let there = self.agents.iter().filter(|agent| !agent.cut).flat_map(|agent| &agent.tasks);
        let listed =
            there.filter(|(_, task)| task.registered).map(|(id, _)| WorkerId::from(id.as_str()));
        let listed = listed.collect();
        self.feed_core(master, Input::Registered(listed));
    }

    /// The process ends; what it has sent arrives, and the rest is never sent.
    pub(crate) fn crashes(&mut self, master: usize) {
        if let Some(link) = self.masters[master].link {
            self.break_link(link);
        }
        let session = self.masters[master].session;
        self.masters[master] = ApplicationMaster::new();
        let over = if self.file_store { 0 } else { self.between(4000, 6000) };
        self.at(over, Event::SessionEnds { session });
        let again = self.between(500, 20_000);
        self.at(again, Event::Starts { master });
    }

    /// Its session has ended: it stops acting and becomes a standby again.
    pub(crate) fn is_deposed(&mut self, master: usize, session: u64) {
        if self.masters[master].session != session || session == 0 {
            return;
        }
        self.note(|| format!("master {master} is deposed (session {session})"));
        if let Some(link) = self.masters[master].link {
            self.break_link(link);
        }
        self.stands_by(master);
    }
}
