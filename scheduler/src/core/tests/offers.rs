//! Which offers are used, for which workers, and what happens to the others.

use overlays::blame::Blame;

use super::*;
use crate::core::{
    constraint::Field,
    totals::{Declined, Totals},
};

#[test]
fn every_offer_is_answered_at_once() {
    let mut harness = Harness::subscribed(2);
    let asked = harness.feed(Input::Offers(vec![
        offer("1", "A", 1),
        offer("2", "B", 1),
        offer("3", "C", 1),
    ]));
    assert_eq!(launches(&asked).len(), 2);
    let declined: Vec<_> = asked.iter().filter(|o| matches!(o, Output::Decline(..))).collect();
    assert!(
        matches!(declined[..], [Output::Decline(ids, refuse)] if ids.len() == 1 && refuse.as_secs() == 5)
    );
}

#[test]
fn workers_are_spread_over_agents() {
    let mut harness = Harness::subscribed(4);
    let asked = harness.feed(Input::Offers(vec![offer("1", "A", 4), offer("2", "B", 4)]));
    let on_a = launches(&asked).iter().filter(|l| l.place.agent == "A").count();
    assert_eq!((launches(&asked).len(), on_a), (4, 2));
}

#[test]
fn offers_of_one_agent_are_accepted_together() {
    let mut harness = Harness::subscribed(2);
    let asked = harness.feed(Input::Offers(vec![offer("1", "A", 1), offer("2", "A", 1)]));
    let accepted: Vec<_> = asked.iter().filter(|o| matches!(o, Output::Accept { .. })).collect();
    assert!(
        matches!(accepted[..], [Output::Accept { offers, launches }] if offers.len() == 2 && launches.len() == 2)
    );
}

#[test]
fn an_offer_that_is_too_small_is_declined_for_long_and_the_reason_is_reported_once() {
    let mut harness = Harness::subscribed(1);
    let mut small = offer("1", "A", 1);
    small.resources[1].scalar = Some(value::Scalar { value: 512.0 });
    let asked = harness.feed(Input::Offers(vec![small.clone()]));
    assert!(has(&asked, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 300)));
    let reported =
        Notice::Starved("1 offer declined: need mem 1032 MB, largest was 512 MB".to_owned());
    assert!(has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == reported)));
    assert!(!has(&harness.feed(Input::Offers(vec![small])), |o| matches!(o, Output::Notice(_))));
}

#[test]
fn used_and_declined_offers_and_failures_are_counted_by_reason() {
    let mut harness = Harness::subscribed(1);
    harness.feed(Input::Offers(vec![offer("1", "A", 0)]));
    harness.feed(Input::Drain("B".to_owned()));
    harness.feed(Input::Offers(vec![offer("2", "B", 1)]));
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.feed(Input::Offers(vec![offer("3", "A", 1)]));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    let declined = [Declined::Shortage, Declined::Avoided, Declined::Unneeded];
    let expected = Totals {
        used: 1,
        declined: declined.map(|why| (why, 1)).into(),
        failures: [(Blame::Worker, 1)].into(),
    };
    assert_eq!(*harness.core.totals(), expected);
}

#[test]
fn the_master_gets_the_smallest_usable_offer_once_per_connection_after_one_was_too_small() {
    let mut harness = Harness::subscribed(2);
    let narrows = |asked: Vec<Output>| asked.iter().filter(|o| matches!(o, Output::Narrow)).count();
    assert_eq!(narrows(harness.feed(Input::Offers(vec![offer("o", "A", 1)]))), 0);
    let small = |id: &str| Input::Offers(vec![offer(id, "B", 0)]);
    assert_eq!(narrows(harness.feed(small("p"))), 1);
    assert_eq!(narrows(harness.feed(small("q"))), 0);
    harness.feed(Input::Disconnected);
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(narrows(harness.feed(small("r"))), 1);
}

#[test]
fn workers_are_spread_evenly_over_the_groups_of_a_constraint_whatever_the_agents() {
    let mut harness = Harness::constrained(4, "rack:GROUP_BY");
    let racks = [("1", "A", "x"), ("2", "B", "x"), ("3", "C", "x"), ("4", "D", "y")];
    let offers = racks.map(|(id, agent, rack)| with_attribute(offer(id, agent, 4), "rack", rack));
    let asked = harness.feed(Input::Offers(offers.to_vec()));
    let on_y = launches(&asked).iter().filter(|launch| launch.place.agent == "D").count();
    assert_eq!((launches(&asked).len(), on_y), (4, 2));
}

#[test]
fn a_constraint_counts_workers_of_earlier_offers_and_of_earlier_application_masters() {
    let mut harness = Harness::constrained(2, "hostname:UNIQUE");
    let first = harness.launch_on("A", 4);
    assert_eq!(first.len(), 1);
    let mut again = Harness::with(harness.state.clone(), settings("hostname:UNIQUE"));
    again.feed(Input::Target(2));
    again.feed(Input::Subscribed("F".to_owned()));
    assert!(again.launch_on("A", 4).is_empty());
    assert_eq!(again.launch_on("B", 4).len(), 1);
}

#[test]
fn an_offer_is_declined_for_long_if_its_agent_never_meets_a_constraint_and_briefly_if_not_now() {
    let mut harness = Harness::constrained(2, "rack:LIKE:x.*,hostname:UNIQUE");
    let wrong = harness.feed(Input::Offers(vec![with_attribute(offer("1", "A", 1), "rack", "y")]));
    assert!(has(&wrong, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 300)));
    let reported = Notice::Starved(
        "1 offer declined: constraint rack:LIKE:x.* not met, the agents have y".to_owned(),
    );
    assert!(has(&wrong, |o| matches!(o, Output::Notice(notice) if *notice == reported)));
    harness.feed(Input::Offers(vec![with_attribute(offer("2", "B", 1), "rack", "x1")]));
    let taken = harness.feed(Input::Offers(vec![with_attribute(offer("3", "B", 1), "rack", "x1")]));
    assert!(has(&taken, |o| matches!(o, Output::Decline(_, refuse) if refuse.as_secs() == 5)));
}

#[test]
fn offers_are_suppressed_when_nothing_is_missing_and_revived_when_a_worker_is_lost() {
    let mut harness = Harness::subscribed(1);
    assert!(has(&harness.outputs, |o| matches!(o, Output::Revive)));
    let asked = harness.feed(Input::Offers(vec![offer("1", "A", 1)]));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)));
    let worker = launches(&asked)[0].worker.clone();
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn an_offer_does_not_wait_long_for_the_store_and_no_launch_starts_until_it_is_back() {
    let mut harness = Harness::subscribed(1);
    harness.hold_stores = true;
    harness.feed(Input::Offers(vec![offer("o", "A", 4)]));
    let asked = harness.wait(5);
    assert!(has(&asked, |o| matches!(o, Output::Decline(offers, _) if offers[0].value == "o")));
    assert!(
        has(&asked, |o| matches!(o, Output::Suppress))
            || !has(&asked, |o| matches!(o, Output::Revive))
    );
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::StoreAway))));
    assert!(harness.core.starved().unwrap().contains("cannot be stored"));
    let asked = harness.release_stores();
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::StoreBack))));
    assert!(launches(&asked).is_empty() && harness.state.workers.is_empty());
    assert_eq!(harness.launch_on("A", 4).len(), 1);
}

#[test]
fn an_offer_that_is_rescinded_while_the_store_is_slow_is_not_used() {
    let mut harness = Harness::subscribed(2);
    harness.hold_stores = true;
    harness.feed(Input::Offers(vec![offer("1", "A", 1), offer("2", "A", 1)]));
    let asked = harness.feed(Input::Rescinded("1".to_owned()));
    assert!(has(
        &asked,
        |o| matches!(o, Output::Decline(offers, _) if offers.len() == 1 && offers[0].value == "2")
    ));
    assert!(launches(&harness.release_stores()).is_empty());
    assert!(harness.state.workers.is_empty());
}

#[test]
fn launches_that_wait_for_the_store_end_with_the_connection_that_brought_the_offers() {
    let mut harness = Harness::subscribed(1);
    harness.hold_stores = true;
    harness.feed(Input::Offers(vec![offer("1", "A", 1)]));
    harness.feed(Input::Disconnected);
    assert!(launches(&harness.release_stores()).is_empty());
    assert!(harness.state.workers.is_empty());
}

#[test]
fn a_revive_that_seems_lost_is_sent_again() {
    let mut harness = Harness::subscribed(1);
    assert!(!has(&harness.wait(119), |o| matches!(o, Output::Revive)));
    assert!(has(&harness.wait(1), |o| matches!(o, Output::Revive)));
    let worker = harness.running("A");
    harness.feed(Input::Registered(BTreeSet::from([worker])));
    harness.wait(100);
    let asked = harness.feed(Input::Offers(vec![offer("2", "A", 1)]));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)), "offers come although none are wanted");
}

#[test]
fn a_worker_that_is_written_off_does_not_prevent_other_launches() {
    let mut harness = Harness::constrained(1, "hostname:UNIQUE");
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    harness.wait(60);
    assert_eq!(harness.launch_on("A", 1).len(), 1, "the machine is back under another agent id");
}

/// An offer with these ports.
fn with_ports(offer: v1::Offer, ports: &[(u64, u64)]) -> v1::Offer {
    let range =
        ports.iter().map(|(begin, end)| value::Range { begin: *begin, end: *end }).collect();
    let mut offer = offer;
    offer.resources.retain(|resource| resource.name != "ports");
    let ranges = Some(value::Ranges { range });
    offer.resources.push(v1::Resource { name: "ports".to_owned(), ranges, ..Default::default() });
    offer
}

/// The port of the only launched worker.
fn launched_port(harness: &mut Harness, ports: &[(u64, u64)]) -> Option<(WorkerId, u16)> {
    let asked = harness.feed(Input::Offers(vec![with_ports(offer("o", "A", 1), ports)]));
    let launch = launches(&asked).pop()?;
    let (_, port) = launch.taken.ports().next()?;
    Some((launch.worker, port))
}

fn fail(harness: &mut Harness, worker: &WorkerId, message: &str) {
    let message = Some(message.to_owned());
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        message,
        ..status(worker, TaskState::TaskFailed)
    })));
}

#[test]
fn a_port_on_which_a_worker_could_not_listen_is_not_taken_again_for_a_minute() {
    let mut harness = Harness::subscribed(1);
    let only = [(31000, 31000)];
    let (worker, port) = launched_port(&mut harness, &only).unwrap();
    fail(
        &mut harness,
        &worker,
        &format!("java.net.BindException: no actor system on any port in port range {port}"),
    );
    assert!(launched_port(&mut harness, &only).is_none(), "there is no other");
    let reported = |o: &Output| matches!(o, Output::Notice(Notice::Starved(why)) if why.contains("could not listen on the agent's free ports"));
    assert!(harness.outputs.iter().any(reported), "{:?}", harness.outputs);
    let (worker, port) = launched_port(&mut harness, &[(31000, 31001)]).unwrap();
    assert_eq!(port, 31001);
    fail(&mut harness, &worker, "it left no word");
    harness.wait(60);
    assert_eq!(launched_port(&mut harness, &only).unwrap().1, 31000, "it may be free again");
}

#[test]
fn other_ports_than_those_of_a_failed_launch_are_tried_first() {
    let mut harness = Harness::subscribed(1);
    let mut tried = BTreeSet::new();
    for attempt in 1..=5 {
        let (worker, port) = launched_port(&mut harness, &[(31000, 31004)]).unwrap();
        assert!(tried.insert(port), "attempt {attempt}: {port} again");
        fail(&mut harness, &worker, "exit code 239");
        harness.wait(30);
    }
    assert!(launched_port(&mut harness, &[(31000, 31004)]).is_some(), "then any");
}

#[test]
fn ports_below_1024_are_for_root_and_ports_are_drawn_by_chance_the_same_for_the_same_seed() {
    let offered = [(1, 21), (31000, 31099)];
    let drawn = |seed: u64, privileged: bool| {
        let demand = Demand { privileged, ..settings("").demand };
        let settings = Settings { demand, ..settings("") };
        let mut harness = Harness::subscribed(100);
        harness.core = Core::new(settings, State::fresh("e".to_owned()), Moment(0), seed);
        harness.feed(Input::Target(100));
        harness.feed(Input::Subscribed("F".to_owned()));
        let asked = harness.feed(Input::Offers(vec![with_ports(offer("o", "A", 100), &offered)]));
        let ports =
            |launch: &Launch| launch.taken.ports().map(|(_, port)| port).collect::<Vec<_>>();
        launches(&asked).iter().flat_map(ports).collect::<Vec<_>>()
    };
    let (one, other) = (drawn(1, false), drawn(2, false));
    assert_eq!((one.len(), &one), (100, &drawn(1, false)));
    assert!(one.iter().all(|port| *port >= 31000) && one != other && !one.is_sorted());
    assert!(drawn(1, true).iter().any(|port| *port <= 21));
}

#[test]
fn workers_count_by_the_current_attributes_of_their_agent() {
    let mut harness = Harness::constrained(2, "rack:MAX_PER:1");
    let offer_of = |agent: &str, rack: &str| with_attribute(offer(agent, agent, 1), "rack", rack);
    let first = launches(&harness.feed(Input::Offers(vec![offer_of("A", "a")])));
    let rack = |harness: &Harness| {
        let place = harness.state.workers[&first[0].worker].place.clone();
        place.values.get(&Field::from("rack")).map(ToString::to_string)
    };
    assert_eq!((first.len(), rack(&harness).as_deref()), (1, Some("a")));
    // The agent was restarted with another attribute, under the same id.
    assert!(launches(&harness.feed(Input::Offers(vec![offer_of("A", "b")]))).is_empty());
    assert_eq!(rack(&harness).as_deref(), Some("b"), "the state knows it, too");
    assert!(launches(&harness.feed(Input::Offers(vec![offer_of("B", "b")]))).is_empty());
    assert_eq!(launches(&harness.feed(Input::Offers(vec![offer_of("C", "a")]))).len(), 1);
    // It counts on its agent until it ends.
    harness.feed(Input::Status(boxed(&first[0].worker, TaskState::TaskFinished)));
    assert_eq!(launches(&harness.feed(Input::Offers(vec![offer_of("B", "b")]))).len(), 1);
}
