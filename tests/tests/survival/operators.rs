//! What the operators of Mesos do and ask for: frameworks removed, resources reserved, credentials.

use serde_json::{Value, json};
use tests::{Line, RealMesos, RealMesosOptions, RealZooKeeper, flink_home};

use crate::{cluster::FlinkMesos, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_an_operator_removes_comes_back_once_under_another_id() {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let framework = site.mesos.state().await["frameworks"][0]["id"].as_str().unwrap().to_owned();
    site.mesos.post("teardown", &[("frameworkId", &framework)]).await;
    site.master.wait_for("framework-lost");
    let anew = site.master.wait_for("registered")["framework"].clone();
    assert_ne!(anew, framework.as_str());
    site.until_whole(2).await;
    let after = site.task_managers();
    assert!(after.len() == 2 && after.keys().all(|name| !before.contains_key(name)), "{before:?} {after:?}");
    assert_eq!(site.tasks().await, after.keys().cloned().collect::<Vec<_>>());
    let told = (site.master.told("framework-lost").len(), site.master.told("registered").len());
    assert_eq!(told, (1, 2), "it is done once");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_for_the_role_is_used_before_what_is_not_and_stays_reserved() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let agent = mesos.state().await["slaves"][0]["id"].as_str().unwrap().to_owned();
    let reserved = |name: &str, value: f64| {
        json!({
            "name": name, "type": "SCALAR", "scalar": { "value": value },
            "reservations": [{ "type": "DYNAMIC", "role": "flink" }],
        })
    };
    let resources = json!([reserved("cpus", 2.0), reserved("mem", 2000.0)]).to_string();
    mesos.post("reserve", &[("slaveId", &agent), ("resources", &resources)]).await;
    let role = ["-Dmesos.resourcemanager.framework.role=flink"];
    let mut site = Site::begin(1, mesos, zookeeper, &role).await;
    let used = site.mesos.agents().await["slaves"][0]["used_resources_full"].clone();
    for name in ["cpus", "mem"] {
        let of_name = |resource: &&Value| resource["name"] == name;
        let used: Vec<_> = used.as_array().unwrap().iter().filter(of_name).collect();
        assert!(!used.is_empty(), "{name} is used");
        for resource in used {
            assert_eq!(resource["reservations"][0]["role"], "flink", "{resource}");
            assert_eq!(resource["reservations"][0]["type"], "DYNAMIC", "{resource}");
        }
    }
    site.until_whole(1).await;
    let mesos = site.end_and_keep_mesos().await;
    let left = mesos.agents().await["slaves"][0]["reserved_resources"]["flink"].clone();
    assert_eq!((left["cpus"].as_f64(), left["mem"].as_f64()), (Some(2.0), Some(2000.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_open_the_master_and_wrong_ones_are_a_mistake_of_configuration_that_is_not_shown() {
    let credentials = vec![("flink".to_owned(), "s3cret".to_owned())];
    let mesos = RealMesos::start_with(RealMesosOptions { credentials, ..Default::default() }).await;
    let conf = |secret: &str| {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs_err::read_dir(flink_home(Line::V1_20).join("conf")).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path = folder.path().join("config.yaml");
        let framework = "mesos.resourcemanager.framework";
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(path, format!("{text}\n{framework}.principal: flink\n{framework}.secret: {secret}\n")).unwrap();
        folder
    };
    let right = conf("s3cret");
    let option = format!("--conf-dir={}", right.path().display());
    let site = Site::begin(1, mesos, RealZooKeeper::start().await, &[&option]).await;
    let wrong = conf("guess");
    let option = format!("--conf-dir={}", wrong.path().display());
    let master = format!("-Dmesos.master={}", site.mesos.master());
    let java = site.java_option();
    let mut refused = FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master, &option, &java]);
    assert_eq!(refused.end().code(), Some(64));
    let errors = refused.errors();
    assert!(errors.contains("refused the framework's principal and secret (401 Unauthorized)"), "{errors}");
    assert!(!errors.contains("guess"), "{errors}");
    site.end().await;
}
