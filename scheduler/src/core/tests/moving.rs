//! Workers that leave agents, restarts, and agents that are left alone.

use mesos::v1::TaskState;

use super::*;

impl Bench {
    fn ready(&mut self, agent: &str) -> WorkerId {
        let worker = self.running(agent);
        self.list();
        worker
    }

    /// The JobManager lists every worker that runs.
    fn list(&mut self) -> Vec<Output> {
        let running = self.core.workers().iter().filter(|(_, worker)| worker.phase == Phase::Running);
        let running = running.map(|(id, _)| id.clone()).collect();
        self.tell(Input::Registered(running))
    }

    fn over(&mut self, worker: &WorkerId) -> Vec<Output> {
        self.tell(Input::Status(boxed(worker, TaskState::TaskKilled)))
    }
}

fn inverse_offer(id: &str, agent: &str, starts_in: u64) -> v1::InverseOffer {
    v1::InverseOffer {
        id: v1::OfferId { value: id.to_owned() },
        agent_id: Some(v1::AgentId { value: agent.to_owned() }),
        unavailability: unavailable(starts_in),
        ..Default::default()
    }
}

fn unavailable(starts_in: u64) -> v1::Unavailability {
    let nanoseconds = i64::try_from(starts_in).unwrap() * 1_000_000_000;
    v1::Unavailability { start: v1::TimeInfo { nanoseconds }, duration: None }
}

#[test]
fn a_drained_agents_worker_is_killed_only_when_another_is_ready_in_its_place() {
    let mut bench = Bench::subscribed(1);
    let old = bench.ready("A");
    let asked = bench.tell(Input::Drain("host-A".to_owned()));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Revive)));
    assert!(bench.launch_on("A", 4).is_empty(), "nothing is launched on the drained agent");
    let new = bench.running("B");
    assert!(kills(&bench.outputs).is_empty(), "the new one runs, and the JobManager does not list it yet");
    assert_eq!(kills(&bench.list()), slice::from_ref(&old));
    assert!(has(&bench.over(&old), |o| matches!(o, Output::Suppress)) || bench.core.workers().len() == 1);
    assert!(bench.core.workers().contains_key(&new));
}

#[test]
fn a_drained_agent_is_drained_for_the_next_application_master_too_until_it_is_undrained() {
    let mut bench = Bench::subscribed(1);
    bench.tell(Input::Drain("A".to_owned()));
    let mut again = Bench::new(bench.state.clone());
    again.tell(Input::Target(1));
    again.tell(Input::Subscribed("F".to_owned()));
    assert!(again.launch_on("A", 1).is_empty());
    let asked = again.tell(Input::Undrain("A".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Revive)), "Mesos still keeps its offers away");
    assert_eq!(again.launch_on("A", 1).len(), 1);
}

#[test]
fn a_restart_replaces_one_worker_after_the_other_and_goes_on_under_the_next_application_master() {
    let mut bench = Bench::subscribed(2);
    let (one, other) = (bench.ready("A"), bench.ready("B"));
    bench.tell(Input::Restart(Move { surge: 1, max_unavailable: 0 }));
    assert_eq!(bench.launch_on("C", 4).len(), 1, "one more than wanted");
    let new = bench.core.workers().keys().last().unwrap().clone();
    bench.tell(Input::Status(boxed(&new, TaskState::TaskRunning)));
    assert_eq!(kills(&bench.list()), slice::from_ref(&one));
    bench.over(&one);
    let mut again = Bench::new(bench.state.clone());
    again.tell(Input::Target(2));
    again.tell(Input::Subscribed("F".to_owned()));
    assert!(kills(&again.outputs).is_empty(), "nobody is known to be ready yet");
    assert_eq!(again.launch_on("D", 4).len(), 1);
    let third = again.core.workers().keys().last().unwrap().clone();
    again.tell(Input::Status(boxed(&third, TaskState::TaskRunning)));
    assert_eq!(kills(&again.list()), slice::from_ref(&other));
    again.over(&other);
    assert!(kills(&again.list()).is_empty());
    assert_eq!(again.core.workers().len(), 2);
}

#[test]
fn a_restart_without_surge_has_as_few_missing_as_allowed() {
    let mut bench = Bench::subscribed(3);
    for agent in ["A", "B", "C"] {
        bench.ready(agent);
    }
    let asked = bench.tell(Input::Restart(Move { surge: 0, max_unavailable: 1 }));
    assert_eq!(kills(&asked).len(), 1);
}

#[test]
fn an_agent_that_mesos_wants_back_is_given_and_its_workers_leave_ten_minutes_before() {
    let mut bench = Bench::subscribed(1);
    bench.ready("A");
    for waited in (0..3000).step_by(30) {
        let asked = bench.tell(Input::InverseOffers(vec![inverse_offer("i", "A", 3600)]));
        assert!(has(&asked, |o| matches!(o, Output::AcceptInverse(offers) if offers[0].value == "i")));
        assert!(!has(&bench.wait(29), |o| matches!(o, Output::Revive)));
        assert_eq!(
            has(&bench.wait(1), |o| matches!(o, Output::Revive)),
            waited == 2970,
            "another is wanted in its place"
        );
    }
}

#[test]
fn an_agent_that_mesos_does_not_ask_for_any_more_is_used_again() {
    let mut bench = Bench::subscribed(1);
    bench.ready("A");
    bench.tell(Input::InverseOffers(vec![inverse_offer("i", "A", 0)]));
    assert!(bench.launch_on("A", 1).is_empty(), "another is wanted, but not there");
    assert!(!has(&bench.wait(59), |o| matches!(o, Output::Suppress)));
    assert!(has(&bench.wait(1), |o| matches!(o, Output::Suppress)), "nobody has to move any more");
    bench.tell(Input::Target(2));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn an_agent_whose_workers_may_not_move_is_not_given_back() {
    let mut bench = Bench::subscribed(1);
    bench.ready("A");
    bench.core.settings.moving = Move { surge: 0, max_unavailable: 0 };
    let asked = bench.tell(Input::InverseOffers(vec![inverse_offer("i", "A", 0), inverse_offer("j", "B", 0)]));
    assert!(has(&asked, |o| matches!(o, Output::DeclineInverse(offers, _) if offers[0].value == "i")));
    assert!(has(&asked, |o| matches!(o, Output::AcceptInverse(offers) if offers[0].value == "j")));
}

#[test]
fn nothing_is_launched_on_an_agent_that_goes_into_maintenance_soon() {
    let mut bench = Bench::subscribed(1);
    let soon = v1::Offer { unavailability: Some(unavailable(1800)), ..offer("1", "A", 1) };
    let asked = bench.tell(Input::Offers(vec![soon]));
    assert!(has(&asked, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 60)));
    let told = "1 offer declined: the agent goes into maintenance soon".to_owned();
    assert!(has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == Notice::Starved(told.clone()))));
}

#[test]
fn an_agent_where_workers_fail_is_left_alone_while_others_are_used_and_can_be_cleared() {
    let mut bench = Bench::subscribed(1);
    for agent in ["B", "C", "D"] {
        bench.tell(Input::Offers(vec![offer(agent, agent, 0)]));
    }
    let failed = |worker: &WorkerId| {
        let label = v1::Label { key: "blame".to_owned(), value: Some("agent".to_owned()) };
        let labels = Some(v1::Labels { labels: vec![label] });
        Input::Status(Box::new(v1::TaskStatus { labels, ..status(worker, TaskState::TaskFailed) }))
    };
    for _ in 0..2 {
        let worker = bench.launch_on("A", 1).pop().unwrap();
        bench.tell(failed(&worker));
    }
    bench.wait(10);
    assert!(bench.launch_on("A", 1).is_empty());
    let suspicions = bench.core.suspicions();
    assert!(matches!(&suspicions[..], [one] if one.agent == "A" && one.avoided), "{suspicions:?}");
    bench.tell(Input::ClearAgent(Some("A".to_owned())));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn every_step_of_a_worker_is_remembered_with_cause_and_initiator() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.ready("A");
    bench.tell(Input::Target(0));
    bench.over(&worker);
    let steps: Vec<_> = bench.core.history().iter().map(|step| (step.from, step.to, step.by.to_string())).collect();
    let expected = [
        ("wanted", "storing", "scheduler"),
        ("storing", "launching", "scheduler"),
        ("launching", "running", "executor"),
        ("running", "registered", "jobmanager"),
        ("running", "killing", "operator"),
        ("killing", "gone", "executor"),
    ];
    assert_eq!(steps, expected.map(|(from, to, by)| (from, to, by.to_owned())));
    let causes: Vec<_> = bench.core.history().iter().map(|step| step.cause.to_string()).collect();
    assert_eq!(causes[4], "fewer workers are wanted");
}
