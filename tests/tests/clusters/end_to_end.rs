//! The main job with real components: `flink-mesos` on a real Mesos and on the Mesos for a laptop,
//! with a real Flink.

mod commands;
mod containers;
mod encryption;
mod finding;
mod together;
mod uris;

use std::{path::Path, time::Duration};

use appmaster::{cli::Contact, clusters};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{
    ExecutorsCache, Line, PortBlock, RealMesos, RealMesosOptions, RealZooKeeper,
    cluster::{FlinkMesos, assert_no_flink_in, command, processes_with, text_with, word_count},
    flink_home, wait_until, wordcount_jar,
};

const VOCABULARY: &[&str] =
    &["mesos", "flink", "offer", "agent", "task", "slot", "job", "rust", "java", "cache"];

/// Starts a session with `workers` TaskManagers on this Mesos.
fn session(mesos: &RealMesos, line: Line, workers: usize, more: &[&str]) -> FlinkMesos {
    let master = format!("-Dmesos.master={}", mesos.master());
    let workers = workers.to_string();
    let mut arguments = vec!["session", "--workers", &workers, &master];
    arguments.extend(more);
    FlinkMesos::start(&flink_home(line), &arguments)
}

/// A Mesos whose executors have to fetch everything.
async fn mesos_with_a_cold_cache() -> RealMesos {
    let cache = ExecutorsCache::Own;
    RealMesos::start_with(RealMesosOptions { cache, ..RealMesosOptions::default() }).await
}

/// Runs the word count and checks its output.
fn count_words(cluster: &mut FlinkMesos, line: Line, web: &str) {
    let text = text_with(VOCABULARY, cluster.work.path());
    let table = word_count(&flink_home(line), &wordcount_jar(line), web, &text);
    for (i, word) in VOCABULARY.iter().enumerate() {
        let count = (VOCABULARY.len() - i).to_string();
        let row = table.lines().find(|row| row.split('|').any(|cell| cell.trim() == *word));
        let row = row.unwrap_or_else(|| panic!("no {word} in:\n{table}"));
        assert!(row.split('|').any(|cell| cell.trim() == count), "not {count}: {row}");
    }
}

/// The java processes of this worker.
fn task_managers(worker: &str) -> Vec<Pid> {
    // Matches the sandbox, which is named after the worker and is part of the command line.
    let java =
        processes_with(worker).into_iter().filter(|(_, line)| line.contains("TaskManagerRunner"));
    java.map(|(pid, _)| Pid::from_raw(pid)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_process_has_costs_one_launch_at_most() {
    let block = PortBlock::new();
    let first = *block.ports().start();
    let _taken = std::net::TcpListener::bind(("0.0.0.0", first)).unwrap();
    // So few that the taken one is likely to be tried.
    let resources = format!("cpus:4;mem:4096;disk:8192;ports:[{first}-{}]", first + 2);
    let mesos =
        RealMesos::start_with(RealMesosOptions { resources, ..RealMesosOptions::default() }).await;
    let mut cluster = session(&mesos, Line::V1_20, 1, &[]);
    cluster.ready();
    let (launched, gone) = (cluster.events("launched").len(), cluster.events("gone"));
    assert!(launched <= 2 && gone.len() == launched - 1, "{gone:?}");
    for gone in gone {
        let reason = gone["reason"].as_str().unwrap();
        assert!(reason.contains(&first.to_string()), "the port is named: {reason}");
    }
    end_in_order(cluster);
}

fn end_in_order(mut cluster: FlinkMesos) {
    let work = cluster.work.path().to_owned();
    cluster.signal(Signal::SIGINT);
    assert!(cluster.end().success());
    assert_no_flink_in(&work);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_count_runs_on_the_real_mesos_with_flink_1_20() {
    let mesos = mesos_with_a_cold_cache().await;
    let mut cluster = session(&mesos, Line::V1_20, 2, &[]);
    let web = cluster.ready();
    count_words(&mut cluster, Line::V1_20, &web);
    end_in_order(cluster);
    assert_no_flink_in(mesos.work_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_reports_how_its_task_manager_came_up_and_what_it_uses() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = session(&mesos, Line::V1_20, 1, &[]);
    let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    let up = cluster.wait_for("up");
    let steps: Vec<_> =
        up["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    for step in ["executor", "subscribed", "launched", "fetched", "spawned", "registered"] {
        assert!(steps.contains(&step), "{up}");
    }
    // Its token is in this user's run file.
    let contact = Contact { at: Some(control), ..Contact::default() };
    let client = clusters::client(contact, &|name| std::env::var(name).ok()).await.unwrap();
    let usage =
        wait_until("the executor has reported what is used", Duration::from_secs(60), async || {
            let worker = client.get("workers").await.unwrap()["workers"][0].clone();
            assert_eq!(worker["timeline"], up["steps"]);
            Some(worker["usage"].clone()).filter(|usage| !usage.is_null())
        })
        .await;
    assert!(usage["memory_bytes"].as_u64().unwrap() > 100 << 20, "{usage}");
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_count_runs_on_the_real_mesos_with_flink_2() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = session(&mesos, Line::V2, 1, &[]);
    let web = cluster.ready();
    count_words(&mut cluster, Line::V2, &web);
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_the_oldest_flink_counts_words_and_its_worker_registers_with_the_next_application_master()
 {
    let mesos = RealMesos::start(1).await;
    let state = tempfile::tempdir().unwrap();
    let option = format!("-Dmesos.state.dir={}", state.path().display());
    let mut first = session(&mesos, Line::V1_18, 1, &[&option]);
    let web = first.ready();
    let worker = first.events("registered-worker")[0]["worker"].clone();
    count_words(&mut first, Line::V1_18, &web);
    first.signal(Signal::SIGKILL);
    first.end();
    let mut second = session(&mesos, Line::V1_18, 1, &[&option]);
    assert_eq!(second.wait_for("registered-worker")["worker"], worker);
    end_in_order(second);
}

#[test]
fn a_word_count_runs_on_the_mesos_for_a_laptop() {
    let mut cluster = FlinkMesos::start(&flink_home(Line::V1_20), &["local", "--workers", "2"]);
    let web = cluster.ready();
    count_words(&mut cluster, Line::V1_20, &web);
    // Its agent has no API for files: the sandboxes are on this machine.
    let control = cluster.events("control")[0]["address"].as_str().unwrap().to_owned();
    let log = command(&["logs", "2", "--all", "--at", &control]).output().unwrap();
    let text = String::from_utf8_lossy(&log.stdout);
    assert!(text.contains("Successful registration at resource manager"), "{log:?}");
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_has_scalars_of_any_name_at_mesos() {
    let resources = "cpus:4;mem:4096;disk:8192;fpga:2".to_owned();
    let mesos =
        RealMesos::start_with(RealMesosOptions { resources, ..RealMesosOptions::default() }).await;
    let mut cluster =
        session(&mesos, Line::V1_20, 1, &["-Dmesos.resourcemanager.tasks.resources=fpga:1"]);
    cluster.wait_for("running");
    let state = mesos.state().await;
    let task = &state["frameworks"][0]["tasks"][0];
    assert_eq!(task["resources"]["fpga"], 1.0, "{task}");
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_cannot_enforce_a_limit_is_reported_with_what_it_lacks() {
    let mesos = RealMesos::start(1).await;
    for (key, isolator) in [("cpus-limit", "cgroups/cpu"), ("mem-limit", "cgroups/mem")] {
        let limit = format!("-Dmesos.resourcemanager.tasks.{key}=unlimited");
        let mut cluster = session(&mesos, Line::V1_20, 1, &[&limit]);
        let gone = cluster.wait_for("gone");
        let reason = gone["reason"].as_str().unwrap();
        assert!(reason.contains("limits can only be set") && reason.contains(isolator), "{reason}");
        assert!(
            reason.contains("mesos.resourcemanager.tasks.cpus-limit and mem-limit"),
            "{reason}"
        );
        let starved = cluster.wait_for("starved");
        assert!(
            starved["reason"].as_str().unwrap().contains("cannot enforce the configured limits"),
            "{starved}"
        );
        assert_eq!(cluster.events("launched").len(), 1, "it was tried again");
        cluster.signal(Signal::SIGINT);
        assert!(cluster.end().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installed_executor_is_used_where_it_is_declared() {
    let mesos = RealMesos::start(1).await;
    let installed =
        format!("-Dmesos.executor.command={}", tests::binary("flink-mesos-executor").display());
    let mut cluster = session(&mesos, Line::V1_20, 1, &[&installed]);
    cluster.ready();
    let fetched = walk(mesos.work_dir())
        .into_iter()
        .filter(|path| path.ends_with("flink-mesos-executor"))
        .count();
    assert_eq!(fetched, 0, "nothing should be fetched into the sandbox");
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_log_as_their_cluster_configures_from_their_first_line_on() {
    let mesos = RealMesos::start(1).await;
    let options = ["-Dmesos.executor.log-format=json", "-Dmesos.executor.log-level=debug"];
    let mut cluster = session(&mesos, Line::V1_20, 1, &options);
    cluster.ready();
    let log = walk(&mesos.sandboxes(0)).into_iter().find(|path| path.ends_with("stderr")).unwrap();
    let text = fs_err::read_to_string(log).unwrap();
    // Mesos's fetcher writes to the same file.
    let first = text.lines().find(|line| line.contains("executor_id")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(first).is_ok(), "{first}");
    assert!(text.contains("\"level\":\"DEBUG\""), "{text}");
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_that_dies_is_replaced_and_the_reason_is_reported() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = session(&mesos, Line::V1_20, 1, &[]);
    let first = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let pid = task_managers(&first).pop().expect("the TaskManager's process");
    kill(pid, Signal::SIGKILL).unwrap();
    let gone = cluster.wait_for("gone");
    assert_eq!(gone["worker"], first.as_str());
    let reason = gone["reason"].as_str().unwrap();
    assert!(
        reason.contains("ended by SIGKILL") && reason.contains("killed by another process"),
        "{reason}"
    );
    let second = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_cluster_at_the_job_manager_ends_everything() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = session(&mesos, Line::V1_20, 1, &[]);
    let web = cluster.ready();
    let work = cluster.work.path().to_owned();
    reqwest_client().delete(format!("{web}/cluster")).send().await.unwrap();
    assert!(cluster.end().success());
    assert_no_flink_in(&work);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_everything_without_durable_state() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = session(&mesos, Line::V1_20, 1, &[]);
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    cluster.signal(Signal::SIGTERM);
    assert!(cluster.end().success());
    assert!(task_managers(&worker).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_leaves_out_small_offers_still_sends_large_ones() {
    let resources = "cpus:4;mem:2000;disk:8192".to_owned();
    let mesos =
        RealMesos::start_with(RealMesosOptions { resources, ..RealMesosOptions::default() }).await;
    let mut cluster = session(&mesos, Line::V1_20, 2, &["-Dtaskmanager.memory.process.size=1g"]);
    let starved = cluster.wait_for("starved");
    assert!(starved["reason"].as_str().unwrap().contains("largest was 944 MB"), "{starved}");
    let first = cluster.events("launched")[0]["worker"].as_str().unwrap().to_owned();
    let api = format!("http://{}/api/v1", mesos.master());
    wait_until("the master knows how much is needed", Duration::from_secs(60), async || {
        let asked = reqwest_client().post(&api).header("accept", "application/json");
        let asked =
            asked.header("content-type", "application/json").body(r#"{"type":"GET_FRAMEWORKS"}"#);
        let reported: serde_json::Value =
            serde_json::from_str(&asked.send().await.unwrap().text().await.unwrap()).unwrap();
        let info = &reported["get_frameworks"]["frameworks"][0]["framework_info"];
        let least =
            &info["offer_filters"]["*"]["min_allocatable_resources"]["quantities"][0]["quantities"];
        (least["mem"]["value"] == 1056.0).then_some(())
    })
    .await;
    let running = async || task_managers(&first).pop();
    let pid = wait_until("its TaskManager runs", Duration::from_secs(60), running).await;
    kill(pid, Signal::SIGKILL).unwrap();
    let second = cluster.wait_for("launched");
    assert_ne!(second["worker"], first.as_str());
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_constraint_holds_no_offers_back_after_a_restart() {
    let options =
        RealMesosOptions { attributes: "rack:a".to_owned(), ..RealMesosOptions::default() };
    let mesos = RealMesos::start_with(options).await;
    let folder = tempfile::tempdir().unwrap();
    let state = format!("-Dmesos.state.dir={}", folder.path().display());
    let mut first = session(&mesos, Line::V1_20, 1, &[&state, "-Dmesos.constraints=rack:IS:b"]);
    let framework = first.wait_for("registered")["framework"].clone();
    // The master holds back offers because of the constraint. It is asked once for all of them, to
    // find the reason.
    let starved = first.wait_for("starved");
    let reason = starved["reason"].as_str().unwrap();
    assert!(reason.contains("constraint rack:IS:b not met, the agents have a"), "{starved}");
    first.signal(Signal::SIGTERM);
    first.end();
    let mut second = session(&mesos, Line::V1_20, 1, &[&state]);
    assert_eq!(second.wait_for("registered")["framework"], framework);
    second.wait_for("running");
    end_in_order(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_durable_state_workers_outlive_the_application_master_and_soon_register_with_the_next_one_of_the_same_flink()
 {
    let mesos = RealMesos::start(1).await;
    let state = tempfile::tempdir().unwrap();
    // Ports and heartbeats with their defaults.
    let option = format!("-Dmesos.state.dir={}", state.path().display());
    let mut first = session(&mesos, Line::V1_20, 1, &[&option]);
    let worker = first.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let pid = task_managers(&worker).pop().expect("the TaskManager's process");
    for ending in [Signal::SIGTERM, Signal::SIGKILL] {
        first.signal(ending);
        first.end();
        assert_eq!(task_managers(&worker), [pid], "the TaskManager runs on after {ending}");
        let mut second = session(&mesos, Line::V1_20, 1, &[&option]);
        let up = second.wait_for("jobmanager-up")["seconds"].as_f64().unwrap();
        let again = second.wait_for("registered-worker");
        let after = again["seconds"].as_f64().unwrap() - up;
        println!("{ending}: registered {after:.1} s after the JobManager was up");
        assert!(
            state.path().join("artifacts/hashes.json").exists(),
            "the next start has to read everything again"
        );
        assert_eq!(again["worker"], worker.as_str(), "no other worker was launched");
        // Without our options, it would be 50 s; with them, at most 8 s on an idle machine (3.2 and
        // 3.6 s were seen).
        assert!(after < 30.0, "{after} s");
        assert_eq!(second.events("waiting-for-task-managers").len(), 1);
        first = second;
    }
    assert_eq!(task_managers(&worker), [pid]);
    first.signal(Signal::SIGTERM);
    first.end();
    let mut third = session(&mesos, Line::V2, 1, &[&option]);
    let killing = third.wait_for("killing");
    assert_eq!(killing["reason"], "it runs Flink 1.20.5, and the JobManager is Flink 2.3.0");
    assert_ne!(third.wait_for("registered-worker")["worker"], worker.as_str());
    assert!(task_managers(&worker).is_empty());
    end_in_order(third);
}

fn reqwest_client() -> reqwest::Client {
    common::tls::install_provider();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap().map_while(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}
