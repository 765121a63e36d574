//! Agents that go away, and return or not.

use std::time::Duration;

use mesos::v1::TaskState;

use crate::{
    agent::Received,
    host::{Host, is_alive, until, until_dead},
};

#[tokio::test]
async fn an_agents_restart_is_invisible_to_the_task() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &format!("echo $$ > {}/pid; sleep 1000", host.scratch())));
    host.agent.update(TaskState::TaskStarting).await;
    host.agent.acknowledge(false);
    let running = host.agent.update(TaskState::TaskRunning).await;
    let pid = host.pid("pid").await;

    host.agent.stop().await;
    host.agent.acknowledge(true);
    host.agent.start_again().await;
    let subscribe = host.agent.subscribe().await;
    let updates: Vec<_> =
        subscribe.unacknowledged_updates.iter().map(|update| &update.status).collect();
    assert_eq!(updates, [&running], "the same update, with the same uuid");
    assert!(subscribe.unacknowledged_tasks.is_empty(), "TASK_STARTING was acknowledged");
    assert!(is_alive(pid));

    host.agent.kill("w", Duration::from_secs(60));
    host.agent.update(TaskState::TaskKilled).await;
    assert!(executor.ended().await.success(), "{}", host.log());
}

#[tokio::test]
async fn unacknowledged_updates_are_sent_again_in_order() {
    let mut host = Host::new().await;
    host.agent.acknowledge(false);
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "exit 5"));
    host.agent.update(TaskState::TaskRunning).await;
    host.agent.update(TaskState::TaskFailed).await;
    host.agent.stop().await;
    host.agent.acknowledge(true);
    host.agent.start_again().await;
    let subscribe = host.agent.subscribe().await;
    let states: Vec<_> =
        subscribe.unacknowledged_updates.iter().map(|update| update.status.state()).collect();
    assert_eq!(states, [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFailed]);
    assert_eq!(subscribe.unacknowledged_tasks.len(), 1);
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn an_update_without_an_answer_is_sent_again() {
    let mut host = Host::new().await;
    host.agent.acknowledge(false);
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "exit 5"));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    host.agent.acknowledge(true);
    let again = host.agent.next().await;
    let Received::Update(again) = again else { panic!("{again:?}") };
    assert_eq!(again.state(), TaskState::TaskStarting);
    host.agent.update(TaskState::TaskRunning).await;
    assert_eq!(host.agent.update(TaskState::TaskFailed).await, failed);
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn after_the_recovery_timeout_the_task_is_ended() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[("MESOS_RECOVERY_TIMEOUT", "500ms")]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &format!("echo $$ > {}/pid; sleep 1000", host.scratch())));
    host.agent.update(TaskState::TaskRunning).await;
    let pid = host.pid("pid").await;
    host.agent.stop().await;
    assert_eq!(executor.ended().await.code(), Some(1));
    assert!(!is_alive(pid));
    assert!(host.log().contains("TASK_KILLED: the agent is gone"), "{}", host.log());
}

#[tokio::test]
async fn updates_made_while_the_agent_is_away_are_in_the_journal_at_once() {
    let mut host = Host::new().await;
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    let end = format!("{}/end", host.scratch());
    host.agent
        .launch(host.task("w", &format!("while [ ! -e {end} ]; do sleep 0.02; done; exit 5")));
    host.agent.update(TaskState::TaskRunning).await;
    host.agent.stop().await;
    fs_err::write(end, "").unwrap();
    let journal = host.sandbox("executor.json");
    until(|| {
        fs_err::read_to_string(&journal).ok()?.contains("ended with exit code 5").then_some(())
    })
    .await;
    assert!(
        host.log().contains("TASK_FAILED: the TaskManager ended with exit code 5"),
        "{}",
        host.log()
    );
}

#[tokio::test]
async fn without_checkpointing_a_lost_agent_ends_the_executor() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[("MESOS_CHECKPOINT", "0")]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &format!("echo $$ > {}/pid; sleep 1000", host.scratch())));
    host.agent.update(TaskState::TaskRunning).await;
    let pid = host.pid("pid").await;
    host.agent.stop().await;
    until_dead(pid).await;
    assert_eq!(executor.ended().await.code(), Some(1));
}

#[tokio::test]
async fn an_agent_that_is_not_up_yet_is_waited_for() {
    let mut host = Host::new().await;
    host.agent.stop().await;
    let mut executor = host.executor(&[]);
    until(|| host.log().contains("Cannot subscribe to the agent").then_some(())).await;
    host.agent.start_again().await;
    host.agent.subscribe().await;
    host.agent.shut_down();
    assert!(executor.ended().await.success());
}
