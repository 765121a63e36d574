//! The promises under random events.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;

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
        let mut harness = Harness::subscribed(3);
        let mut target = 3;
        let mut offers = 0;
        let mut known: Vec<WorkerId> = Vec::new();
        for act in acts {
            let before = harness.outputs.len();
            let mut sent = BTreeSet::new();
            match act {
                Act::Offers(list) => {
                    let list = list.into_iter().map(|(agent, room)| {
                        offers += 1;
                        sent.insert(offers.to_string());
                        offer(&offers.to_string(), &agent.to_string(), room)
                    });
                    let list = list.collect();
                    harness.feed(Input::Offers(list));
                }
                Act::Status(worker, state) => {
                    let stranger = WorkerId::from("stranger");
                    let id = known.iter().rev().nth(worker).unwrap_or(&stranger).clone();
                    harness.feed(Input::Status(Box::new(v1::TaskStatus { state, ..status(&id, TaskState::TaskRunning) })));
                }
                Act::Target(n) => { target = n; harness.feed(Input::Target(n)); }
                Act::Connection(true) => { harness.feed(Input::Subscribed("F".to_owned())); }
                Act::Connection(false) => { harness.feed(Input::Disconnected); }
                Act::Removed => { harness.feed(Input::FrameworkRemoved); }
                Act::Wait(seconds) => { harness.wait(seconds); }
                Act::HoldStores(true) => harness.hold_stores = true,
                Act::HoldStores(false) => { harness.release_stores(); }
            }
            let held: usize = harness.held.iter().flat_map(|(_, changes)| changes)
                .filter(|change| matches!(change, Change::Worker(_))).count();
            for output in &harness.outputs[before..] {
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
                for output in &harness.outputs[before..] {
                    if let Output::Accept { offers, .. } = output {
                        for id in offers { sent.remove(&id.value); }
                    }
                }
                prop_assert!(sent.is_empty(), "offers without an answer: {sent:?}");
            }
            let counting = harness.core.workers().values().filter(|w| w.counts()).count();
            prop_assert!(counting <= target, "{counting} workers for a target of {target}");
            for worker in harness.core.workers().values() {
                let launched = worker.phase != Phase::Storing && worker.phase != Phase::Unreachable;
                let stored = harness.state.workers.contains_key(&worker.record.id);
                let killed_in_store = matches!(worker.phase, Phase::Killing(_));
                prop_assert!(!launched || stored || killed_in_store, "{:?} is not in the store", worker);
            }
        }
    }
}

/// S10: whatever fails while all workers are replaced. Workers that were killed do not count.
#[test]
fn there_are_never_more_workers_than_target_plus_surge() {
    for seed in 0..200 {
        let mut dice = StdRng::seed_from_u64(seed);
        let (target, surge) = (dice.random_range(1..5), dice.random_range(0..3));
        let mut harness = Harness::subscribed(target);
        let mut most_seen = 0;
        for step in 0..120 {
            let agent = dice.random_range(0..5).to_string();
            match dice.random_range(0..10) {
                0 => drop(harness.feed(Input::Restart(Move { surge, max_unavailable: 1 }))),
                1 => drop(harness.feed(Input::Drain(agent))),
                2 => drop(harness.feed(Input::Undrain(agent))),
                3..6 => {
                    drop(harness.feed(Input::Offers(vec![offer(&format!("o{step}"), &agent, 9)])));
                }
                6 => drop(harness.wait(dice.random_range(0..40))),
                _ => {
                    let ids: Vec<_> = harness.core.workers().keys().cloned().collect();
                    let Some(id) = ids.get(dice.random_range(0..ids.len().max(1))) else {
                        continue;
                    };
                    let states =
                        [TaskState::TaskRunning, TaskState::TaskRunning, TaskState::TaskFailed];
                    harness.feed(Input::Status(boxed(id, states[dice.random_range(0..3)])));
                    let running = harness
                        .core
                        .workers()
                        .values()
                        .filter(|worker| worker.phase == Phase::Running);
                    let listed = running.map(|worker| worker.record.id.clone()).collect();
                    harness.feed(Input::Registered(listed));
                }
            }
            // The workers of a drained agent move with the default surge.
            let most = target + surge.max(Move::default().surge);
            let staying = harness.core.workers().values().filter(|worker| worker.counts()).count();
            assert!(staying <= most, "seed {seed}, step {step}: {staying} of {target} + {surge}");
            most_seen = most_seen.max(staying);
        }
        assert!(most_seen >= target, "seed {seed}: so few were ever launched");
    }
}
