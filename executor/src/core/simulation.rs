//! A simulated world around the core, in which everything happens in any order: agents come and go,
//! requests get lost, answers come late, twice or never, processes ignore signals. The promises are
//! checked after every step (`promises`). Then the world behaves, and everything must come to its
//! end.

mod every_step;
mod promises;
mod world;

use std::collections::BTreeSet;

use mesos::v1::TaskState;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use world::{Action, Nature, TASKS, World};

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..20_000_u64).prop_map(Action::Pass),
        1 => (0..1_000_000_u64).prop_map(Action::Pass),
        6 => Just(Action::AnswerSubscribe),
        2 => Just(Action::Disconnect),
        4 => (0..TASKS.len()).prop_map(Action::Launch),
        1 => (0..TASKS.len()).prop_map(Action::LaunchGroup),
        2 => ((0..TASKS.len()), prop::option::of(0..10_000_u64)).prop_map(|(id, grace)| Action::Kill(id, grace)),
        1 => Just(Action::Shutdown),
        6 => Just(Action::Deliver),
        1 => Just(Action::LoseSend),
        6 => any::<usize>().prop_map(Action::Acknowledge),
        1 => any::<usize>().prop_map(Action::AcknowledgeAgain),
        2 => Just(Action::Progress),
        2 => Just(Action::Listening),
        1 => Just(Action::Registered),
        1 => Just(Action::Unregistered),
        4 => Just(Action::WorkDone),
        1 => Just(Action::WorkFailed),
        2 => (0..3_i32).prop_map(Action::Exit),
    ]
}

fn nature() -> impl Strategy<Value = Nature> {
    any::<[bool; 4]>().prop_map(|[checkpoint, patient, warm, own_grace]| Nature {
        checkpoint,
        patient,
        warm,
        own_grace,
    })
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(action(), 0..120)
}

/// Runs these steps, then the task's end.
fn live(nature: Nature, actions: &[Action]) -> World {
    let mut world = World::new(nature);
    for action in actions {
        world.act(action);
    }
    world.settle();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_whatever_happens(nature in nature(), actions in actions()) {
        live(nature, &actions);
    }
}

#[test]
fn the_simulation_reaches_every_kind_of_end() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let (nature, actions) = (nature(), actions()).new_tree(&mut runner).unwrap().current();
        let world = live(nature, &actions);
        seen.extend(
            world
                .promises
                .made()
                .map(|made| TaskState::try_from(made.state).unwrap().as_str_name()),
        );
        seen.extend(world.ended);
        seen.extend(world.quarantined.then_some("started once more"));
    }
    let expected = [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_KILLING",
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_KILLED",
        "TASK_ERROR",
        "its task is done",
        "no task was launched",
        "the agent is gone",
        "shut down by the agent",
        "its task is done, but the agent does not acknowledge it",
        "started once more",
    ];
    for what in expected {
        assert!(seen.contains(what), "never reached: {what}");
    }
}
