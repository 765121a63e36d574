#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 7070))
}

fn digest(number: u8) -> Digest {
    Digest::of(&[number])
}

fn asked(number: u8, asker: Option<SocketAddr>) -> Asked {
    Asked { digest: digest(number), bytes: 1 << 20, asker, avoid: None }
}

fn holders() -> Holders {
    Holders::new(Policy { per_holder: 2, ..Policy::default() }, 1)
}

#[test]
fn with_few_streams_the_server_serves_itself() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1)]).unwrap();
    assert_eq!(holders.decide(SECOND, 7, &asked(1, None)), Decision::Serve);
    assert_eq!(holders.decide(SECOND, 8, &asked(1, None)), Decision::SendTo(peer(1)));
}

#[test]
fn a_limit_of_zero_never_redirects() {
    let mut holders = Holders::new(Policy { above: 0, ..Policy::default() }, 1);
    holders.announce(SECOND, peer(1), [digest(1)]).unwrap();
    assert_eq!(holders.decide(SECOND, 1000, &asked(1, None)), Decision::Serve);
}

#[test]
fn no_client_is_redirected_to_itself() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1)]).unwrap();
    assert_eq!(holders.decide(SECOND, 8, &asked(1, Some(peer(1)))), Decision::Serve);
}

#[test]
fn no_client_is_redirected_to_a_holder_that_it_avoids() {
    let mut holders = holders();
    for number in 1..=2 {
        holders.announce(SECOND, peer(number), [digest(1)]).unwrap();
    }
    let Decision::SendTo(first) = holders.decide(SECOND, 8, &asked(1, Some(peer(100)))) else {
        panic!("not sent")
    };
    let other = Asked { avoid: Some(first), ..asked(1, Some(peer(100))) };
    let second = holders.decide(SECOND, 8, &other);
    assert!(matches!(second, Decision::SendTo(holder) if holder != first), "{second:?}");
}

#[test]
fn the_holder_with_the_fewest_streams_is_next() {
    let mut holders = holders();
    for number in 1..=3 {
        holders.announce(SECOND, peer(number), [digest(1)]).unwrap();
    }
    for _round in 0..2 {
        let sent: BTreeSet<String> =
            (0..3).map(|_| format!("{:?}", holders.decide(SECOND, 8, &asked(1, None)))).collect();
        assert_eq!(sent.len(), 3, "a holder was chosen twice before the others: {sent:?}");
    }
    assert!(
        matches!(holders.decide(SECOND, 8, &asked(1, None)), Decision::Wait(_)),
        "all holders are full"
    );
    assert!(
        matches!(holders.decide(SECOND * 2, 8, &asked(1, None)), Decision::SendTo(_)),
        "they are done by now"
    );
}

#[test]
fn a_client_stays_with_its_holder_until_it_has_everything() {
    let mut holders = holders();
    for number in 1..=20 {
        holders.announce(SECOND, peer(number), [digest(1), digest(2)]).unwrap();
    }
    let asker = Some(peer(100));
    let first = holders.decide(SECOND, 8, &asked(1, asker));
    for round in 1..10 {
        assert_eq!(holders.decide(SECOND + round * SECOND / 2, 8, &asked(2, asker)), first);
    }
    let askers =
        |holders: &Holders| holders.known.iter().map(|holder| holder.askers.len()).sum::<usize>();
    assert_eq!(askers(&holders), 1, "one asker takes one place");
    holders.complete(peer(100));
    assert_eq!((askers(&holders), holders.sent.len()), (0, 0));
}

#[test]
fn a_client_is_redirected_elsewhere_if_its_holder_lacks_the_next_content() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1)]).unwrap();
    holders.announce(SECOND, peer(2), [digest(2)]).unwrap();
    let asker = Some(peer(100));
    assert_eq!(holders.decide(SECOND, 8, &asked(1, asker)), Decision::SendTo(peer(1)));
    assert_eq!(holders.decide(SECOND, 8, &asked(2, asker)), Decision::SendTo(peer(2)));
    assert_eq!(holders.known[0].askers.len(), 0);
}

#[test]
fn a_holder_that_is_silent_for_long_is_forgotten() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1)]).unwrap();
    holders.announce(SECOND * 500, peer(1), [digest(2)]).unwrap();
    assert_eq!(holders.decide(SECOND * 1000, 8, &asked(1, None)), Decision::SendTo(peer(1)));
    assert_eq!(holders.decide(SECOND * 1200, 8, &asked(1, None)), Decision::Serve);
    assert_eq!((holders.count(), holders.of(&digest(2)).count()), (0, 0));
}

#[test]
fn a_bad_holder_is_removed_and_barred_for_a_while() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1), digest(2)]).unwrap();
    holders.report(SECOND, peer(1), &digest(1), false);
    assert_eq!(holders.decide(SECOND, 8, &asked(2, None)), Decision::Serve);
    assert_eq!(holders.announce(SECOND * 30, peer(1), [digest(1)]), Err(Refused::Barred));
    assert_eq!(holders.announce(SECOND * 90, peer(1), [digest(1)]), Ok(()));
}

#[test]
fn a_holder_that_lacks_one_content_keeps_the_others() {
    let mut holders = holders();
    holders.announce(SECOND, peer(1), [digest(1), digest(2)]).unwrap();
    holders.report(SECOND, peer(1), &digest(1), true);
    assert_eq!(holders.decide(SECOND, 8, &asked(1, None)), Decision::Serve);
    assert_eq!(holders.decide(SECOND, 8, &asked(2, None)), Decision::SendTo(peer(1)));
}

#[test]
fn a_few_clients_get_everything_first_to_serve_the_others() {
    let mut holders = holders();
    for number in 1..=2 {
        assert_eq!(holders.decide(SECOND, 8, &asked(1, Some(peer(number)))), Decision::Serve);
    }
    assert!(matches!(holders.decide(SECOND, 8, &asked(1, Some(peer(3)))), Decision::Wait(_)));
    assert!(matches!(holders.decide(SECOND, 8, &asked(1, None)), Decision::Wait(_)));
    assert_eq!(holders.decide(SECOND, 8, &asked(1, Some(peer(1)))), Decision::Serve, "it goes on");
    assert_eq!(
        holders.decide(SECOND * 3, 8, &asked(1, Some(peer(3)))),
        Decision::Serve,
        "the others have ended"
    );
}

#[test]
fn waiting_clients_come_back_one_after_another() {
    let mut holders = holders();
    for number in 1..=2 {
        holders.decide(SECOND, 8, &asked(1, Some(peer(number))));
    }
    let waits: Vec<Duration> = (0..1000)
        .map(|_| match holders.decide(SECOND, 8, &asked(1, None)) {
            Decision::Wait(wait) => wait,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(waits[0], WAIT.0);
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1] && pair[1] <= WAIT.1));
}

#[test]
fn memory_is_bounded() {
    let policy = Policy { max_holders: 10, max_entries: 15, ..Policy::default() };
    let mut holders = Holders::new(policy, 1);
    for number in 0..100 {
        holders.announce(SECOND, peer(number), [digest(1), digest(2)]).ok();
    }
    assert_eq!(holders.entries, 15);
    assert_eq!(holders.announce(SECOND, peer(200), [digest(1)]), Err(Refused::Full));
    assert_eq!(
        holders.announce(SECOND * 700, peer(200), [digest(1)]),
        Ok(()),
        "the old ones have made room"
    );
    assert_eq!(holders.known.len(), 10);
}

#[derive(Debug, Clone)]
enum Step {
    Announce(u8, Vec<u8>),
    Report(u8, u8, bool),
    Ask(u8, Option<u8>, usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let contents = || 0..5_u8;
    let step = prop_oneof![
        (0..20_u8, prop::collection::vec(contents(), 0..4))
            .prop_map(|(who, what)| Step::Announce(who, what)),
        (0..20_u8, contents(), any::<bool>())
            .prop_map(|(who, what, lacks)| Step::Report(who, what, lacks)),
        (contents(), prop::option::of(0..20_u8), 0..70_usize)
            .prop_map(|(what, who, busy)| Step::Ask(what, who, busy)),
        (0..400_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// Compares with a model that only knows when which host announced what.
    #[test]
    fn a_client_is_only_redirected_to_another_host_that_holds_the_content(steps in steps(), seed in any::<u64>()) {
        let policy = Policy { above: 8, per_holder: 2, max_holders: 12, ..Policy::default() };
        let mut holders = Holders::new(policy, seed);
        let mut now = SECOND;
        let mut model: BTreeMap<u8, (Duration, BTreeSet<u8>)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Pass(seconds) => now += SECOND * seconds as u32,
                Step::Announce(who, what) => {
                    if holders.announce(now, peer(who), what.iter().map(|number| digest(*number))).is_ok() {
                        let known = model.entry(who).or_default();
                        known.0 = now;
                        known.1.extend(what);
                    }
                }
                Step::Report(who, what, lacks) => {
                    holders.report(now, peer(who), &digest(what), lacks);
                    if let Some((_, held)) = model.get_mut(&who) {
                        if lacks { held.remove(&what); } else { held.clear(); }
                    }
                }
                Step::Ask(what, who, streams) => {
                    let decision = holders.decide(now, streams, &asked(what, who.map(peer)));
                    if streams < 8 {
                        prop_assert_eq!(decision, Decision::Serve);
                    }
                    match decision {
                        Decision::SendTo(holder) => {
                            let number = (0..20).find(|number| peer(*number) == holder).unwrap();
                            prop_assert_ne!(Some(number), who);
                            let (seen, held) = &model[&number];
                            prop_assert!(held.contains(&what) && now.saturating_sub(*seen) <= policy.lifetime);
                        }
                        Decision::Wait(wait) => prop_assert!(WAIT.0 <= wait && wait <= WAIT.1),
                        Decision::Serve => {}
                    }
                }
            }
            let entries: usize = holders.contents.values().map(IndexSet::len).sum();
            prop_assert_eq!(entries, holders.entries);
            prop_assert_eq!(entries, holders.known.iter().map(|holder| holder.contents.len()).sum::<usize>());
            prop_assert!(holders.sent.len() <= 12 && holders.known.iter().all(|holder| holder.askers.len() <= 2));
            prop_assert!(holders.known.len() <= 12 && holders.numbers.len() == holders.known.len());
        }
    }
}
