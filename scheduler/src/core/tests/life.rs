//! What becomes of workers, from the store to their end, and of the framework.

use super::*;

#[test]
fn a_worker_is_in_the_store_before_its_launch_is_sent() {
    let mut bench = Bench::subscribed(1);
    bench.hold_stores = true;
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 4)]));
    assert!(launches(&asked).is_empty());
    let asked = bench.release_stores();
    assert_eq!(launches(&asked).len(), 1);
    assert!(bench.state.workers.contains_key(&launches(&asked)[0].worker));
}

#[test]
fn a_status_is_acknowledged_only_after_what_it_means_is_stored() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    bench.hold_stores = true;
    let acknowledged = |o: &Output| matches!(o, Output::Acknowledge { .. });
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!has(&asked, acknowledged));
    assert!(has(&bench.release_stores(), acknowledged));
}

#[test]
fn a_status_without_uuid_is_not_acknowledged() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    let answer = v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) };
    assert!(!has(&bench.tell(Input::Status(Box::new(answer))), |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn a_task_that_the_store_does_not_know_is_killed_on_sight() {
    let mut bench = Bench::subscribed(0);
    let stranger = WorkerId::from("stranger");
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&stranger, TaskState::TaskRunning)))), slice::from_ref(&stranger));
    let asked = bench.tell(Input::Status(boxed(&stranger, TaskState::TaskFailed)));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn recovered_workers_are_kept_and_asked_for_and_the_next_id_is_new() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let mut again = Bench::new(bench.state.clone());
    again.tell(Input::Target(2));
    let asked = again.tell(Input::Subscribed("F".to_owned()));
    let explicit = |o: &Output| matches!(o, Output::Reconcile(tasks) if tasks.iter().any(|(w, _)| *w == worker));
    assert!(has(&asked, explicit));
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    let new = again.launch_on("B", 5);
    assert_eq!(new.len(), 1);
    assert_ne!(new[0], worker);
}

#[test]
fn reconciliation_goes_on_ever_more_slowly_until_every_worker_is_answered() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Disconnected);
    bench.tell(Input::Subscribed("F".to_owned()));
    let asks = |o: &Output| matches!(o, Output::Reconcile(tasks) if !tasks.is_empty());
    let rounds = (0..100).filter(|_| has(&bench.wait(1), asks)).count();
    assert_eq!(rounds, 4, "after 5, 15, 35 and 75 s, or somewhat sooner");
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) })));
    assert_eq!((0..120).filter(|_| has(&bench.wait(1), asks)).count(), 0);
}

#[test]
fn a_launch_that_nothing_is_heard_of_is_asked_for_and_replaced_when_mesos_does_not_know_it() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    let asked = bench.wait(30);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks[0].0 == worker)));
    let asked =
        bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskUnknown) })));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    assert!(!bench.state.workers.contains_key(&worker));
}

#[test]
fn an_executor_that_falls_silent_is_given_up_and_its_agent_is_blamed() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&bench.wait(299)).is_empty());
    let asked = bench.wait(1);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    let [suspicion] = &bench.core.suspicions()[..] else { panic!("{:?}", bench.core.suspicions()) };
    assert_eq!((suspicion.agent.as_str(), suspicion.last.as_str()), ("A", "its executor has not reported for 300 s"));
}

#[test]
fn no_agent_is_blamed_for_an_offer_that_was_void_when_the_launch_arrived() {
    let mut bench = Bench::subscribed(1);
    for _ in 0..9 {
        let worker = bench.launch_on("A", 1).pop().expect("there is no wait");
        let reason = Some(v1::task_status::Reason::InvalidOffers.into());
        let dropped = v1::TaskStatus { reason, uuid: None, ..status(&worker, TaskState::TaskDropped) };
        bench.tell(Input::Status(Box::new(dropped)));
    }
    assert!(bench.core.suspicions().is_empty());
}

#[test]
fn an_agent_that_cannot_hold_a_limit_is_tried_once_while_others_are_used() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    let message = Some("CPU limits can only be set on …".to_owned());
    let refused = v1::TaskStatus { message, uuid: None, ..status(&worker, TaskState::TaskDropped) };
    bench.tell(Input::Status(Box::new(refused)));
    let asked = bench.tell(Input::Offers(vec![offer("o", "A", 1)]));
    assert!(launches(&asked).is_empty());
    let told = Notice::Starved("1 offer declined: the agent cannot hold the limits that are configured".to_owned());
    assert!(has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == told)), "{asked:?}");
    assert_eq!(bench.launch_on("B", 1).len(), 1);
}

#[test]
fn a_worker_that_does_not_register_is_replaced() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    assert!(kills(&bench.wait(100_000)).is_empty(), "there is no JobManager yet");
    bench.tell(Input::JobManager(true));
    let asked = bench.wait(300);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn a_registered_worker_is_left_in_peace() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let asked = bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::Registered(w)) if *w == worker)));
    assert!(kills(&bench.wait(100_000)).is_empty());
}

#[test]
fn a_worker_that_the_jobmanager_has_lost_has_as_long_again_to_register() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::JobManager(true));
    bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    bench.wait(1000);
    bench.tell(Input::Registered(BTreeSet::new()));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), [worker]);
}

#[test]
fn no_worker_is_blamed_while_the_jobmanager_is_down() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::JobManager(true));
    bench.wait(200);
    bench.tell(Input::JobManager(false));
    assert!(kills(&bench.wait(1000)).is_empty());
    bench.tell(Input::JobManager(true));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), [worker]);
}

#[test]
fn a_worker_that_does_not_register_with_the_next_jobmanager_is_replaced() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::JobManager(true));
    bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    bench.tell(Input::JobManager(false));
    bench.tell(Input::JobManager(true));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), [worker]);
}

#[test]
fn a_worker_that_mesos_no_longer_mentions_is_asked_for_within_a_quarter_of_an_hour() {
    let mut bench = Bench::subscribed(2);
    let (one, other) = (bench.running("A"), bench.running("B"));
    bench.tell(Input::Registered(BTreeSet::from([one.clone(), other.clone()])));
    assert!(has(&bench.wait(900), |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&one, TaskState::TaskRunning) })));
    let asked = bench.wait(5);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == other)));
    bench.tell(Input::Status(Box::new(v1::TaskStatus { uuid: None, ..status(&other, TaskState::TaskGone) })));
    assert!(!bench.state.workers.contains_key(&other));
}

#[test]
fn a_framework_is_forgotten_only_when_mesos_has_removed_it() {
    let mut bench = Bench::subscribed(0);
    bench.tell(Input::Disconnected);
    assert!(!has(&bench.tell(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = bench.tell(Input::Subscribed("F".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
    assert_eq!(bench.state.framework.as_deref(), Some("F"));
    bench.tell(Input::Disconnected);
    assert!(has(&bench.tell(Input::Subscribed("F".to_owned())), |o| matches!(o, Output::Teardown)));
    assert!(has(&bench.tell(Input::TornDown), |o| matches!(o, Output::Stopped)));
}

#[test]
fn a_kill_is_repeated_until_the_task_has_ended() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    assert_eq!(kills(&bench.tell(Input::Target(0))), slice::from_ref(&worker));
    assert_eq!(kills(&bench.wait(10)), slice::from_ref(&worker));
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(kills(&bench.wait(10)).is_empty());
}

#[test]
fn the_youngest_workers_go_first_when_fewer_are_wanted() {
    let mut bench = Bench::subscribed(2);
    let old = bench.running("A");
    bench.wait(1);
    let young = bench.running("B");
    assert_eq!(kills(&bench.tell(Input::Target(1))), [young]);
    assert!(bench.core.workers()[&old].counts());
}

#[test]
fn workers_that_keep_failing_are_launched_ever_more_slowly() {
    let mut bench = Bench::subscribed(1);
    for _ in 0..2 {
        let worker = bench.launch_on("A", 1).pop().unwrap();
        bench.tell(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    }
    assert!(bench.launch_on("A", 1).is_empty());
    assert!(has(&bench.wait(1), |o| matches!(o, Output::Revive)));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn a_removed_framework_is_forgotten_and_everything_starts_anew() {
    let mut bench = Bench::subscribed(1);
    bench.running("A");
    bench.tell(Input::FrameworkRemoved);
    assert_eq!((bench.state.framework.as_deref(), bench.state.workers.len()), (None, 0));
    bench.tell(Input::Subscribed("G".to_owned()));
    assert_eq!(bench.state.framework.as_deref(), Some("G"));
    assert_eq!(bench.launch_on("A", 1).len(), 1);
}

#[test]
fn stopping_kills_every_worker_and_then_tears_down() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let asked = bench.tell(Input::Stop);
    assert_eq!(kills(&asked), slice::from_ref(&worker));
    assert!(!has(&asked, |o| matches!(o, Output::Teardown)));
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
}

#[test]
fn stopping_does_not_wait_for_an_unreachable_worker_and_forgets_it_with_the_framework() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = bench.tell(Input::Stop);
    assert!(has(&asked, |o| matches!(o, Output::Teardown)) && !has(&asked, |o| matches!(o, Output::Stopped)));
    assert!(has(&bench.tell(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!((bench.state.framework.as_deref(), bench.state.workers.len()), (None, 0));
}

#[test]
fn a_worker_that_does_not_obey_is_reminded_and_then_its_executor_is_ended_by_force() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Target(0));
    let shut_down =
        |o: &Output| matches!(o, Output::Shutdown { worker: which, agent } if *which == worker && agent == "A");
    for waited in [10, 20] {
        let asked = bench.wait(10);
        assert!(kills(&asked) == [worker.clone()] && !has(&asked, shut_down), "after {waited} s");
    }
    let asked = bench.wait(10);
    assert!(has(&asked, shut_down));
    let told = |o: &Output| matches!(o, Output::Notice(Notice::Killing(_, why)) if why.contains("has not stopped within 30 s"));
    assert!(has(&asked, told), "{asked:?}");
    let asked = bench.wait(10);
    assert!(has(&asked, shut_down) && !has(&asked, told), "said once");
    // Who was away cannot have heard: it begins again.
    bench.tell(Input::Disconnected);
    assert!(!has(&bench.tell(Input::Subscribed("F".to_owned())), shut_down));
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    assert!(bench.core.workers().is_empty() && bench.core.suspicions().is_empty(), "nobody is blamed");
}

#[test]
fn a_worker_has_all_its_time_to_end_before_anybody_uses_force() {
    let mut bench = Bench::subscribed(1);
    bench.core.settings.patience.obey = Duration::from_secs(600);
    bench.running("A");
    bench.tell(Input::Target(0));
    for waited in (10..600).step_by(10) {
        assert!(!has(&bench.wait(10), |o| matches!(o, Output::Shutdown { .. })), "after {waited} s");
    }
    bench.wait(10);
    assert!(has(&bench.wait(10), |o| matches!(o, Output::Shutdown { .. })));
}

#[test]
fn an_unknown_task_that_does_not_obey_is_ended_by_force() {
    let mut bench = Bench::subscribed(0);
    let stranger = WorkerId::from("stranger");
    let seen = |bench: &mut Bench| bench.tell(Input::Status(boxed(&stranger, TaskState::TaskRunning)));
    assert!(!has(&seen(&mut bench), |o| matches!(o, Output::Shutdown { .. })));
    bench.wait(14);
    assert!(!has(&seen(&mut bench), |o| matches!(o, Output::Shutdown { .. })), "it may be ending");
    bench.wait(1);
    assert!(has(&seen(&mut bench), |o| matches!(o, Output::Shutdown { agent, .. } if agent == "A")));
}

#[test]
fn a_framework_that_mesos_takes_in_while_the_program_ends_is_torn_down() {
    let mut bench = Bench::new(State::fresh("e".to_owned()));
    bench.hold_stores = true;
    assert!(!has(&bench.tell(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = bench.tell(Input::Subscribed("F".to_owned()));
    assert!(!has(&asked, |o| matches!(o, Output::Teardown | Output::Stopped)), "not before it is in the store");
    let asked = bench.release_stores();
    assert!(has(&asked, |o| matches!(o, Output::Teardown)) && !has(&asked, |o| matches!(o, Output::Stopped)));
    assert!(has(&bench.tell(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!(bench.state.framework, None);
}

#[test]
fn no_number_that_a_state_may_hold_stops_the_program_or_gives_an_id_twice() {
    for number in [0, 1, u64::MAX - 1, u64::MAX] {
        let state = State { next_number: number, generation: u64::MAX, ..State::fresh("e".to_owned()) };
        let mut bench = Bench::new(state);
        bench.tell(Input::Subscribed("F".to_owned()));
        bench.tell(Input::Target(usize::MAX));
        bench.tell(Input::Restart(Move { surge: usize::MAX, max_unavailable: usize::MAX }));
        let launched = [bench.launch_on("A", 3), bench.launch_on("B", 3)].concat();
        let distinct: BTreeSet<_> = launched.iter().collect();
        assert_eq!((launched.len(), distinct.len()), (6, 6), "{number}");
    }
}

fn origin(flink: &str, job_manager: &str) -> Arc<Origin> {
    Arc::new(Origin { flink: flink.to_owned(), job_manager: job_manager.to_owned(), ..Origin::default() })
}

#[test]
fn who_was_taken_over_and_cannot_register_is_replaced_at_once_and_nobody_else_is() {
    let record = |number: u64, origin: Option<Arc<Origin>>| WorkerRecord {
        id: WorkerId::new("e", number),
        running: true,
        origin,
        ..WorkerRecord::default()
    };
    let workers = [
        record(1, Some(origin("1.20.5", "h:6123"))),
        record(2, Some(origin("1.20.5", "h:7000"))),
        record(3, Some(origin("2.3.0", "h:6123"))),
        record(4, None),
    ];
    let workers = workers.into_iter().map(|record| (record.id.clone(), record)).collect();
    let state = State { framework: Some("F".to_owned()), next_number: 5, workers, ..State::fresh("e".to_owned()) };
    let mut bench = Bench::new(state.clone());
    bench.core.settings.origin = origin("1.20.5", "h:6123");
    assert!(kills(&bench.tell(Input::Target(4))).is_empty(), "Mesos does not hear it yet");
    let asked = bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(kills(&asked), [WorkerId::new("e", 2), WorkerId::new("e", 3)]);
    let told = |text: &str| has(&asked, |o| matches!(o, Output::Notice(Notice::Killing(_, why)) if why == text));
    assert!(told("it looks for the JobManager at h:7000, which is at h:6123"), "{asked:?}");
    assert!(told("it runs Flink 2.3.0, and the JobManager is Flink 1.20.5"), "{asked:?}");
    // What is launched now is known by what it was launched for.
    let new = bench.launch_on("A", 2);
    assert_eq!(bench.state.workers[&new[0]].origin, Some(origin("1.20.5", "h:6123")));
}

#[test]
fn workers_that_are_too_many_at_a_takeover_are_killed_when_mesos_hears_it() {
    let record = WorkerRecord { id: WorkerId::new("e", 1), running: true, ..WorkerRecord::default() };
    let workers = [(record.id.clone(), record)].into();
    let state = State { framework: Some("F".to_owned()), workers, ..State::fresh("e".to_owned()) };
    let mut bench = Bench::new(state);
    assert!(kills(&bench.tell(Input::Target(0))).is_empty());
    assert_eq!(kills(&bench.tell(Input::Subscribed("F".to_owned()))), [WorkerId::new("e", 1)]);
}

#[test]
fn as_whom_a_framework_is_registered_is_kept_until_mesos_knows_it_no_longer() {
    let registered = |user: &str| Registration { user: Some(user.to_owned()), principal: None };
    let mut bench = Bench::new(State::fresh("e".to_owned()));
    bench.core.settings.registration = registered("alice");
    bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(bench.state.registration, Some(registered("alice")));
    // Mesos ignores another user, and so does the state.
    let mut bench = Bench::new(bench.state);
    bench.core.settings.registration = Registration { principal: Some("p".to_owned()), ..registered("bob") };
    bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(
        bench.state.registration,
        Some(Registration { principal: Some("p".to_owned()), ..registered("alice") }),
        "a principal that is not ours would have been refused"
    );
    bench.tell(Input::FrameworkRemoved);
    assert_eq!(bench.state.registration, None);
    bench.tell(Input::Subscribed("G".to_owned()));
    assert_eq!(bench.state.registration.as_ref().and_then(|known| known.user.as_deref()), Some("bob"));
}

#[test]
fn the_user_of_a_framework_from_before_it_was_kept_is_not_known() {
    let state = State { framework: Some("F".to_owned()), ..State::fresh("e".to_owned()) };
    let mut bench = Bench::new(state);
    bench.core.settings.registration = Registration { user: Some("bob".to_owned()), principal: Some("p".to_owned()) };
    bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(bench.state.registration, Some(Registration { user: None, principal: Some("p".to_owned()) }));
}

#[test]
fn numbers_that_are_used_up_begin_again_under_another_epoch_and_that_is_said() {
    let mut bench = Bench::subscribed(4);
    bench.core.next_number = u64::MAX - 2;
    let launched = bench.launch_on("A", 4);
    let before = [u64::MAX - 2, u64::MAX - 1].map(|number| WorkerId::new("e", number));
    assert_eq!(launched[..2], before);
    let told = bench.outputs.iter().find_map(|output| match output {
        Output::Notice(Notice::NewEpoch(epoch)) => Some(epoch.clone()),
        _ => None,
    });
    let epoch = told.unwrap();
    assert_ne!(epoch, "e");
    assert_eq!(launched[2..], [1, 2].map(|number| WorkerId::new(&epoch, number)));
    assert_eq!(bench.state.next_number, 3);
}

#[test]
fn who_has_other_jars_than_the_job_manager_is_replaced_and_who_has_other_files_besides_is_told_of() {
    let of = |distribution: Option<&str>, manifest: Option<&str>| {
        let (distribution, manifest) = (distribution.map(str::to_owned), manifest.map(str::to_owned));
        Arc::new(Origin { distribution, manifest, ..Origin::default() })
    };
    let record = |number: u64, origin: Arc<Origin>| WorkerRecord {
        id: WorkerId::new("e", number),
        running: true,
        origin: Some(origin),
        ..WorkerRecord::default()
    };
    let workers = [
        record(1, of(Some("jars"), Some("tree"))),
        record(2, of(Some("jars"), Some("another tree"))),
        record(3, of(Some("other jars"), Some("a third tree"))),
        record(4, of(None, None)),
    ];
    let workers = workers.into_iter().map(|record| (record.id.clone(), record)).collect();
    let state = State { framework: Some("F".to_owned()), next_number: 5, workers, ..State::fresh("e".to_owned()) };
    let mut bench = Bench::new(state);
    bench.core.settings.origin = of(Some("jars"), Some("tree"));
    bench.tell(Input::Target(4));
    let others = |asked: &[Output]| has(asked, |o| matches!(o, Output::Notice(Notice::OtherFiles(1))));
    let asked = bench.tell(Input::Subscribed("F".to_owned()));
    assert_eq!(kills(&asked), [WorkerId::new("e", 3)]);
    assert!(others(&asked), "{asked:?}");
    bench.tell(Input::Disconnected);
    assert!(!others(&bench.tell(Input::Subscribed("F".to_owned()))), "it was said");
}
