//! Try every interruption at every moment: after each step of each scenario, request an end or
//! inject a fault.

use std::collections::BTreeSet;

use mesos::v1::TaskState;

use super::{
    live,
    world::{Action, Nature},
};
use Action::{
    Acknowledge, AnswerSubscribe, Deliver, Disconnect, Exit, Kill, Launch, Listening, LoseSend,
    Pass, Progress, Registered, Shutdown, Unregistered, WorkDone, WorkFailed,
};

/// The scenarios, each from start to end.
const LIVES: [&[Action]; 6] = [
    // All goes well, and every update is acknowledged.
    &[
        AnswerSubscribe,
        Launch(0),
        Deliver,
        Acknowledge(0),
        Progress,
        Pass(4100),
        Deliver,
        Acknowledge(0),
        WorkDone,
        WorkDone,
        Listening,
        Deliver,
        Acknowledge(0),
        Registered,
        Deliver,
        Acknowledge(0),
        Pass(60_000),
        Exit(0),
        Deliver,
        Acknowledge(0),
    ],
    // Requests and acknowledgements get lost, and the agent restarts repeatedly.
    &[
        AnswerSubscribe,
        Launch(0),
        Disconnect,
        Pass(10),
        AnswerSubscribe,
        Deliver,
        LoseSend,
        Pass(1500),
        Disconnect,
        Pass(70),
        Disconnect,
        Pass(400),
        AnswerSubscribe,
        WorkDone,
        WorkDone,
        Disconnect,
        Listening,
        AnswerSubscribe,
        Unregistered,
        Registered,
        Disconnect,
        Exit(1),
        Pass(500),
        AnswerSubscribe,
        Acknowledge(1),
        Acknowledge(0),
    ],
    // The TaskManager dies early, twice.
    &[
        AnswerSubscribe,
        Launch(0),
        WorkDone,
        WorkDone,
        Listening,
        Pass(900),
        Exit(1),
        WorkDone,
        Listening,
        Exit(1),
        Deliver,
    ],
    // The artifacts cannot be fetched.
    &[
        AnswerSubscribe,
        Launch(0),
        Deliver,
        Acknowledge(0),
        Progress,
        Pass(9000),
        WorkFailed,
        Deliver,
        Acknowledge(0),
        Deliver,
        Acknowledge(0),
    ],
    // The agent is slow.
    &[
        AnswerSubscribe,
        Launch(0),
        WorkDone,
        WorkDone,
        Listening,
        Disconnect,
        Pass(600),
        Disconnect,
        Pass(600),
        Disconnect,
        Pass(600),
        Disconnect,
        Pass(600),
        Disconnect,
        Pass(600),
        Disconnect,
        Pass(600),
        AnswerSubscribe,
        Exit(0),
    ],
    // The agent never returns.
    &[
        AnswerSubscribe,
        Launch(0),
        WorkDone,
        WorkDone,
        Listening,
        Registered,
        Disconnect,
        Pass(899_000),
        Pass(2000),
        Exit(1),
    ],
];

const INTERVENTIONS: [&[Action]; 9] = [
    &[Kill(0, None)],
    &[Kill(0, Some(0))],
    // A second kill with a shorter grace.
    &[Kill(0, Some(9000)), Pass(500), Kill(0, Some(1000)), Pass(2000)],
    // A kill that takes its whole grace, and more.
    &[Kill(0, Some(2000)), Pass(4000)],
    &[Shutdown, Pass(7000)],
    &[Disconnect],
    &[Kill(0, Some(1000)), Disconnect, Pass(30), AnswerSubscribe],
    &[Exit(1)],
    &[Launch(0), Launch(1)],
];

fn natures() -> impl Iterator<Item = Nature> {
    (0..16).map(|bits| Nature {
        checkpoint: bits & 1 == 0,
        patient: bits & 2 == 0,
        warm: bits & 4 == 0,
        own_grace: bits & 8 == 0,
    })
}

#[test]
fn the_promises_hold_when_an_end_or_a_fault_comes_at_any_step() {
    let mut ends = BTreeSet::new();
    for (life, nature) in LIVES.iter().flat_map(|life| natures().map(move |nature| (life, nature)))
    {
        for (at, intervention) in
            (0..=life.len()).flat_map(|at| INTERVENTIONS.iter().map(move |what| (at, what)))
        {
            let actions = [&life[..at], *intervention, &life[at..]].concat();
            let world = live(nature, &actions);
            ends.extend(world.promises.made().map(|made| made.state().as_str_name()));
        }
    }
    for state in [
        TaskState::TaskKilled,
        TaskState::TaskFailed,
        TaskState::TaskFinished,
        TaskState::TaskError,
    ] {
        assert!(ends.contains(state.as_str_name()), "never {}", state.as_str_name());
    }
}
