//! What people are told when no offer comes, or only small ones.

use mesos::scheduler::Snapshot;

use super::*;
use crate::core::evidence::Look;

#[test]
fn when_no_offer_comes_people_are_told_once_what_is_asked_for() {
    let mut bench = Bench::subscribed(1);
    let starved = |output: &Output| match output {
        Output::Notice(Notice::Starved(why)) => Some(why.clone()),
        _ => None,
    };
    let at = bench.core.wake_at().unwrap();
    assert_eq!(at, Moment(10_000), "nothing else wakes it");
    let asked: Vec<_> = (0..60).flat_map(|_| bench.wait(1)).collect();
    assert!(asked.iter().all(|output| starved(output).is_none()), "the master is asked first: {asked:?}");
    assert_eq!(asked.iter().filter(|output| matches!(output, Output::Look)).count(), 1, "once");
    let told: Vec<_> = bench.tell(Input::Looked(Box::default())).iter().filter_map(starved).collect();
    assert_eq!(told.len(), 1);
    for words in ["no offer of any agent for 10 s", "quota", "maintenance", "needs cpus 1.1, mem 1032 MB, ports 1"] {
        assert!(told[0].contains(words), "{told:?}");
    }
    assert_eq!(bench.core.starved().as_ref(), Some(&told[0]), "operators are told it, too");
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(asked.iter().filter_map(starved).any(|why| why.contains("largest was")), "{asked:?}");
    bench.launch_on("B", 1);
    assert!((0..60).flat_map(|_| bench.wait(1)).all(|output| starved(&output).is_none()));
}

#[test]
fn a_master_that_keeps_all_offers_back_for_our_constraints_is_asked_for_them_to_see_what_agents_have() {
    let mut bench = Bench::constrained(1, "rack:CLUSTER:r9");
    let widen = |o: &Output| matches!(o, Output::Widen);
    assert!(!has(&bench.wait(9), widen));
    assert!(has(&bench.wait(1), widen));
    let offers =
        [("1", "A", "r1"), ("2", "B", "r2")].map(|(id, agent, rack)| with_attribute(offer(id, agent, 1), "rack", rack));
    let asked = bench.tell(Input::Offers(offers.to_vec()));
    let told = "2 offers declined: constraint rack:CLUSTER:r9 not met, the agents have r1, r2".to_owned();
    assert!(
        has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == Notice::Starved(told.clone()))),
        "{asked:?}"
    );
    assert!(!has(&bench.wait(60), widen), "once on each connection");
    bench.tell(Input::Disconnected);
    bench.tell(Input::Subscribed("F".to_owned()));
    bench.core.refusals.clear();
    assert!(has(&bench.wait(10), widen));
    let starved = |o: &Output| matches!(o, Output::Notice(Notice::Starved(why)) if why.contains("no offer of any agent for 15 s"));
    assert!(!has(&bench.wait(4), |o: &Output| matches!(o, Output::Look)));
    assert!(has(&bench.wait(1), |o: &Output| matches!(o, Output::Look)));
    assert!(has(&bench.tell(Input::Looked(Box::default())), starved));
}

/// What a master tells whose role `x` has a quota of so many CPUs.
fn quota(cpus: f64) -> Box<Look> {
    let limits = BTreeMap::from([("cpus".to_owned(), value::Scalar { value: cpus })]);
    let config = v1::master::QuotaConfig { role: "x".to_owned(), limits, ..Default::default() };
    let quota = Some(v1::master::QuotaStatus { configs: vec![config], ..Default::default() });
    Box::new(Look { snapshot: Snapshot { quota, ..Snapshot::default() }, roles: vec!["x".to_owned()] })
}

#[test]
fn a_quota_that_keeps_offers_small_or_away_is_named_and_the_master_is_asked_for_it_once_a_minute_at_most() {
    let starved = |output: &Output| match output {
        Output::Notice(Notice::Starved(why)) => Some(why.clone()),
        _ => None,
    };
    let look = |o: &Output| matches!(o, Output::Look);
    let reason = "role `x` has a quota of cpus 0.5, a TaskManager needs 1.1";
    let mut bench = Bench::subscribed(1);
    assert!(has(&bench.wait(10), look));
    let told: Vec<_> = bench.tell(Input::Looked(quota(0.5))).iter().filter_map(starved).collect();
    assert_eq!(told, [format!("the master has sent no offer of any agent for 10 s: {reason}")]);
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(!has(&asked, look), "it has just been asked");
    assert!(asked.iter().filter_map(starved).all(|why| why.ends_with(&format!("; {reason}"))), "{asked:?}");

    let mut bench = Bench::subscribed(1);
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 0)]));
    assert!(has(&asked, look) && asked.iter().filter_map(starved).all(|why| !why.contains("quota")));
    assert!(bench.tell(Input::Looked(quota(2.0))).iter().find_map(starved).is_none(), "it leaves enough");
    let told: Vec<_> = bench.tell(Input::Looked(quota(0.5))).iter().filter_map(starved).collect();
    assert!(told.len() == 1 && told[0].starts_with("1 offer declined: need ") && told[0].ends_with(reason), "{told:?}");
    assert_eq!(bench.core.starved().as_ref(), Some(&told[0]));
    bench.launch_on("B", 1);
    assert_eq!(bench.core.starved(), None);
}
