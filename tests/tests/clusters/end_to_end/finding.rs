//! Commands of another shell find a running cluster without an address.

use serde_json::Value;

use super::*;

/// What a command prints in a shell that knows nothing of the cluster, as JSON.
fn ask(arguments: &[&str]) -> Value {
    let (code, out, err) = run(&[arguments, &["--output", "json"]].concat());
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    run_in(arguments, &[])
}

fn run_in(arguments: &[&str], environment: &[(&str, &Path)]) -> (Option<i32>, String, String) {
    let mut command = command(arguments);
    command.env_remove("FLINK_HOME").env_remove("FLINK_CONF_DIR").env_remove("FLINK_MESOS_CONTROL");
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The only cluster in the list that has this name.
fn listed(list: &Value, name: &str) -> Value {
    let clusters = list["clusters"].as_array().unwrap();
    let named: Vec<_> = clusters.iter().filter(|cluster| cluster["name"] == name).collect();
    let [cluster] = named.as_slice() else { panic!("{list}") };
    (*cluster).clone()
}

const VIEW_TOKEN: &str = "a-token-of-the-monitoring";

/// Status and body of a page of the control API, with the token of the monitoring.
async fn page(control: &str, path: &str) -> (u16, String) {
    common::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{control}{path}")).bearer_auth(VIEW_TOKEN);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Monitoring sees that the cluster is ready with one TaskManager, and cannot stop it.
async fn is_monitored(control: &str) {
    assert_eq!(page(control, "/readyz").await, (200, "ready\n".to_owned()));
    let (status, metrics) = page(control, "/metrics").await;
    assert_eq!(status, 200, "{metrics}");
    for line in [
        "flink_mesos_condition{condition=\"ready\"} 1",
        "flink_mesos_workers{state=\"registered\"} 1",
        "flink_mesos_workers_launched_total 1",
        "flink_mesos_worker_start_seconds_count 1",
        "flink_mesos_offers_total{verdict=\"used\"} 1",
        "flink_mesos_mesos_connected 1",
        "flink_mesos_jobmanager_up 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
    }
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs_err::write(&token, VIEW_TOKEN).unwrap();
    let (code, _, err) = run(&["stop", "--at", control, "--token-file", token.to_str().unwrap()]);
    assert!(code == Some(1) && err.contains("only allows to look"), "{code:?} {err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_by_its_run_file_and_at_the_mesos_master_and_can_be_monitored() {
    let mesos = RealMesos::start(1).await;
    // Other tests run clusters of the same user.
    let name = format!("found-{}", std::process::id());
    let named = format!("-Dmesos.resourcemanager.framework.name={name}");
    let viewer = format!("-Dmesos.web.view-token={VIEW_TOKEN}");
    let mut cluster = session(&mesos, Line::V1_20, 1, &[&named, &viewer]);
    let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    let framework = cluster.wait_for("registered")["framework"].clone();
    let web = cluster.ready();
    let (master, known) = (mesos.master(), ["--cluster", name.as_str()]);
    for list in [ask(&["list"]), ask(&["list", "--master", &master])] {
        let found = listed(&list, &name);
        assert_eq!((&found["framework"], &found["state"]), (&framework, &"running".into()));
        assert_eq!(
            (found["control"].as_str(), found["web"].as_str()),
            (Some(&*control), Some(&*web))
        );
        assert!(found["since"].as_str().unwrap().ends_with('Z'), "{found}");
    }
    let only = ["--master", master.as_str()];
    for contact in [&known, &only] {
        let status = ask(&[&["status"][..], contact].concat());
        assert_eq!(status["conditions"]["ready"]["status"], true, "{status}");
        assert_eq!(
            (&status["workers"]["registered"], &status["jobs"]),
            (&1.into(), &Value::Array(vec![]))
        );
        let workers = ask(&[&["workers", "list"][..], contact].concat());
        assert_eq!(workers["workers"][0]["registered"], true, "{workers}");
        let offers = ask(&[&["offers"][..], contact].concat());
        assert_eq!((&offers["missing"], &offers["refusals"]), (&0.into(), &Value::Array(vec![])));
    }
    is_monitored(&control).await;
    let (code, _, err) = run(&["status", "--cluster", &format!("{name}x")]);
    assert_eq!(code, Some(64));
    assert!(err.contains(&format!("Did you mean --cluster {name}")), "{err}");
    for (of, file, expected) in [
        ("jobmanager", "log", "Starting the resource manager"),
        ("1", "log", "Successful registration at resource manager"),
        ("taskmanager-1", "executor", "TaskManager"),
    ] {
        let (code, out, err) = run(&["logs", of, "--file", file, "--all", "--cluster", &name]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains(expected), "{of} {file}: {out}");
    }
    let (code, _, err) = run(&["logs", "9", "--cluster", &name]);
    assert!(code == Some(64) && err.contains("no TaskManager \"9\""), "{err}");
    let (_, events, _) = run(&["events", "--cluster", &name]);
    let ready = |line: &str| line.contains("Z  Flink is ready with 1 TaskManager");
    assert!(events.lines().any(ready), "{events}");
    // The label shows no token to those who can read Mesos's pages.
    let shown = mesos.state().await["frameworks"][0]["labels"].clone();
    let label = serde_json::json!([{ "key": "flink-mesos-control", "value": control }]);
    assert_eq!(shown, label);
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_found_through_zookeeper_with_its_configuration_and_no_run_file() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let folder = tempfile::tempdir().unwrap();
    let (runs, conf) = (folder.path().join("runs"), folder.path().join("conf"));
    for folder in [&runs, &conf] {
        fs_err::create_dir(folder).unwrap();
    }
    let name = format!("elected-{}", std::process::id());
    let options = [
        format!("mesos.resourcemanager.framework.name: {name}"),
        "mesos.web.token: a-token-of-a-test".to_owned(),
        "high-availability.type: zookeeper".to_owned(),
        format!("high-availability.zookeeper.quorum: {}", zookeeper.connect_string()),
        format!("high-availability.storageDir: file://{}", folder.path().display()),
    ];
    fs_err::write(conf.join("config.yaml"), options.join("\n")).unwrap();
    let dynamic: Vec<_> =
        options.iter().map(|it| format!("-D{}", it.replacen(": ", "=", 1))).collect();
    let master = format!("-Dmesos.master={}", mesos.master());
    let mut arguments = vec!["session", "--workers", "0", &master];
    arguments.extend(dynamic.iter().map(String::as_str));
    let home = flink_home(Line::V1_20);
    // Where other shells do not look for run files.
    let mut leader = FlinkMesos::start_in(&home, &arguments, &[("RUNTIME_DIRECTORY", &runs)]);
    let control = leader.wait_for("control")["address"].as_str().unwrap().to_owned();
    leader.ready();
    let (code, _, _) = run(&["status", "--cluster", &name]);
    assert_eq!(code, Some(64), "it has no run file there");
    let environment = [("FLINK_HOME", home.as_path()), ("FLINK_CONF_DIR", conf.as_path())];
    let ask = |arguments: &[&str]| {
        let (code, out, err) = run_in(&[arguments, &["--output", "json"]].concat(), &environment);
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let found = listed(&ask(&["list"]), &name);
    assert_eq!((&found["control"], &found["state"]), (&control.into(), &"running".into()));
    let status = ask(&["status", "--cluster", &name]);
    assert_eq!(status["conditions"]["ready"]["status"], true, "{status}");
    leader.signal(Signal::SIGINT);
    assert!(leader.end().success());
}
