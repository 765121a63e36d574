//! Only an explicit end ends a cluster.

use tests::{
    Line, RealMesosOptions,
    cluster::FlinkMesos,
    flink_home,
    site::{Part, Site, java_home},
};

/// A java that fails to start a JobManager this many times and then runs the one at `java`.
fn java_that_fails(times: u32, java: &str) -> String {
    format!(
        "#!/bin/sh\ncase \"$*\" in *StandaloneSessionClusterEntrypoint*)\n  count=\"$0.tried\"; echo >> \"$count\"\n  \
         [ $(wc -l < \"$count\") -gt {times} ] || exit 1 ;;\nesac\nexec {java} \"$@\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_a_jobmanager_that_never_answers_leaves_the_task_managers_running() {
    let state = tempfile::tempdir().unwrap();
    let folder = format!("-Dmesos.state.dir={}", state.path().join("state").display());
    let options = ["-Dhigh-availability.type=NONE", &folder];
    let mut site = Site::start(2, RealMesosOptions::default(), &options).await;
    let before = site.task_managers();
    site.kill(Part::ApplicationMaster).await;
    // It never starts: the program exits and leaves everything running.
    let never = java_home("#!/bin/sh\nexit 1\n");
    site.reconfigure(&[&format!("-Denv.java.home={}", never.path().display())]);
    site.restart(Part::ApplicationMaster).await;
    assert_eq!(site.master.end().code(), Some(1));
    let reported = ["jobmanager-restarting", "leaving", "stopping"]
        .map(|event| site.master.events(event).len());
    assert_eq!(reported, [4, 1, 0]);
    assert_eq!(site.task_managers(), before);
    // It starts at last.
    let real = site.java_home().join("bin/java").display().to_string();
    let late = java_home(&java_that_fails(2, &real));
    site.reconfigure(&[&format!("-Denv.java.home={}", late.path().display())]);
    site.restart(Part::ApplicationMaster).await;
    site.until_whole(2).await;
    assert_eq!(site.master.events("jobmanager-restarting").len(), 2);
    assert_eq!(site.task_managers(), before);
    site.until_tasks_are(before.keys()).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_whose_first_jobmanager_never_answers_is_ended_by_the_program_that_began_it() {
    let state = tempfile::tempdir().unwrap();
    let mesos = tests::RealMesos::start(1).await;
    // It ends as soon as the test opens this.
    let gate = state.path().join("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let broken = java_home(&format!("#!/bin/sh\nread line < {}\nexit 1\n", gate.display()));
    let options = [
        "session".to_owned(),
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dmesos.state.dir={}", state.path().join("state").display()),
        format!("-Denv.java.home={}", broken.path().display()),
    ];
    let options = options.each_ref().map(String::as_str);
    let mut master = FlinkMesos::start(&flink_home(Line::V1_20), &options);
    master.wait_for("registered");
    fs_err::write(gate, "end").unwrap();
    assert_eq!(master.end().code(), Some(1));
    assert_eq!(mesos.state().await["frameworks"].as_array().map(Vec::len), Some(0));
}
