//! The Mesos for a laptop as a whole, spoken to over the connections of `mesos`. What it has in
//! common with the real Mesos is in the conformance suite; here is what only it has.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod ending;
mod framework;

use std::collections::BTreeSet;

use mesos::{
    executor::{ExecutorConnection, ExecutorEnvironment},
    scheduler::{Credential, SchedulerConnection, SchedulerEvent, SchedulerOptions, calls},
    status::new_uuid,
    v1::{
        FrameworkInfo, TaskState, TaskStatus,
        executor::event as executor_event,
        offer::{Operation, operation},
        task_status::Source,
    },
};
use mesos_local::{LocalCluster, LocalOptions};
use tempfile::TempDir;

use crate::framework::{Framework, eventually, shell};

/// A cluster that keeps its sandboxes in that folder.
async fn cluster(agents: usize, work: &TempDir) -> LocalCluster {
    let options =
        LocalOptions { agents, work_dir: work.path().to_owned(), ..LocalOptions::default() };
    LocalCluster::start(options).await.unwrap()
}

#[tokio::test]
async fn an_executor_inherits_no_descriptor_that_was_left_open() {
    let work = TempDir::new().unwrap();
    let other = work.path().join("other");
    let _left_open = nix::unistd::dup(fs_err::File::create(&other).unwrap().file()).unwrap();
    let cluster = cluster(1, &work).await;
    let mut framework = Framework::subscribe(&cluster).await;
    let offer = framework.offers(1).await.remove(0);
    let file = work.path().join("started").display().to_string();
    let command = format!("printf $$ > {file}.new; mv {file}.new {file}; exec sleep 1000");
    framework.launch(&offer, "t", shell(&command)).await;
    let id = eventually("the executor has started", || fs_err::read_to_string(&file).ok()).await;
    let open = fs_err::read_dir(format!("/proc/{id}/fd")).unwrap();
    // What the program itself opens may be closed meanwhile.
    let open: Vec<_> =
        open.filter_map(|entry| fs_err::read_link(entry.ok()?.path()).ok()).collect();
    assert!(!open.is_empty() && !open.contains(&other), "{open:?}");
}

#[tokio::test]
async fn a_task_lives_its_whole_life_over_our_own_connections() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let mut framework = Framework::subscribe(&cluster).await;
    let offer = framework.offers(1).await.remove(0);
    framework
        .launch(
            &offer,
            "t",
            shell("env > environment.new; mv environment.new environment; sleep 1000"),
        )
        .await;

    let runs = work.path().join(format!("slaves/{}/frameworks", offer.agent_id));
    let written = runs.join(format!("{}/executors/t/runs/latest/environment", framework.id));
    let environment =
        eventually("the executor has started", || fs_err::read_to_string(&written).ok()).await;
    let lookup = |name: &str| {
        let found = environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    let connection =
        ExecutorConnection::new(ExecutorEnvironment::from_variables(lookup).unwrap()).unwrap();
    let mut events = connection.subscribe(Vec::new(), Vec::new(), || ()).await.unwrap();
    let mut next = async || events.next().await.unwrap().unwrap();
    assert_eq!(next().await.r#type(), executor_event::Type::Subscribed);
    assert_eq!(next().await.launch.unwrap().task.task_id.value, "t");
    for state in [TaskState::TaskRunning, TaskState::TaskKilled] {
        let status = TaskStatus {
            task_id: "t".into(),
            state: state.into(),
            source: Some(Source::Executor.into()),
            uuid: Some(new_uuid()),
            ..TaskStatus::default()
        };
        connection.update(status).await.unwrap();
        assert_eq!(next().await.r#type(), executor_event::Type::Acknowledged);
        assert_eq!(framework.status().await.state(), state);
        if state == TaskState::TaskRunning {
            framework.handle.call(calls::kill("t".into(), None, None)).await.unwrap();
            assert_eq!(next().await.kill.unwrap().task_id.value, "t");
        }
    }
    framework.handle.call(calls::teardown()).await.unwrap();
    assert_eq!(next().await.r#type(), executor_event::Type::Shutdown);
    cluster.shutdown().await;
}

#[tokio::test]
async fn only_the_owner_gets_in_by_a_credential_that_nobody_else_can_read() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let file = work.path().join("credential.json");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs_err::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o600);
    let written: serde_json::Value = serde_json::from_slice(&fs_err::read(&file).unwrap()).unwrap();
    let own = cluster.credential();
    assert_eq!(
        (written["principal"].as_str(), written["secret"].as_str()),
        (Some(&*own.principal), Some(&*own.secret))
    );

    let stranger = Credential { principal: own.principal.clone(), secret: "guess".to_owned() };
    for credential in [None, Some(stranger)] {
        let options = SchedulerOptions {
            credential,
            ..SchedulerOptions::new(cluster.master().parse().unwrap())
        };
        let info = FrameworkInfo {
            user: "root".into(),
            name: "stranger".into(),
            ..FrameworkInfo::default()
        };
        let (_handle, mut events) =
            SchedulerConnection::open(options, info, Vec::new()).await.unwrap();
        let refused = loop {
            match events.recv().await.unwrap() {
                SchedulerEvent::Rejected { reason } => break reason,
                SchedulerEvent::Connecting { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert!(refused.contains("401"), "{refused}");
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn idle_connections_are_bounded_and_keep_neither_the_owner_nor_the_owners_stream_out() {
    const IDLE: usize = 700;
    let (soft, hard) =
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    nix::sys::resource::setrlimit(
        nix::sys::resource::Resource::RLIMIT_NOFILE,
        soft.max(hard.min(4096)),
        hard,
    )
    .unwrap();
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let mut before = Framework::subscribe(&cluster).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(tokio::net::TcpStream::connect(cluster.master()).await.unwrap());
    }
    let mut after = Framework::subscribe(&cluster).await;
    // Both get offers and can answer them.
    for framework in [&mut before, &mut after] {
        let offer = framework.offers(1).await.remove(0);
        framework.handle.call(calls::decline(vec![offer.id], 60.0)).await.unwrap();
    }
    let is_closed = |socket: &tokio::net::TcpStream| matches!(socket.try_read(&mut [0]), Ok(0));
    eventually("the oldest idle connections are closed", || {
        (idle.iter().filter(|socket| is_closed(socket)).count() >= IDLE - 512).then_some(())
    })
    .await;
    assert!(!is_closed(idle.last().unwrap()));
    cluster.shutdown().await;
}

#[tokio::test]
async fn every_executor_gets_the_variables_of_the_options() {
    let work = TempDir::new().unwrap();
    let variables = [("JAVA_HOME", "/opt/java"), ("PATH", "/bin")];
    let options = LocalOptions {
        work_dir: work.path().to_owned(),
        executor_environment: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..LocalOptions::default()
    };
    let cluster = LocalCluster::start(options).await.unwrap();
    let mut framework = Framework::subscribe(&cluster).await;
    let offer = framework.offers(1).await.remove(0);
    let file = work.path().join("seen");
    let shown = file.display();
    let command =
        format!("echo $JAVA_HOME $PATH > {shown}.new; mv {shown}.new {shown}; sleep 1000");
    framework.launch(&offer, "t", shell(&command)).await;
    let seen = eventually("the executor has started", || fs_err::read_to_string(&file).ok()).await;
    assert_eq!(seen, "/opt/java /bin\n");
}

#[tokio::test]
async fn each_agent_has_its_own_path_and_its_own_ports() {
    let work = TempDir::new().unwrap();
    // Below what is offered by default: a running cluster on this machine may have some of those.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = u32::from(taken.local_addr().unwrap().port());
    let ports = (port - 1, port + 4);
    let withheld_ports = BTreeSet::from([port + 1]);
    let options = LocalOptions {
        agents: 3,
        ports,
        withheld_ports,
        work_dir: work.path().into(),
        ..<_>::default()
    };
    let cluster = LocalCluster::start(options).await.unwrap();
    let mut framework = Framework::subscribe(&cluster).await;
    let offers = framework.offers(3).await;
    let mut paths: Vec<&str> =
        offers.iter().map(|offer| offer.url.as_ref().unwrap().path()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/slave(1)", "/slave(2)", "/slave(3)"]);
    let ports =
        offers.iter().flat_map(|offer| mesos::resources::merged_ranges(&offer.resources, "ports"));
    let mut ports: Vec<(u64, u64)> = ports.collect();
    ports.sort_unstable();
    let own = |range: &(u64, u64)| {
        [0, 2, 4].iter().any(|first| within(*range, u64::from(port) - 1 + first))
    };
    assert!(ports.iter().all(own), "two for each: {ports:?}");
    assert!(
        ports.iter().all(|(begin, end)| !(*begin..=*end).contains(&port.into())),
        "it is in use: {ports:?}"
    );
    assert!(
        ports.iter().all(|(begin, end)| !(*begin..=*end).contains(&(u64::from(port) + 1))),
        "withheld: {ports:?}"
    );
}

/// Whether all of the range is `first` or the one after it.
fn within((begin, end): (u64, u64), first: u64) -> bool {
    begin >= first && end <= first + 1
}

#[tokio::test]
async fn what_the_local_mesos_does_not_do_is_refused_in_words() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let mut framework = Framework::subscribe(&cluster).await;
    let offer = framework.offers(1).await.remove(0);
    let reserve =
        Operation { r#type: Some(operation::Type::Reserve.into()), ..Operation::default() };
    let refused =
        framework.handle.call(calls::accept(vec![offer.id], vec![reserve], 0.0)).await.unwrap_err();
    let expected =
        "call refused with 501: The local Mesos does LAUNCH operations only, not RESERVE";
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_by_name() {
    let good = LocalOptions::default;
    for (options, expected) in [
        (
            LocalOptions { agents: 0, ..good() },
            "option agents of the local mesos is 0, allowed is one or more",
        ),
        (
            LocalOptions { cpus: 0.0, ..good() },
            "option cpus of the local mesos is 0, allowed is a number above zero",
        ),
        (LocalOptions { mem_mb: f64::NAN, ..good() }, "option mem_mb of the local mesos is NaN"),
        (LocalOptions { disk_mb: -1.0, ..good() }, "option disk_mb of the local mesos is -1"),
        (LocalOptions { ports: (5, 4), ..good() }, "option ports of the local mesos is 5-4"),
        (
            LocalOptions { ports: (31000, 70000), ..good() },
            "option ports of the local mesos is 31000-70000",
        ),
        (LocalOptions { agents: 3, ports: (1, 2), ..good() }, "a port for each agent"),
    ] {
        let error = LocalCluster::start(options).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error =
        LocalCluster::start(LocalOptions { port, ..LocalOptions::default() }).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_work_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let work_dir = file.path().join("below");
    let error = LocalCluster::start(LocalOptions { work_dir, ..LocalOptions::default() })
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
}
