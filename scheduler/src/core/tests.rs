//! What the core promises, each promise as a test, and all of them under random events.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod moving;

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    time::Duration,
};

use mesos::v1::{self, TaskState, value};
use proptest::prelude::*;

use super::{
    Core, Settings,
    constraint::Constraint,
    message::{Change, Input, Launch, Moment, Move, Notice, Output, State, WorkerId},
    resources::Demand,
    worker::{Patience, Phase},
};

/// The core with a store that answers at once unless it is told to wait, and a record of all that was asked for.
struct Bench {
    core: Core,
    now: Moment,
    state: State,
    hold_stores: bool,
    held: Vec<(u64, Vec<Change>)>,
    outputs: Vec<Output>,
}

impl Bench {
    fn new(state: State) -> Self {
        Self::with(state, "")
    }

    fn with(state: State, constraints: &str) -> Self {
        let part = |cpus: f64, mem: f64| BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]);
        let demand = Demand { task: part(1.0, 1000.0), executor: part(0.1, 32.0), ports: vec!["p".into()] };
        let settings = Settings {
            demand,
            constraints: Constraint::parse_list(constraints).unwrap(),
            decline: Duration::from_secs(5),
            hopeless: Duration::from_secs(300),
            patience: Patience::default(),
            moving: Move::default(),
            avoided_share: 0.25,
        };
        let core = Core::new(settings, state.clone(), Moment(0));
        Self { core, now: Moment(0), state, hold_stores: false, held: Vec::new(), outputs: Vec::new() }
    }

    fn subscribed(target: usize) -> Self {
        Self::constrained(target, "")
    }

    fn constrained(target: usize, constraints: &str) -> Self {
        let mut bench = Self::with(State::fresh("e".to_owned()), constraints);
        bench.tell(Input::Target(target));
        bench.tell(Input::Subscribed("F".to_owned()));
        bench
    }

    /// Gives what is asked for in answer to `input`, stores left out.
    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut inputs = vec![input];
        let mut asked = Vec::new();
        while let Some(input) = inputs.pop() {
            for output in self.core.handle(self.now, input) {
                match output {
                    Output::Store(number, changes) if self.hold_stores => self.held.push((number, changes)),
                    Output::Store(number, changes) => {
                        for change in &changes {
                            self.state.apply(change);
                        }
                        inputs.insert(0, Input::Stored(number));
                    }
                    other => asked.push(other),
                }
            }
        }
        self.outputs.extend(asked.iter().cloned());
        asked
    }

    fn release_stores(&mut self) -> Vec<Output> {
        self.hold_stores = false;
        let mut asked = Vec::new();
        for (number, changes) in std::mem::take(&mut self.held) {
            for change in &changes {
                self.state.apply(change);
            }
            asked.extend(self.tell(Input::Stored(number)));
        }
        asked
    }

    fn wait(&mut self, seconds: u64) -> Vec<Output> {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.tell(Input::Tick)
    }

    /// Offers room for `workers` on `agent` and gives the workers that were launched there.
    fn launch_on(&mut self, agent: &str, workers: u32) -> Vec<WorkerId> {
        let asked = self.tell(Input::Offers(vec![offer(agent, agent, workers)]));
        launches(&asked).into_iter().map(|launch| launch.worker).collect()
    }

    fn running(&mut self, agent: &str) -> WorkerId {
        let worker = self.launch_on(agent, 1).pop().unwrap();
        self.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
        worker
    }
}

fn offer(id: &str, agent: &str, workers: u32) -> v1::Offer {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        scalar: Some(value::Scalar { value }),
        ..Default::default()
    };
    let range = vec![value::Range { begin: 31000, end: 31099 }];
    let ports = v1::Resource { name: "ports".to_owned(), ranges: Some(value::Ranges { range }), ..Default::default() };
    let room = f64::from(workers);
    v1::Offer {
        id: v1::OfferId { value: id.to_owned() },
        agent_id: v1::AgentId { value: agent.to_owned() },
        hostname: format!("host-{agent}"),
        resources: vec![scalar("cpus", 1.1 * room), scalar("mem", 1032.0 * room), ports],
        ..Default::default()
    }
}

fn status(worker: &WorkerId, state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: v1::TaskId { value: worker.as_str().to_owned() },
        agent_id: Some(v1::AgentId { value: "A".to_owned() }),
        state: state.into(),
        uuid: Some(bytes::Bytes::from_static(b"0123456789abcdef")),
        ..Default::default()
    }
}

fn with_attribute(offer: v1::Offer, name: &str, value: &str) -> v1::Offer {
    let text = Some(value::Text { value: value.to_owned() });
    let attribute = v1::Attribute { name: name.to_owned(), text, ..Default::default() };
    v1::Offer { attributes: vec![attribute], ..offer }
}

fn boxed(worker: &WorkerId, state: TaskState) -> Box<v1::TaskStatus> {
    Box::new(status(worker, state))
}

fn launches(outputs: &[Output]) -> Vec<Launch> {
    let accepted = outputs.iter().filter_map(|output| match output {
        Output::Accept { launches, .. } => Some(launches.clone()),
        _ => None,
    });
    accepted.flatten().collect()
}

fn kills(outputs: &[Output]) -> Vec<WorkerId> {
    let killed = outputs.iter().filter_map(|output| match output {
        Output::Kill { worker, .. } => Some(worker.clone()),
        _ => None,
    });
    killed.collect()
}

fn has(outputs: &[Output], wanted: impl Fn(&Output) -> bool) -> bool {
    outputs.iter().any(wanted)
}

#[test]
fn a_worker_is_in_the_store_before_its_launch_is_sent() {
    let mut bench = Bench::subscribed(1);
    bench.hold_stores = true;
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 4)]));
    assert!(launches(&asked).is_empty());
    let asked = bench.release_stores();
    assert_eq!(launches(&asked).len(), 1);
    assert!(bench.state.workers.contains_key(&launches(&asked)[0].worker));
}

#[test]
fn a_status_is_acknowledged_only_after_what_it_means_is_stored() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    bench.hold_stores = true;
    let acknowledged = |o: &Output| matches!(o, Output::Acknowledge { .. });
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!has(&asked, acknowledged));
    assert!(has(&bench.release_stores(), acknowledged));
}

#[test]
fn a_status_without_uuid_is_not_acknowledged() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    let answer = v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) };
    assert!(!has(&bench.tell(Input::Status(Box::new(answer))), |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn every_offer_is_answered_at_once() {
    let mut bench = Bench::subscribed(2);
    let asked = bench.tell(Input::Offers(vec![offer("1", "A", 1), offer("2", "B", 1), offer("3", "C", 1)]));
    assert_eq!(launches(&asked).len(), 2);
    let declined: Vec<_> = asked.iter().filter(|o| matches!(o, Output::Decline(..))).collect();
    assert!(matches!(declined[..], [Output::Decline(ids, refuse)] if ids.len() == 1 && refuse.as_secs() == 5));
}

#[test]
fn workers_are_spread_over_agents() {
    let mut bench = Bench::subscribed(4);
    let asked = bench.tell(Input::Offers(vec![offer("1", "A", 4), offer("2", "B", 4)]));
    let on_a = launches(&asked).iter().filter(|l| l.place.agent == "A").count();
    assert_eq!((launches(&asked).len(), on_a), (4, 2));
}

#[test]
fn offers_of_one_agent_are_accepted_together() {
    let mut bench = Bench::subscribed(2);
    let asked = bench.tell(Input::Offers(vec![offer("1", "A", 1), offer("2", "A", 1)]));
    let accepted: Vec<_> = asked.iter().filter(|o| matches!(o, Output::Accept { .. })).collect();
    assert!(matches!(accepted[..], [Output::Accept { offers, launches }] if offers.len() == 2 && launches.len() == 2));
}

#[test]
fn an_offer_that_is_too_small_is_refused_for_long_and_the_reason_is_told_once() {
    let mut bench = Bench::subscribed(1);
    let mut small = offer("1", "A", 1);
    small.resources[1].scalar = Some(value::Scalar { value: 512.0 });
    let asked = bench.tell(Input::Offers(vec![small.clone()]));
    assert!(has(&asked, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 300)));
    let told = Notice::Starved("1 offer declined: need mem 1032 MB, largest was 512 MB".to_owned());
    assert!(has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == told)));
    assert!(!has(&bench.tell(Input::Offers(vec![small])), |o| matches!(o, Output::Notice(_))));
}

#[test]
fn the_master_is_told_what_is_too_small_once_on_each_connection_and_not_before_it_was_seen() {
    let mut bench = Bench::subscribed(2);
    let narrows = |asked: Vec<Output>| asked.iter().filter(|o| matches!(o, Output::Narrow)).count();
    assert_eq!(narrows(bench.tell(Input::Offers(vec![offer("o", "A", 1)]))), 0);
    let small = |id: &str| Input::Offers(vec![offer(id, "B", 0)]);
    assert_eq!(narrows(bench.tell(small("p"))), 1);
    assert_eq!(narrows(bench.tell(small("q"))), 0);
    bench.tell(Input::Disconnected);
    bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(narrows(bench.tell(small("r"))), 1);
}

#[test]
fn when_no_offer_comes_people_are_told_once_what_is_asked_for() {
    let mut bench = Bench::subscribed(1);
    let starved = |output: &Output| match output {
        Output::Notice(Notice::Starved(why)) => Some(why.clone()),
        _ => None,
    };
    let at = bench.core.wake_at().unwrap();
    assert_eq!(at, Moment(10_000), "nothing else wakes it");
    let told: Vec<_> = (0..60).flat_map(|_| bench.wait(1)).filter_map(|output| starved(&output)).collect();
    assert_eq!(told, ["the master has sent no offer for 10 s; a TaskManager needs cpus 1.1, mem 1032 MB, ports 1"]);
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(asked.iter().filter_map(starved).any(|why| why.contains("largest was")), "{asked:?}");
    bench.launch_on("B", 1);
    assert!((0..60).flat_map(|_| bench.wait(1)).all(|output| starved(&output).is_none()));
}

#[test]
fn workers_are_spread_evenly_over_the_groups_of_a_constraint_whatever_the_agents() {
    let mut bench = Bench::constrained(4, "rack:GROUP_BY");
    let racks = [("1", "A", "x"), ("2", "B", "x"), ("3", "C", "x"), ("4", "D", "y")];
    let offers = racks.map(|(id, agent, rack)| with_attribute(offer(id, agent, 4), "rack", rack));
    let asked = bench.tell(Input::Offers(offers.to_vec()));
    let on_y = launches(&asked).iter().filter(|launch| launch.place.agent == "D").count();
    assert_eq!((launches(&asked).len(), on_y), (4, 2));
}

#[test]
fn a_constraint_counts_workers_of_earlier_offers_and_of_earlier_application_masters() {
    let mut bench = Bench::constrained(2, "hostname:UNIQUE");
    let first = bench.launch_on("A", 4);
    assert_eq!(first.len(), 1);
    let mut again = Bench::with(bench.state.clone(), "hostname:UNIQUE");
    again.tell(Input::Target(2));
    again.tell(Input::Subscribed("F".to_owned()));
    assert!(again.launch_on("A", 4).is_empty());
    assert_eq!(again.launch_on("B", 4).len(), 1);
}

#[test]
fn an_agent_that_never_meets_a_constraint_is_refused_for_long_and_one_that_does_not_now_for_short() {
    let mut bench = Bench::constrained(2, "rack:LIKE:x.*,hostname:UNIQUE");
    let wrong = bench.tell(Input::Offers(vec![with_attribute(offer("1", "A", 1), "rack", "y")]));
    assert!(has(&wrong, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 300)));
    let told = Notice::Starved("1 offer declined: constraint rack:LIKE:x.* not met".to_owned());
    assert!(has(&wrong, |o| matches!(o, Output::Notice(notice) if *notice == told)));
    bench.tell(Input::Offers(vec![with_attribute(offer("2", "B", 1), "rack", "x1")]));
    let taken = bench.tell(Input::Offers(vec![with_attribute(offer("3", "B", 1), "rack", "x1")]));
    assert!(has(&taken, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 5)));
}

#[test]
fn offers_are_suppressed_when_nothing_is_missing_and_revived_when_a_worker_is_lost() {
    let mut bench = Bench::subscribed(1);
    assert!(has(&bench.outputs, |o| matches!(o, Output::Revive)));
    let asked = bench.tell(Input::Offers(vec![offer("1", "A", 1)]));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)));
    let worker = launches(&asked)[0].worker.clone();
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn a_task_that_the_store_does_not_know_is_killed_on_sight() {
    let mut bench = Bench::subscribed(0);
    let stranger = WorkerId::from("stranger");
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&stranger, TaskState::TaskRunning)))), slice::from_ref(&stranger));
    let asked = bench.tell(Input::Status(boxed(&stranger, TaskState::TaskFailed)));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn a_task_state_of_the_future_is_harmless() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let odd = v1::TaskStatus { state: 99, ..status(&worker, TaskState::TaskRunning) };
    let asked = bench.tell(Input::Status(Box::new(odd)));
    assert!(has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
    assert_eq!(bench.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn recovered_workers_are_kept_and_asked_for_and_the_next_id_is_new() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let mut again = Bench::new(bench.state.clone());
    again.tell(Input::Target(2));
    let asked = again.tell(Input::Subscribed("F".to_owned()));
    let explicit = |o: &Output| matches!(o, Output::Reconcile(tasks) if tasks.iter().any(|(w, _)| *w == worker));
    assert!(has(&asked, explicit));
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    let new = again.launch_on("B", 5);
    assert_eq!(new.len(), 1);
    assert_ne!(new[0], worker);
}

#[test]
fn reconciliation_goes_on_ever_more_slowly_until_every_worker_is_answered() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Disconnected);
    bench.tell(Input::Subscribed("F".to_owned()));
    let asks = |o: &Output| matches!(o, Output::Reconcile(tasks) if !tasks.is_empty());
    let rounds = (0..120).filter(|_| has(&bench.wait(1), asks)).count();
    assert_eq!(rounds, 4, "after 5, 15, 35 and 75 s");
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) })));
    assert_eq!((0..120).filter(|_| has(&bench.wait(1), asks)).count(), 0);
}

#[test]
fn a_launch_that_nothing_is_heard_of_is_asked_for_and_replaced_when_mesos_does_not_know_it() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    let asked = bench.wait(30);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks[0].0 == worker)));
    let asked =
        bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskUnknown) })));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    assert!(!bench.state.workers.contains_key(&worker));
}

#[test]
fn a_worker_that_does_not_register_is_replaced() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    assert!(kills(&bench.wait(100_000)).is_empty(), "there is no JobManager yet");
    bench.tell(Input::JobManager(true));
    let asked = bench.wait(300);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn a_registered_worker_is_left_in_peace() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let asked = bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::Registered(w)) if *w == worker)));
    assert!(kills(&bench.wait(100_000)).is_empty());
}

#[test]
fn a_worker_that_the_jobmanager_has_lost_has_as_long_again_to_register() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::JobManager(true));
    bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    bench.wait(1000);
    bench.tell(Input::Registered(BTreeSet::new()));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), [worker]);
}

#[test]
fn no_worker_is_blamed_while_the_jobmanager_is_down() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::JobManager(true));
    bench.wait(200);
    bench.tell(Input::JobManager(false));
    assert!(kills(&bench.wait(1000)).is_empty());
    bench.tell(Input::JobManager(true));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), [worker]);
}

#[test]
fn an_offer_does_not_wait_long_for_the_store_and_no_launch_is_begun_until_it_is_back() {
    let mut bench = Bench::subscribed(1);
    bench.hold_stores = true;
    bench.tell(Input::Offers(vec![offer("o", "A", 4)]));
    let asked = bench.wait(5);
    assert!(has(&asked, |o| matches!(o, Output::Decline(offers, _) if offers[0].value == "o")));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)) || !has(&asked, |o| matches!(o, Output::Revive)));
    let asked = bench.release_stores();
    assert!(launches(&asked).is_empty() && bench.state.workers.is_empty());
    assert_eq!(bench.launch_on("A", 4).len(), 1);
}

#[test]
fn an_offer_that_is_rescinded_while_the_store_is_slow_is_not_used() {
    let mut bench = Bench::subscribed(2);
    bench.hold_stores = true;
    bench.tell(Input::Offers(vec![offer("1", "A", 1), offer("2", "A", 1)]));
    let asked = bench.tell(Input::Rescinded("1".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Decline(offers, _) if offers.len() == 1 && offers[0].value == "2")));
    assert!(launches(&bench.release_stores()).is_empty());
    assert!(bench.state.workers.is_empty());
}

#[test]
fn launches_that_wait_for_the_store_end_with_the_connection_that_brought_the_offers() {
    let mut bench = Bench::subscribed(1);
    bench.hold_stores = true;
    bench.tell(Input::Offers(vec![offer("1", "A", 1)]));
    bench.tell(Input::Disconnected);
    assert!(launches(&bench.release_stores()).is_empty());
    assert!(bench.state.workers.is_empty());
}

#[test]
fn a_call_for_offers_that_seems_lost_is_made_again() {
    let mut bench = Bench::subscribed(1);
    assert!(!has(&bench.wait(119), |o| matches!(o, Output::Revive)));
    assert!(has(&bench.wait(1), |o| matches!(o, Output::Revive)));
    let worker = bench.running("A");
    bench.tell(Input::Registered(BTreeSet::from([worker])));
    bench.wait(100);
    let asked = bench.tell(Input::Offers(vec![offer("2", "A", 1)]));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)), "offers come although none are wanted");
}

#[test]
fn a_worker_that_is_written_off_stands_in_no_other_workers_way() {
    let mut bench = Bench::constrained(1, "hostname:UNIQUE");
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    bench.wait(60);
    assert_eq!(bench.launch_on("A", 1).len(), 1, "the machine is back under another agent id");
}

#[test]
fn a_worker_that_mesos_no_longer_mentions_is_asked_for_within_a_quarter_of_an_hour() {
    let mut bench = Bench::subscribed(2);
    let (one, other) = (bench.running("A"), bench.running("B"));
    bench.tell(Input::Registered(BTreeSet::from([one.clone(), other.clone()])));
    assert!(has(&bench.wait(900), |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&one, TaskState::TaskRunning) })));
    let asked = bench.wait(5);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == other)));
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&other, TaskState::TaskGone) })));
    assert!(!bench.state.workers.contains_key(&other));
}

#[test]
fn a_framework_is_forgotten_only_when_mesos_has_removed_it() {
    let mut bench = Bench::subscribed(0);
    bench.tell(Input::Disconnected);
    assert!(!has(&bench.tell(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = bench.tell(Input::Subscribed("F".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
    assert_eq!(bench.state.framework.as_deref(), Some("F"));
    bench.tell(Input::Disconnected);
    assert!(has(&bench.tell(Input::Subscribed("F".to_owned())), |o| matches!(o, Output::Teardown)));
    assert!(has(&bench.tell(Input::TornDown), |o| matches!(o, Output::Stopped)));
}

#[test]
fn a_kill_is_repeated_until_the_task_has_ended() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    assert_eq!(kills(&bench.tell(Input::Target(0))), slice::from_ref(&worker));
    assert_eq!(kills(&bench.wait(10)), slice::from_ref(&worker));
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(kills(&bench.wait(10)).is_empty());
}

#[test]
fn the_youngest_workers_go_first_when_fewer_are_wanted() {
    let mut bench = Bench::subscribed(2);
    let old = bench.running("A");
    bench.wait(1);
    let young = bench.running("B");
    assert_eq!(kills(&bench.tell(Input::Target(1))), [young]);
    assert!(bench.core.workers()[&old].counts());
}

#[test]
fn an_unreachable_worker_is_replaced_after_a_while_and_killed_if_it_returns() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    assert!(bench.launch_on("B", 1).is_empty());
    bench.wait(60);
    let second = bench.launch_on("B", 1).pop().unwrap();
    bench.tell(Input::Status(boxed(&second, TaskState::TaskRunning)));
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)))), [worker]);
}

#[test]
fn an_unreachable_worker_that_returns_in_time_is_kept() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    bench.wait(59);
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(kills(&bench.wait(60)).is_empty());
    assert_eq!(bench.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn workers_that_keep_failing_are_launched_ever_more_slowly() {
    let mut bench = Bench::subscribed(1);
    for _ in 0..2 {
        let worker = bench.launch_on("A", 1).pop().unwrap();
        bench.tell(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    }
    assert!(bench.launch_on("A", 1).is_empty());
    assert!(has(&bench.wait(1), |o| matches!(o, Output::Revive)));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn a_removed_framework_is_forgotten_and_everything_starts_anew() {
    let mut bench = Bench::subscribed(1);
    bench.running("A");
    bench.tell(Input::FrameworkRemoved);
    assert_eq!((bench.state.framework.as_deref(), bench.state.workers.len()), (None, 0));
    bench.tell(Input::Subscribed("G".to_owned()));
    assert_eq!(bench.state.framework.as_deref(), Some("G"));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn stopping_kills_every_worker_and_then_tears_down() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let asked = bench.tell(Input::Stop);
    assert_eq!(kills(&asked), slice::from_ref(&worker));
    assert!(!has(&asked, |o| matches!(o, Output::Teardown)));
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
}

#[test]
fn stopping_does_not_wait_for_an_unreachable_worker_and_forgets_it_with_the_framework() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = bench.tell(Input::Stop);
    assert!(has(&asked, |o| matches!(o, Output::Teardown)) && !has(&asked, |o| matches!(o, Output::Stopped)));
    assert!(has(&bench.tell(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!((bench.state.framework.as_deref(), bench.state.workers.len()), (None, 0));
}

#[derive(Clone, Debug)]
enum Act {
    Offers(Vec<(u8, u32)>),
    Status(usize, i32),
    Target(usize),
    Connection(bool),
    Removed,
    Wait(u64),
    HoldStores(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::collection::vec((0u8..4, 0u32..4), 0..4).prop_map(Act::Offers),
        6 => (0usize..6, 0i32..16).prop_map(|(worker, state)| Act::Status(worker, state)),
        1 => (0usize..6).prop_map(Act::Target),
        1 => any::<bool>().prop_map(Act::Connection),
        1 => Just(Act::Removed),
        3 => (0u64..100).prop_map(Act::Wait),
        2 => any::<bool>().prop_map(Act::HoldStores),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn the_promises_hold_whatever_happens(acts in prop::collection::vec(act(), 1..60)) {
        let mut bench = Bench::subscribed(3);
        let mut target = 3;
        let mut offers = 0;
        let mut known: Vec<WorkerId> = Vec::new();
        for act in acts {
            let before = bench.outputs.len();
            let mut sent = BTreeSet::new();
            match act {
                Act::Offers(list) => {
                    let list = list.into_iter().map(|(agent, room)| {
                        offers += 1;
                        sent.insert(offers.to_string());
                        offer(&offers.to_string(), &agent.to_string(), room)
                    });
                    let list = list.collect();
                    bench.tell(Input::Offers(list));
                }
                Act::Status(worker, state) => {
                    let stranger = WorkerId::from("stranger");
                    let id = known.iter().rev().nth(worker).unwrap_or(&stranger).clone();
                    bench.tell(Input::Status(Box::new(v1::TaskStatus { state, ..status(&id, TaskState::TaskRunning) })));
                }
                Act::Target(n) => { target = n; bench.tell(Input::Target(n)); }
                Act::Connection(true) => { bench.tell(Input::Subscribed("F".to_owned())); }
                Act::Connection(false) => { bench.tell(Input::Disconnected); }
                Act::Removed => { bench.tell(Input::FrameworkRemoved); }
                Act::Wait(seconds) => { bench.wait(seconds); }
                Act::HoldStores(true) => bench.hold_stores = true,
                Act::HoldStores(false) => { bench.release_stores(); }
            }
            let held: usize = bench.held.iter().flat_map(|(_, changes)| changes)
                .filter(|change| matches!(change, Change::Worker(_))).count();
            for output in &bench.outputs[before..] {
                match output {
                    Output::Accept { launches, .. } => for launch in launches {
                        prop_assert!(!known.contains(&launch.worker), "an id was used twice");
                        known.push(launch.worker.clone());
                    },
                    Output::Decline(ids, _) => for id in ids { sent.remove(&id.value); },
                    _ => {}
                }
            }
            if held == 0 {
                for output in &bench.outputs[before..] {
                    if let Output::Accept { offers, .. } = output {
                        for id in offers { sent.remove(&id.value); }
                    }
                }
                prop_assert!(sent.is_empty(), "offers without an answer: {sent:?}");
            }
            let counting = bench.core.workers().values().filter(|w| w.counts()).count();
            prop_assert!(counting <= target, "{counting} workers for a target of {target}");
            for worker in bench.core.workers().values() {
                let launched = worker.phase != Phase::Storing && worker.phase != Phase::Unreachable;
                let stored = bench.state.workers.contains_key(&worker.record.id);
                let killed_in_store = matches!(worker.phase, Phase::Killing(_));
                prop_assert!(!launched || stored || killed_in_store, "{:?} is not in the store", worker);
            }
        }
    }
}
