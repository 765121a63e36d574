//! Which TaskManagers the next application master can use: those that match it.

use std::{net::TcpListener, os::unix::fs::symlink, path::Path};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tests::{
    Line, RealMesos, RealMesosOptions, flink_home,
    site::{PATIENCE, Part, Site},
    wait_until,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_port_is_used_again_and_if_it_is_in_use_the_task_managers_are_replaced_at_once()
{
    let state = tempfile::tempdir().unwrap();
    let folder = format!("-Dmesos.state.dir={}", state.path().join("state").display());
    let mut site =
        Site::start(2, RealMesosOptions::default(), &["-Dhigh-availability.type=NONE", &folder])
            .await;
    let before = site.task_managers();
    for ending in [Signal::SIGTERM, Signal::SIGKILL] {
        site.master.signal(ending);
        site.master.end();
        site.restart(Part::ApplicationMaster).await;
        site.until_whole(2).await;
        assert_eq!(site.task_managers(), before, "{ending}");
    }
    site.kill(Part::ApplicationMaster).await;
    let port = wait_until("the JobManager of before has ended", PATIENCE, async || {
        let port = fs_err::read_to_string(site.java_home().join("rpc-port"))
            .unwrap()
            .parse::<u16>()
            .unwrap();
        TcpListener::bind(("0.0.0.0", port)).ok()
    })
    .await;
    site.restart(Part::ApplicationMaster).await;
    site.master.wait_for("port-taken");
    let killing = site.master.wait_for("killing");
    assert!(
        killing["reason"].as_str().unwrap().contains("it looks for the JobManager at 127.0.0.1:"),
        "{killing}"
    );
    wait_until("both are replaced", PATIENCE, async || {
        let there = site.task_managers();
        (there.len() == 2 && there.keys().all(|name| !before.contains_key(name))).then_some(())
    })
    .await;
    site.until_whole(2).await;
    drop(port);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_another_flink_replaces_the_task_managers_at_once() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let mut standby = site.standby_of(&flink_home(Line::V2));
    site.kill(Part::ApplicationMaster).await;
    let killing = standby.wait_for("killing");
    assert_eq!(killing["reason"], "it runs Flink 1.20.5, and the JobManager is Flink 2.3.0");
    site.master = standby;
    wait_until("another one has taken its place", PATIENCE, async || {
        let there = site.task_managers();
        (there.len() == 1 && there.keys().all(|name| !before.contains_key(name))).then_some(())
    })
    .await;
    site.until_whole(1).await;
    assert!(site.task_managers().keys().all(|name| !before.contains_key(name)));
    site.end().await;
}

const PRINCIPAL: &str = "mesos.resourcemanager.framework.principal";
const USER: &str = "mesos.resourcemanager.framework.user";

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_keeps_its_user_and_principal_and_a_takeover_with_others_is_reported_before_anything_starts()
 {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("state");
    let in_folder = format!("-Dmesos.state.dir={}", folder.display());
    let (flink, alice) = (format!("-D{PRINCIPAL}=flink"), format!("-D{USER}=alice"));
    for kept in [&["-Dhigh-availability.type=NONE", &*in_folder][..], &[]] {
        let options = [&[&*flink, &*alice], kept].concat();
        let mut site = Site::start(1, RealMesosOptions::default(), &options).await;
        let before = site.task_managers();
        site.kill(Part::ApplicationMaster).await;
        site.reconfigure(&[&format!("-D{PRINCIPAL}=other")]);
        site.restart(Part::ApplicationMaster).await;
        assert_eq!(site.master.end().code(), Some(64));
        let said = site.master.errors();
        assert!(
            said.contains(&format!("{PRINCIPAL}: it is other now, but was flink when")),
            "{said}"
        );
        assert!(site.master.events("control").is_empty(), "nothing was started");
        site.reconfigure(&[&flink, &format!("-D{USER}=bob")]);
        site.restart(Part::ApplicationMaster).await;
        let warning = site.master.wait_for("warning");
        let said = warning["warning"].as_str().unwrap();
        assert!(said.contains(&format!("{USER}: it is bob now, but was alice when")), "{said}");
        site.until_whole(1).await;
        assert_eq!(site.task_managers(), before);
        let reported = site.mesos.state().await;
        assert_eq!(
            [&reported["frameworks"][0]["user"], &reported["frameworks"][0]["principal"]],
            ["alice", "flink"]
        );
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_principal_that_only_the_master_notices_is_refused_with_its_option() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("state");
    let options =
        ["-Dhigh-availability.type=NONE", &format!("-Dmesos.state.dir={}", folder.display())];
    let mut site = Site::start(1, RealMesosOptions::default(), &options).await;
    site.kill(Part::ApplicationMaster).await;
    // Only the framework's id is left.
    for name in ["state", "state.before"] {
        fs_err::remove_file(folder.join(name)).unwrap();
    }
    site.reconfigure(&[&format!("-D{PRINCIPAL}=other")]);
    site.restart(Part::ApplicationMaster).await;
    assert_eq!(site.master.end().code(), Some(64));
    let said = site.master.errors();
    assert!(
        said.contains(&format!("Changing framework's principal is not allowed. ({PRINCIPAL})")),
        "{said}"
    );
    assert_eq!(site.task_managers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_of_another_cluster_does_not_get_the_framework_and_the_user_has_a_way_out() {
    let state = tempfile::tempdir().unwrap();
    let folder = format!("-Dmesos.state.dir={}", state.path().join("state").display());
    let mut site =
        Site::start(1, RealMesosOptions::default(), &["-Dhigh-availability.type=NONE", &folder])
            .await;
    let before = site.task_managers();
    let framework = site.master.events("registered")[0]["framework"].as_str().unwrap().to_owned();
    let other = RealMesos::start(1).await;
    let of = |mesos: &RealMesos| format!("-Dmesos.master={}", mesos.master());
    // The other Mesos would accept the framework.
    site.kill(Part::ApplicationMaster).await;
    site.reconfigure(&[&of(&other)]);
    site.restart(Part::ApplicationMaster).await;
    assert_eq!(site.master.end().code(), Some(64));
    let said = site.master.errors();
    let forget = format!("-Dmesos.state.forget-framework={framework}");
    for part in [
        &format!("knows neither the framework {framework} nor any agent"),
        "Set mesos.master",
        &forget,
    ] {
        assert!(said.contains(part), "{part:?} is missing in: {said}");
    }
    assert_eq!(other.state().await["frameworks"].as_array().map(Vec::len), Some(0));
    // Nothing is lost: the earlier master finds everything as it was.
    site.reconfigure(&[&of(&site.mesos)]);
    site.restart(Part::ApplicationMaster).await;
    site.until_whole(1).await;
    assert_eq!(site.task_managers(), before);
    // With the user's consent, it starts over on the other master, once.
    site.kill(Part::ApplicationMaster).await;
    site.reconfigure(&[&of(&other), &forget]);
    for times in [1, 0] {
        site.restart(Part::ApplicationMaster).await;
        site.until_whole(1).await;
        assert_eq!(site.master.events("framework-forgotten").len(), times);
        site.kill(Part::ApplicationMaster).await;
    }
    let known = other.state().await;
    assert_eq!(known["frameworks"].as_array().map(Vec::len), Some(1));
    assert_ne!(known["frameworks"][0]["id"], framework.as_str());
    assert_eq!(site.task_managers().len(), 2, "the one of before is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_has_lost_its_registry_accepts_the_framework_again_when_its_agents_are_back()
{
    let state = tempfile::tempdir().unwrap();
    let folder = format!("-Dmesos.state.dir={}", state.path().join("state").display());
    let options = RealMesosOptions {
        master_flags: vec!["--registry=in_memory".to_owned()],
        ..Default::default()
    };
    let mut site = Site::start(1, options, &["-Dhigh-availability.type=NONE", &folder]).await;
    let before = site.task_managers();
    site.kill(Part::ApplicationMaster).await;
    site.kill(Part::Master).await;
    site.kill(Part::Agent).await;
    site.restart(Part::Master).await;
    site.restart(Part::ApplicationMaster).await;
    let reason = site.master.wait_for("disconnected")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("they may still register with it"), "{reason}");
    site.restart(Part::Agent).await;
    site.until_whole(1).await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}

/// A copy of a distribution that can be changed.
fn copy_of(home: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs_err::read_dir(home).unwrap().map(Result::unwrap) {
        symlink(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    for folder in ["conf", "lib"] {
        fs_err::remove_file(copy.path().join(folder)).unwrap();
        fs_err::create_dir(copy.path().join(folder)).unwrap();
        for file in fs_err::read_dir(home.join(folder)).unwrap().map(Result::unwrap) {
            fs_err::copy(file.path(), copy.path().join(folder).join(file.file_name())).unwrap();
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_with_other_jars_is_replaced_at_a_takeover_and_one_with_another_log_configuration_is_kept()
 {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let home = copy_of(&flink_home(Line::V1_20));
    for (file, is_kept) in
        [("nothing", true), ("conf/log4j-console.properties", true), ("lib/one-more.jar", false)]
    {
        site.kill(Part::ApplicationMaster).await;
        if file != "nothing" {
            let path = home.path().join(file);
            let content = fs_err::read_to_string(&path).unwrap_or_default();
            fs_err::write(&path, format!("{content}\n# another one\n")).unwrap();
        }
        site.restart_of(home.path());
        if is_kept {
            site.until_whole(1).await;
            assert_eq!(site.task_managers(), before, "{file}");
            assert_eq!(
                site.master.events("other-files").len(),
                usize::from(file != "nothing"),
                "{file}"
            );
        } else {
            let killing = site.master.wait_for("killing");
            let said = killing["reason"].as_str().unwrap();
            assert!(
                said.starts_with("it was started with other jars of Flink, plugins or application"),
                "{said}"
            );
        }
    }
    wait_until("another one has taken its place", PATIENCE, async || {
        let there = site.task_managers();
        (there.len() == 1 && there.keys().all(|name| !before.contains_key(name))).then_some(())
    })
    .await;
    site.until_whole(1).await;
    site.end().await;
}
