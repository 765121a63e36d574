//! An agent never gives away more than it has, whatever happens in whatever order.

use mesos::status::is_terminal;
use proptest::prelude::*;

use super::*;
use crate::core::Amount;

#[derive(Debug, Clone)]
enum Step {
    Launch,
    Decline,
    Update(usize, TaskState),
    AcknowledgeAll,
    End(usize),
    Kill(usize),
    Pass(f64),
    Disconnect,
    Subscribe,
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![
        Just(TaskState::TaskRunning),
        Just(TaskState::TaskFinished),
        Just(TaskState::TaskFailed)
    ];
    prop_oneof![
        4 => Just(Step::Launch),
        1 => Just(Step::Decline),
        3 => (0_usize..9, state).prop_map(|(task, state)| Step::Update(task, state)),
        2 => Just(Step::AcknowledgeAll),
        2 => (0_usize..9).prop_map(Step::End),
        1 => (0_usize..9).prop_map(Step::Kill),
        2 => (0.1_f64..30.0).prop_map(Step::Pass),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Subscribe),
    ]
}

fn act(bench: &mut Bench, step: &Step, count: &mut usize) {
    let connected = bench.core.frameworks.values().any(|it| it.stream == Some(bench.stream));
    match step {
        Step::Launch if connected => {
            for offer in bench.take_offers() {
                *count += 1;
                let task = task(&format!("t{count}"), &offer);
                bench.launch(offer, vec![task]);
            }
        }
        Step::Decline if connected => bench.decline(2.0),
        Step::AcknowledgeAll if connected => {
            let updates = bench.take_updates().into_iter().filter(|status| status.uuid.is_some());
            for status in updates.collect::<Vec<_>>() {
                bench.acknowledge(&status);
            }
        }
        Step::Kill(index) if connected => {
            let task =
                bench.core.frameworks.values().flat_map(|it| it.tasks.keys()).nth(*index).cloned();
            if let Some(task) = task {
                let kill = Some(call::Kill { task_id: task.into(), ..call::Kill::default() });
                bench
                    .call(Call { r#type: Some(Type::Kill.into()), kill, ..Call::default() })
                    .unwrap();
            }
        }
        Step::Launch | Step::Decline | Step::AcknowledgeAll | Step::Kill(_) => {}
        Step::Update(index, state) => update(bench, *index, *state),
        Step::End(index) => {
            let container =
                bench.core.executors.values().nth(*index).map(|executor| executor.container);
            if let Some(container) = container {
                bench.core.container_ended(container, Ending::Exited(0));
                bench.collect();
            }
        }
        Step::Pass(seconds) => bench.pass(*seconds),
        Step::Disconnect => bench.core.stream_closed(bench.stream),
        Step::Subscribe => bench.subscribe(1e6),
    }
}

/// Has the executor of some task subscribe and say something about the task.
fn update(bench: &mut Bench, index: usize, state: TaskState) {
    let Some(key) = bench.core.executors.keys().nth(index).cloned() else { return };
    let call = |kind: executor::call::Type, update| executor::Call {
        executor_id: key.executor.as_str().into(),
        framework_id: key.framework.as_str().into(),
        r#type: Some(kind.into()),
        subscribe: Some(executor::call::Subscribe::default()),
        update,
        message: None,
    };
    let status = TaskStatus {
        task_id: key.executor.as_str().into(),
        state: state.into(),
        source: Some(Source::Executor.into()),
        uuid: Some(new_uuid()),
        ..TaskStatus::default()
    };
    let update = Some(executor::call::Update { status });
    bench
        .core
        .executor_call(key.agent, call(executor::call::Type::Subscribe, None), Uuid::new_v4())
        .unwrap();
    bench
        .core
        .executor_call(key.agent, call(executor::call::Type::Update, update), Uuid::new_v4())
        .ok();
    bench.collect();
}

/// Offers, living tasks and executors of an agent together.
fn given_away(core: &Core, agent: usize) -> Amount {
    let mut sum = Amount::default();
    let offers = core.offers.values().filter(|it| it.agent == agent).map(|it| &it.resources);
    let executors =
        core.executors.iter().filter(|(key, _)| key.agent == agent).map(|(_, it)| &it.resources);
    let tasks = core.frameworks.values().flat_map(|it| it.tasks.values());
    let tasks = tasks
        .filter(|it| it.executor.agent == agent && !is_terminal(it.state))
        .map(|it| &it.resources);
    offers.chain(executors).chain(tasks).for_each(|amount| sum.add(amount));
    sum
}

proptest! {
    #[test]
    fn offers_tasks_and_executors_never_exceed_the_agent(steps in proptest::collection::vec(step(), 1..60)) {
        let options = LocalOptions { agents: 2, cpus: 2.5, mem_mb: 512.0, ..LocalOptions::default() };
        let mut bench = Bench::subscribed(options, 1e6);
        let mut count = 0;
        for step in steps {
            act(&mut bench, &step, &mut count);
            for agent in 0..2 {
                let (given, total) = (given_away(&bench.core, agent), &bench.core.agents[agent].total);
                prop_assert!(total.contains(&given), "after {:?} agent {} gave {} of {}", step, agent, given, total);
            }
            let alive = |key: &super::super::ExecutorKey| bench.core.executors.contains_key(key);
            let tasks = bench.core.frameworks.values().flat_map(|it| it.tasks.values());
            prop_assert!(tasks.into_iter().all(|task| task.is_terminal() || alive(&task.executor)));
        }
    }

    #[test]
    fn when_all_has_ended_everything_is_free_again(steps in proptest::collection::vec(step(), 1..40)) {
        let options = LocalOptions { agents: 2, cpus: 2.5, mem_mb: 512.0, ..LocalOptions::default() };
        let mut bench = Bench::subscribed(options, 1e6);
        let mut count = 0;
        for step in &steps {
            act(&mut bench, step, &mut count);
        }
        bench.subscribe(1e6);
        bench.call(Call { r#type: Some(Type::Teardown.into()), ..Call::default() }).unwrap();
        for agent in 0..2 {
            prop_assert_eq!(&bench.core.free(agent), &bench.core.agents[agent].total);
        }
    }
}
