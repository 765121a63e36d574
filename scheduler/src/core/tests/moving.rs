//! Workers that leave agents, restarts, and avoided agents.

use mesos::v1::TaskState;

use super::*;

impl Harness {
    fn ready(&mut self, agent: &str) -> WorkerId {
        let worker = self.running(agent);
        self.list();
        worker
    }

    /// The JobManager lists all running workers.
    fn list(&mut self) -> Vec<Output> {
        let running =
            self.core.workers().iter().filter(|(_, worker)| worker.phase == Phase::Running);
        let running = running.map(|(id, _)| id.clone()).collect();
        self.feed(Input::Registered(running))
    }

    fn over(&mut self, worker: &WorkerId) -> Vec<Output> {
        self.feed(Input::Status(boxed(worker, TaskState::TaskKilled)))
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
fn a_drained_agents_worker_is_killed_only_when_its_replacement_is_ready() {
    let mut harness = Harness::subscribed(1);
    let old = harness.ready("A");
    let asked = harness.feed(Input::Drain("host-A".to_owned()));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Revive)));
    assert!(harness.launch_on("A", 4).is_empty(), "nothing is launched on the drained agent");
    let new = harness.running("B");
    assert!(
        kills(&harness.outputs).is_empty(),
        "the new one runs, and the JobManager does not list it yet"
    );
    assert_eq!(kills(&harness.list()), slice::from_ref(&old));
    assert!(
        has(&harness.over(&old), |o| matches!(o, Output::Suppress))
            || harness.core.workers().len() == 1
    );
    assert!(harness.core.workers().contains_key(&new));
}

#[test]
fn a_drained_agent_is_drained_for_the_next_application_master_too_until_it_is_undrained() {
    let mut harness = Harness::subscribed(1);
    harness.feed(Input::Drain("A".to_owned()));
    let mut again = Harness::new(harness.state.clone());
    again.feed(Input::Target(1));
    again.feed(Input::Subscribed("F".to_owned()));
    assert!(again.launch_on("A", 1).is_empty());
    let asked = again.feed(Input::Undrain("A".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Revive)), "Mesos still keeps its offers away");
    assert_eq!(again.launch_on("A", 1).len(), 1);
}

#[test]
fn a_restart_replaces_one_worker_after_the_other_and_continues_under_the_next_application_master() {
    let mut harness = Harness::subscribed(2);
    let (one, other) = (harness.ready("A"), harness.ready("B"));
    harness.feed(Input::Restart(Move { surge: 1, max_unavailable: 0 }));
    assert_eq!(harness.launch_on("C", 4).len(), 1, "one more than wanted");
    let new = harness.core.workers().keys().last().unwrap().clone();
    harness.feed(Input::Status(boxed(&new, TaskState::TaskRunning)));
    assert_eq!(kills(&harness.list()), slice::from_ref(&one));
    harness.over(&one);
    let mut again = Harness::new(harness.state.clone());
    again.feed(Input::Target(2));
    again.feed(Input::Subscribed("F".to_owned()));
    assert!(kills(&again.outputs).is_empty(), "no worker is known to be ready yet");
    assert_eq!(again.launch_on("D", 4).len(), 1);
    let third = again.core.workers().keys().last().unwrap().clone();
    again.feed(Input::Status(boxed(&third, TaskState::TaskRunning)));
    assert_eq!(kills(&again.list()), slice::from_ref(&other));
    again.over(&other);
    assert!(kills(&again.list()).is_empty());
    assert_eq!(again.core.workers().len(), 2);
}

#[test]
fn a_restart_without_surge_never_misses_more_workers_than_allowed() {
    let mut harness = Harness::subscribed(3);
    for agent in ["A", "B", "C"] {
        harness.ready(agent);
    }
    let asked = harness.feed(Input::Restart(Move { surge: 0, max_unavailable: 1 }));
    assert_eq!(kills(&asked).len(), 1);
}

#[test]
fn an_agent_that_mesos_wants_back_is_given_back_and_its_workers_leave_ten_minutes_before() {
    let mut harness = Harness::subscribed(1);
    harness.ready("A");
    for waited in (0..3000).step_by(30) {
        let asked = harness.feed(Input::InverseOffers(vec![inverse_offer("i", "A", 3600)]));
        assert!(has(
            &asked,
            |o| matches!(o, Output::AcceptInverse(offers) if offers[0].value == "i")
        ));
        assert!(!has(&harness.wait(29), |o| matches!(o, Output::Revive)));
        assert_eq!(
            has(&harness.wait(1), |o| matches!(o, Output::Revive)),
            waited == 2970,
            "another is wanted in its place"
        );
    }
}

#[test]
fn an_agent_that_mesos_no_longer_asks_for_is_used_again() {
    let mut harness = Harness::subscribed(1);
    harness.ready("A");
    harness.feed(Input::InverseOffers(vec![inverse_offer("i", "A", 0)]));
    assert!(harness.launch_on("A", 1).is_empty(), "another is wanted, but not there");
    assert!(!has(&harness.wait(59), |o| matches!(o, Output::Suppress)));
    assert!(has(&harness.wait(1), |o| matches!(o, Output::Suppress)), "no worker has to move now");
    harness.feed(Input::Target(2));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}

#[test]
fn an_agent_whose_workers_may_not_move_is_not_given_back() {
    let moving = Move { surge: 0, max_unavailable: 0 };
    let mut harness = Harness::subscribed_with(1, Settings { moving, ..settings("") });
    harness.ready("A");
    let asked = harness
        .feed(Input::InverseOffers(vec![inverse_offer("i", "A", 0), inverse_offer("j", "B", 0)]));
    assert!(has(
        &asked,
        |o| matches!(o, Output::DeclineInverse(offers, _) if offers[0].value == "i")
    ));
    assert!(has(&asked, |o| matches!(o, Output::AcceptInverse(offers) if offers[0].value == "j")));
}

#[test]
fn nothing_is_launched_on_an_agent_that_goes_into_maintenance_soon() {
    let mut harness = Harness::subscribed(1);
    let soon = v1::Offer { unavailability: Some(unavailable(1800)), ..offer("1", "A", 1) };
    let asked = harness.feed(Input::Offers(vec![soon]));
    assert!(has(&asked, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 60)));
    let reported = "1 offer declined: the agent goes into maintenance soon".to_owned();
    assert!(has(
        &asked,
        |o| matches!(o, Output::Notice(notice) if *notice == Notice::Starved(reported.clone()))
    ));
}

/// A harness in which two workers have just failed on agent `A`.
fn with_failures_on_a() -> Harness {
    let mut harness = Harness::subscribed(1);
    for agent in ["B", "C", "D"] {
        harness.feed(Input::Offers(vec![offer(agent, agent, 0)]));
    }
    for _ in 0..2 {
        let worker = harness.launch_on("A", 1).pop().unwrap();
        let label = v1::Label { key: "blame".to_owned(), value: Some("agent".to_owned()) };
        let labels = Some(v1::Labels { labels: vec![label] });
        let failed = v1::TaskStatus { labels, ..status(&worker, TaskState::TaskFailed) };
        harness.feed(Input::Status(Box::new(failed)));
    }
    harness.wait(10);
    harness
}

#[test]
fn an_agent_where_workers_fail_is_avoided_while_others_are_used_and_can_be_cleared() {
    let mut harness = with_failures_on_a();
    assert!(harness.launch_on("A", 1).is_empty());
    let suspicions = harness.core.suspicions();
    assert!(matches!(&suspicions[..], [one] if one.agent == "A" && one.avoided), "{suspicions:?}");
    harness.feed(Input::ClearAgent(Some("A".to_owned())));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}

#[test]
fn an_agent_is_cleared_by_its_id_its_host_name_or_with_all_others() {
    for (name, launches) in
        [(Some("B"), 0), (Some("host-B"), 0), (Some("A"), 1), (Some("host-A"), 1), (None, 1)]
    {
        let mut harness = with_failures_on_a();
        harness.feed(Input::ClearAgent(name.map(str::to_owned)));
        assert_eq!(harness.launch_on("A", 1).len(), launches, "{name:?}");
    }
}

#[test]
fn every_step_of_a_worker_is_remembered_with_cause_and_initiator() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.ready("A");
    harness.feed(Input::Target(0));
    harness.over(&worker);
    let steps: Vec<_> = harness
        .core
        .history()
        .iter()
        .map(|step| (step.from.to_string(), step.to.to_string(), step.by.to_string()))
        .collect();
    let expected = [
        ("wanted", "storing", "scheduler"),
        ("storing", "launching", "scheduler"),
        ("launching", "running", "executor"),
        ("running", "registered", "jobmanager"),
        ("running", "killing", "operator"),
        ("killing", "gone", "executor"),
    ];
    assert_eq!(
        steps,
        expected.map(|(from, to, by)| (from.to_owned(), to.to_owned(), by.to_owned()))
    );
    let causes: Vec<_> = harness.core.history().iter().map(|step| step.cause.to_string()).collect();
    assert_eq!(causes[4], "fewer workers are wanted");
}
