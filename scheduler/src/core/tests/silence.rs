//! What is reported when no offer comes, or only small ones.

use mesos::scheduler::Snapshot;

use super::*;
use crate::core::evidence::Inspection;

#[test]
fn when_no_offer_comes_the_wanted_resources_are_reported_once() {
    let mut harness = Harness::subscribed(1);
    let starved = |output: &Output| match output {
        Output::Notice(Notice::Starved(why)) => Some(why.clone()),
        _ => None,
    };
    let at = harness.core.wake_at().unwrap();
    assert_eq!(at, Moment(10_000), "nothing else wakes it");
    let asked: Vec<_> = (0..60).flat_map(|_| harness.wait(1)).collect();
    assert!(
        asked.iter().all(|output| starved(output).is_none()),
        "the master is asked first: {asked:?}"
    );
    assert_eq!(
        asked.iter().filter(|output| matches!(output, Output::InspectMaster)).count(),
        1,
        "once"
    );
    let reported: Vec<_> =
        harness.feed(Input::MasterInspected(Box::default())).iter().filter_map(starved).collect();
    assert_eq!(reported.len(), 1);
    for part in [
        "no offer of any agent for 10 s",
        "quota",
        "maintenance",
        "needs cpus 1.1, mem 1032 MB, ports 1",
    ] {
        assert!(reported[0].contains(part), "{reported:?}");
    }
    assert_eq!(harness.core.starved().as_ref(), Some(&reported[0]), "operators see it too");
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(asked.iter().filter_map(starved).any(|why| why.contains("largest was")), "{asked:?}");
    harness.launch_on("B", 1);
    assert!((0..60).flat_map(|_| harness.wait(1)).all(|output| starved(&output).is_none()));
}

#[test]
fn a_master_that_holds_all_offers_back_for_our_constraints_is_asked_for_them_to_see_the_agents_values()
 {
    let mut harness = Harness::constrained(1, "rack:CLUSTER:r9");
    let widen = |o: &Output| matches!(o, Output::Widen);
    assert!(!has(&harness.wait(9), widen));
    assert!(has(&harness.wait(1), widen));
    let offers = [("1", "A", "r1"), ("2", "B", "r2")]
        .map(|(id, agent, rack)| with_attribute(offer(id, agent, 1), "rack", rack));
    let asked = harness.feed(Input::Offers(offers.to_vec()));
    let reported =
        "2 offers declined: constraint rack:CLUSTER:r9 not met, the agents have r1, r2".to_owned();
    assert!(
        has(
            &asked,
            |o| matches!(o, Output::Notice(notice) if *notice == Notice::Starved(reported.clone()))
        ),
        "{asked:?}"
    );
    assert!(!has(&harness.wait(60), widen), "once on each connection");
    let fits = with_attribute(offer("3", "C", 1), "rack", "r9");
    let worker = launches(&harness.feed(Input::Offers(vec![fits])))[0].worker.clone();
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    harness.feed(Input::Disconnected);
    harness.feed(Input::Subscribed("F".to_owned()));
    assert!(has(&harness.wait(10), widen));
    let starved = |o: &Output| matches!(o, Output::Notice(Notice::Starved(why)) if why.contains("no offer of any agent for 15 s"));
    assert!(!has(&harness.wait(4), |o: &Output| matches!(o, Output::InspectMaster)));
    assert!(has(&harness.wait(1), |o: &Output| matches!(o, Output::InspectMaster)));
    assert!(has(&harness.feed(Input::MasterInspected(Box::default())), starved));
}

/// The state of a master whose role `x` has a quota of this many CPUs.
fn quota(cpus: f64) -> Box<Inspection> {
    let limits = BTreeMap::from([("cpus".to_owned(), value::Scalar { value: cpus })]);
    let config = v1::master::QuotaConfig { role: "x".to_owned(), limits, ..Default::default() };
    let quota = Some(v1::master::QuotaStatus { configs: vec![config], ..Default::default() });
    Box::new(Inspection {
        snapshot: Snapshot { quota, ..Snapshot::default() },
        roles: vec!["x".to_owned()],
    })
}

#[test]
fn a_quota_that_limits_offers_is_named_and_the_master_is_asked_about_it_once_a_minute_at_most() {
    let starved = |output: &Output| match output {
        Output::Notice(Notice::Starved(why)) => Some(why.clone()),
        _ => None,
    };
    let look = |o: &Output| matches!(o, Output::InspectMaster);
    let reason = "role `x` has a quota of cpus 0.5, a TaskManager needs 1.1";
    let mut harness = Harness::subscribed(1);
    assert!(has(&harness.wait(10), look));
    let reported: Vec<_> =
        harness.feed(Input::MasterInspected(quota(0.5))).iter().filter_map(starved).collect();
    assert_eq!(reported, [format!("the master has sent no offer of any agent for 10 s: {reason}")]);
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(!has(&asked, look), "it has just been asked");
    assert!(
        asked.iter().filter_map(starved).all(|why| why.ends_with(&format!("; {reason}"))),
        "{asked:?}"
    );

    let mut harness = Harness::subscribed(1);
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(
        has(&asked, look) && asked.iter().filter_map(starved).all(|why| !why.contains("quota"))
    );
    assert!(
        harness.feed(Input::MasterInspected(quota(2.0))).iter().find_map(starved).is_none(),
        "it leaves enough"
    );
    let reported: Vec<_> =
        harness.feed(Input::MasterInspected(quota(0.5))).iter().filter_map(starved).collect();
    assert!(
        reported.len() == 1
            && reported[0].starts_with("1 offer declined: need ")
            && reported[0].ends_with(reason),
        "{reported:?}"
    );
    assert_eq!(harness.core.starved().as_ref(), Some(&reported[0]));
    harness.launch_on("B", 1);
    assert_eq!(harness.core.starved(), None);
}

#[test]
fn after_a_launch_the_master_is_asked_about_the_quota_again_once_a_minute_has_passed() {
    let look = |o: &Output| matches!(o, Output::InspectMaster);
    let mut harness = Harness::subscribed(2);
    assert!(has(&harness.wait(10), look), "no offer came for a while");
    harness.feed(Input::MasterInspected(quota(1.5)));
    harness.launch_on("A", 1);
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(!has(&asked, look), "it was asked a moment ago");
    let seconds = (1..=120).find(|_| has(&harness.wait(1), look)).unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let reason = "role `x` has a quota of cpus 0.5";
    let asked = harness.feed(Input::MasterInspected(quota(0.5)));
    assert!(
        has(&asked, |o| matches!(o, Output::Notice(Notice::Starved(why)) if why.contains(reason))),
        "{asked:?}"
    );
    assert!((0..120).all(|_| !has(&harness.wait(1), look)), "the quota is known");
}
