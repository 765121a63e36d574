//! Carries out a core's outputs as the shell does.

use mesos::v1::OfferId;

use super::*;

fn values(offers: Vec<OfferId>) -> Vec<String> {
    offers.into_iter().map(|offer| offer.value).collect()
}

impl World {
    /// Feeds the core an input and carries out its outputs, unless the process crashes in between.
    pub(crate) fn feed_core(&mut self, master: usize, input: Input) {
        let Some(core) = self.masters[master].core.as_mut() else { return };
        if self.verbose {
            self.log.push(format!("{:>9} master {master} <- {input:?}", self.now.0));
        }
        let subscribed = matches!(input, Input::Subscribed(_));
        let outputs = core.handle(self.now, input);
        if subscribed {
            self.check_reconciles(master, &outputs);
        }
        for output in outputs {
            if self.chance(self.faults.crash_between) {
                self.note(|| format!("master {master} crashes instead of {output:?}"));
                return self.crashes(master);
            }
            self.note(|| format!("master {master} -> {output:?}"));
            self.check_output(master, &output);
            self.carry_out(master, output);
            if self.masters[master].core.is_none() {
                return;
            }
        }
        let wake = self.masters[master].core.as_ref().and_then(Core::wake_at);
        if self.masters[master].wake != wake {
            self.masters[master].wake = wake;
            if let Some(at) = wake {
                let session = self.masters[master].session;
                self.push(Moment(at.0.max(self.now.0) + 1), Event::Tick { master, session });
            }
        }
    }

    fn carry_out(&mut self, master: usize, output: Output) {
        let session = self.masters[master].session;
        match output {
            Output::Store(number, changes) => {
                let at = self.in_order(session, false);
                self.push(at, Event::Write(Write { master, session, number, changes }));
            }
            Output::Accept { offers, launches } => {
                let ids = values(offers);
                self.answered(master, &ids);
                let launches = launches.into_iter().map(|launch| {
                    let taken = Amounts::of(
                        &[launch.taken.task_resources(), launch.taken.executor_resources()]
                            .concat(),
                    );
                    (launch.worker.as_str().to_owned(), launch.place.agent.clone(), taken)
                });
                let launches = launches.collect();
                self.call(master, Call::Accept { offers: ids, launches });
            }
            Output::Decline(offers, refuse) => {
                let ids = values(offers);
                self.answered(master, &ids);
                self.call(master, Call::Decline(ids, refuse));
            }
            Output::AcceptInverse(offers) => self.call(master, Call::AcceptInverse(values(offers))),
            Output::DeclineInverse(offers, refuse) => {
                self.call(master, Call::DeclineInverse(values(offers), refuse));
            }
            Output::Suppress => {
                self.masters[master].offers_wanted = false;
                self.call(master, Call::Suppress);
            }
            Output::Revive => {
                self.masters[master].offers_wanted = true;
                self.call(master, Call::Revive);
            }
            Output::Kill { worker, agent } => {
                self.call(master, Call::Kill { task: worker.as_str().to_owned(), agent });
            }
            Output::Shutdown { worker, agent } => {
                self.call(master, Call::Shutdown { executor: worker.as_str().to_owned(), agent });
            }
            Output::Acknowledge { agent, task, uuid } => {
                let uuid = u128::from_be_bytes(uuid.as_ref().try_into().unwrap()) as u64;
                self.call(master, Call::Acknowledge { agent: agent.value, task: task.value, uuid });
            }
            Output::Reconcile(workers) => {
                let tasks = workers
                    .into_iter()
                    .map(|(worker, agent)| (worker.as_str().to_owned(), agent))
                    .collect();
                self.call(master, Call::Reconcile(tasks));
            }
            Output::Notice(_) | Output::Narrow | Output::Widen | Output::InspectMaster => {}
            Output::Teardown => {
                self.masters[master].stopping = true;
                self.call(master, Call::Teardown);
            }
            Output::Stopped => {
                self.stopped = true;
                self.keeper.queue.clear();
                self.masters.iter_mut().for_each(|am| *am = ApplicationMaster::new());
            }
        }
    }

    fn answered(&mut self, master: usize, ids: &[String]) {
        let am = &mut self.masters[master];
        for id in ids {
            am.unanswered.remove(id);
        }
    }
}
