//! What a user gets to see after a mistake: what, where, and what to do; exit code 64 for usage and
//! configuration.

mod framework;
mod same_verdict;

use std::{net::TcpListener, path::Path};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tests::{
    Line, RealMesos, RealMesosOptions,
    cluster::{self, FlinkMesos, command},
    flink_home,
};

/// Runs `flink-mesos session` with this Flink and returns exit code and standard error.
fn refused(home: Option<&Path>, arguments: &[&str]) -> (i32, String) {
    let mut command = command(&["session", "-Dtaskmanager.memory.process.size=1g"]);
    command.args(arguments).env_remove("FLINK_HOME").env_remove("FLINK_CONF_DIR");
    if let Some(home) = home {
        command.env("FLINK_HOME", home);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn assert_refused(home: Option<&Path>, arguments: &[&str], parts: &[&str]) {
    let (code, said) = refused(home, arguments);
    assert_eq!(code, 64, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in: {said}");
    }
}

/// A folder with the structure of a Flink distribution, but empty files.
fn hollow_flink() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for folder in ["bin", "lib", "conf"] {
        fs_err::create_dir(home.path().join(folder)).unwrap();
    }
    fs_err::write(home.path().join("lib/flink-dist-1.20.5.jar"), "").unwrap();
    fs_err::write(home.path().join("conf/config.yaml"), "taskmanager.numberOfTaskSlots: 1\n")
        .unwrap();
    home
}

#[test]
fn an_answer_that_nobody_reads_to_its_end_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(&["config", "options"]).stdout(writer).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{} {said}", output.status);
}

#[test]
fn a_missing_flink_home_is_asked_for() {
    assert_refused(None, &["-Dmesos.master=h:1"], &["FLINK_HOME", "--flink-home"]);
}

#[test]
fn a_flink_home_that_does_not_exist_is_named() {
    assert_refused(Some(Path::new("/no/such/flink")), &["-Dmesos.master=h:1"], &["/no/such/flink"]);
}

#[test]
fn a_folder_without_flink_dist_is_no_flink() {
    let home = hollow_flink();
    fs_err::remove_file(home.path().join("lib/flink-dist-1.20.5.jar")).unwrap();
    assert_refused(
        Some(home.path()),
        &["-Dmesos.master=h:1"],
        &["flink-dist", &home.path().display().to_string()],
    );
}

#[test]
fn an_invalid_configuration_file_is_named_with_the_line() {
    let home = hollow_flink();
    let file = home.path().join("conf/config.yaml");
    fs_err::write(&file, "taskmanager:\n  numberOfTaskSlots: 1\n  broken: [1, 2\nrest: {}\n")
        .unwrap();
    let place = format!("{}:", file.display());
    assert_refused(Some(home.path()), &["-Dmesos.master=h:1"], &[&place]);
}

#[test]
fn a_missing_master_is_asked_for_with_an_example() {
    assert_refused(
        Some(&flink_home(Line::V1_20)),
        &[],
        &["mesos.master must be configured", "zk://"],
    );
}

#[test]
fn a_malformed_master_is_refused_with_the_forms_that_are_allowed() {
    let parts = ["mesos.master", "zk://", "host:port"];
    assert_refused(Some(&flink_home(Line::V1_20)), &["-Dmesos.master=zk:/nonsense"], &parts);
}

#[test]
fn an_option_of_the_wrong_form_is_named_with_its_value() {
    let wrong = ["-Dmesos.master=h:1", "-Dmesos.workers=many"];
    assert_refused(Some(&flink_home(Line::V1_20)), &wrong, &["mesos.workers", "many"]);
}

#[test]
fn memory_that_does_not_add_up_is_refused() {
    let wrong = ["-Dmesos.master=h:1", "-Dtaskmanager.memory.process.size=100m"];
    assert_refused(Some(&flink_home(Line::V1_20)), &wrong, &["memory"]);
}

#[test]
fn an_unknown_flag_is_a_usage_error() {
    assert_refused(Some(&flink_home(Line::V1_20)), &["--bogus"], &["--bogus"]);
}

#[test]
fn a_java_that_does_not_exist_is_named() {
    let home = flink_home(Line::V1_20);
    let wrong = ["-Dmesos.master=h:1", "-Denv.java.home=/no/such/java"];
    assert_refused(Some(&home), &wrong, &["/no/such/java"]);
}

#[test]
fn a_java_that_is_too_old_is_refused_with_both_versions() {
    let java = tempfile::tempdir().unwrap();
    fs_err::create_dir(java.path().join("bin")).unwrap();
    let program = java.path().join("bin/java");
    fs_err::write(&program, "#!/bin/sh\necho 'openjdk version \"1.7.0_80\"' >&2\n").unwrap();
    fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs_err::write(java.path().join("release"), "JAVA_VERSION=\"1.7.0_80\"\n").unwrap();
    let old = format!("-Denv.java.home={}", java.path().display());
    assert_refused(Some(&flink_home(Line::V2)), &["-Dmesos.master=h:1", &old], &["7", "2.3"]);
}

#[test]
fn a_port_in_use_is_named_with_its_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("-Drest.port={}", taken.local_addr().unwrap().port());
    let rpc = "-Djobmanager.rpc.port=0";
    assert_refused(
        Some(&flink_home(Line::V1_20)),
        &["-Dmesos.master=127.0.0.1:1", rpc, &port],
        &["rest.port", "in use"],
    );
}

#[test]
fn a_run_folder_that_others_can_write_to_is_reported_by_a_check_and_by_the_commands() {
    let (home, login) = (hollow_flink(), tempfile::tempdir().unwrap());
    let folder = login.path().join("flink-mesos");
    fs_err::create_dir(&folder).unwrap();
    fs_err::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    for arguments in
        [&["config", "check", "--offline"][..], &["workers", "--at", "127.0.0.1:1", "list"]]
    {
        let mut command = command(arguments);
        command.env("FLINK_HOME", home.path()).env("XDG_RUNTIME_DIR", login.path());
        command.env_remove("RUNTIME_DIRECTORY").env_remove("FLINK_MESOS_CONTROL_TOKEN");
        let output = command.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        let place = format!(
            "{} belongs to user {} with mode 0777",
            folder.display(),
            nix::unistd::geteuid()
        );
        for part in [&place, "Set XDG_RUNTIME_DIR", "mesos.web.token"] {
            assert!(said.contains(part), "{part:?} is missing in: {said}");
        }
    }
}

/// The work folders below a temporary folder.
fn work_folders(tmp: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("flink-mesos-"))
        .collect()
}

#[test]
fn a_local_cluster_that_cannot_start_leaves_no_work_folder() {
    let tmp = tempfile::tempdir().unwrap();
    let file = tmp.path().join("model");
    fs_err::write(&file, "content").unwrap();
    let uri =
        format!("-Dmesos.resourcemanager.tasks.uris={}#sha256={}", file.display(), "0".repeat(64));
    let mut command = command(&["local", "-Dtaskmanager.memory.process.size=1g", &uri]);
    let output = command
        .env("FLINK_HOME", flink_home(Line::V1_20))
        .env("TMPDIR", tmp.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && said.contains("has the wrong content"), "{said}");
    assert_eq!(work_folders(tmp.path()), Vec::<std::path::PathBuf>::new(), "{said}");
}

#[test]
fn the_logs_of_a_job_manager_that_failed_stay_until_the_next_start() {
    let tmp = tempfile::tempdir().unwrap();
    let java = tmp.path().join("jdk");
    fs_err::create_dir_all(java.join("bin")).unwrap();
    fs_err::write(java.join("bin/java"), "#!/bin/sh\necho 'this JVM is broken'\nexit 1\n").unwrap();
    fs_err::set_permissions(
        java.join("bin/java"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    fs_err::write(java.join("release"), "JAVA_VERSION=\"17.0.15\"\n").unwrap();
    let java = format!("-Denv.java.home={}", java.display());
    let mut before = Vec::new();
    for _ in 0..2 {
        let mut command = command(&["local", "-Dtaskmanager.memory.process.size=1g", &java]);
        let output = command
            .env("FLINK_HOME", flink_home(Line::V1_20))
            .env("TMPDIR", tmp.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let kept = work_folders(tmp.path());
        assert!(
            output.status.code() == Some(1) && kept.len() == 1 && kept != before,
            "{kept:?} {said}"
        );
        assert!(
            said.contains(&format!("are kept in {} until the next start", kept[0].display())),
            "{said}"
        );
        let log = fs_err::read_to_string(kept[0].join("jobmanager/log/jobmanager.out")).unwrap();
        assert!(log.contains("this JVM is broken"), "{log}");
        before = kept;
    }
}

#[test]
fn an_artifact_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!(
        "-Dmesos.resourcemanager.artifactserver.port={}",
        taken.local_addr().unwrap().port()
    );
    let ports = ["-Djobmanager.rpc.port=0", "-Drest.port=0"];
    let arguments = ["-Dmesos.master=127.0.0.1:1", ports[0], ports[1], &port];
    assert_refused(
        Some(&flink_home(Line::V1_20)),
        &arguments,
        &["mesos.resourcemanager.artifactserver.port", "in use"],
    );
}

#[test]
fn an_unreachable_master_is_retried_with_a_visible_message() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let master = format!("-Dmesos.master={free}");
    let mut cluster = FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master]);
    let said = cluster.wait_for("disconnected");
    assert!(said["text"].as_str().unwrap().contains("Cannot reach Mesos"), "{said}");
    cluster.wait_for("jobmanager-up");
    cluster.signal(Signal::SIGINT);
    assert!(cluster.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_stay_too_small_are_explained() {
    let options = RealMesosOptions {
        resources: "cpus:4;mem:512;disk:1024;ports:[31000-31099]".to_owned(),
        ..Default::default()
    };
    let mesos = RealMesos::start_with(options).await;
    let master = format!("-Dmesos.master={}", mesos.master());
    let mut cluster =
        FlinkMesos::start(&flink_home(Line::V1_20), &["session", "--workers=1", &master]);
    let said = cluster.wait_for("starved");
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("need mem 1056 MB, largest was 512 MB"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_without_any_agent_is_the_reason_why_no_offer_comes() {
    let mesos = RealMesos::start(0).await;
    let master = format!("-Dmesos.master={}", mesos.master());
    let mut cluster =
        FlinkMesos::start(&flink_home(Line::V1_20), &["session", "--workers=1", &master]);
    let said = cluster.wait_for("starved");
    let reason = said["reason"].as_str().unwrap();
    assert!(
        reason.contains("has sent no offer of any agent")
            && reason.ends_with("no agent is registered"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_rejects_the_framework_ends_the_program_with_its_message() {
    let options = RealMesosOptions {
        agents: 0,
        master_flags: vec!["--roles=good".to_owned()],
        ..Default::default()
    };
    let mesos = RealMesos::start_with(options).await;
    let master = format!("-Dmesos.master={}", mesos.master());
    let role = "-Dmesos.resourcemanager.framework.role=bad";
    let mut cluster = FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master, role]);
    assert_eq!(cluster.end().code(), Some(64));
    let said = cluster.errors();
    assert!(said.contains("Mesos rejects this framework: ") && said.contains("bad"), "{said}");
}

#[test]
fn a_mesos_for_a_laptop_has_no_images() {
    let mut command =
        command(&["local", "-Dmesos.resourcemanager.tasks.container.image.name=flink"]);
    let output =
        command.args(cluster::SMALL).env("FLINK_HOME", flink_home(Line::V1_20)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("neither images nor volumes"), "{said}");
}
