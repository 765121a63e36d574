//! The promises under random events.

use std::collections::BTreeSet;

use proptest::prelude::*;

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
