//! What a user gets to see after a mistake: what, where, and what to do; exit code 64 for usage and
//! configuration.

mod framework;

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
};

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
        for part in [&place, "Set XDG_RUNTIME_DIR", "mesos.control.token"] {
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
    let mut cluster = FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master]);
    let said = cluster.wait_for("starved");
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("need mem 1056 MB, largest was 512 MB"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_without_any_agent_is_the_reason_why_no_offer_comes() {
    let mesos = RealMesos::start(0).await;
    let master = format!("-Dmesos.master={}", mesos.master());
    let mut cluster = FlinkMesos::start(&flink_home(Line::V1_20), &["session", &master]);
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

/// A Flink with this test's own configuration folder and plugins.
struct Case {
    home: TempDir,
    arguments: Vec<String>,
    name: String,
}

impl Case {
    fn new(version: &str, file: &str, text: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let flinks = flink_home(Line::V1_20);
        let lib = flinks.parent().unwrap().join(format!("flink-{version}/lib"));
        for (link, to) in [("lib", lib), ("bin", flinks.join("bin"))] {
            fs_err::os::unix::fs::symlink(to, home.path().join(link)).unwrap();
        }
        for folder in ["conf", "plugins", "log"] {
            fs_err::create_dir(home.path().join(folder)).unwrap();
        }
        fs_err::write(home.path().join("conf").join(file), text).unwrap();
        Self { home, arguments: Vec::new(), name: format!("{version}: {text:?}") }
    }

    /// A case with these options on the command line.
    fn with(version: &str, options: &[&str]) -> Self {
        let file = if version.starts_with("1.18") { "flink-conf.yaml" } else { "config.yaml" };
        let mut case = Self::new(version, file, "x.y: z\n");
        case.arguments.extend(options.iter().map(|option| format!("-D{option}")));
        case.name = format!("{version}: {options:?}");
        case
    }

    fn command(&self, start: &[&str]) -> std::process::Command {
        let mut command = command(start);
        command.args(cluster::SMALL).arg("-Dmesos.master=127.0.0.1:1").args(&self.arguments);
        command
            .env("FLINK_HOME", self.home.path())
            .env_remove("FLINK_CONF_DIR")
            .env_remove("FLINK_LOG_DIR");
        command
    }

    /// Whether `config check` accepts it, and its output.
    fn checked(&self, what: &str) -> (bool, String) {
        let output = self.command(&["config", "check", "--offline", what]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 64)), "{}: {said}", self.name);
        (output.status.success(), said)
    }

    /// Whether it starts, and its output: it counts as started at its first event.
    fn started(&self, what: &str) -> (bool, String) {
        let mut child = self.command(&[what, "--output", "json"]).spawn().unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let begun = events.any(|event| event.contains("\"starting\""));
        if begun {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(begun || output.status.code() == Some(64), "{}: {said}", self.name);
        (begun, said)
    }
}

/// Input, whether it is valid, and for a mistake a part of the message.
fn cases() -> Vec<(Case, &'static str, Option<&'static str>)> {
    let (old, flink_1, flink_2) = ("1.18.1", Line::V1_20.version(), Line::V2.version());
    let options = |options: &[&str], wrong| (Case::with(flink_1, options), "session", wrong);
    let file = |text: &str, wrong| (Case::new(flink_1, "config.yaml", text), "session", wrong);
    let empty_plugin = Case::with(flink_1, &["a=b"]);
    fs_err::create_dir(empty_plugin.home.path().join("plugins/empty")).unwrap();
    let container = "mesos.resourcemanager.tasks.container";
    let image = format!("{container}.image.name=x");
    let docker = format!("{container}.type=docker");
    let parameters =
        format!("{container}.docker.parameters=mount=type=bind\\,source=/a\\,target=/b");
    let half = format!("{container}.docker.parameters=mount=type=bind,source");
    vec![
        options(&["a=b"], None),
        options(&["jobmanager.web.port=abc"], Some("rest.bind-port: abc: ")),
        options(&["rest.port=18399", "rest.bind-port=9-1"], Some("rest.bind-port: ")),
        options(&["taskmanager.host=$HOST_IP"], Some("taskmanager.host: $HOST_IP: ")),
        options(&["taskmanager.host=0.0.0.0"], None),
        options(&["jobmanager.rpc.address=::1"], None),
        options(&["jobmanager.rpc.address=no_host"], Some("jobmanager.rpc.address: ")),
        options(&["taskmanager.registration.timeout=Inf"], None),
        options(&["taskmanager.maxRegistrationDuration=Inf"], None),
        (empty_plugin, "session", Some("plugins/empty")),
        options(&["io.tmp.dirs=/not/there/a"], Some("io.tmp.dirs: ")),
        (
            Case::with(old, &["s3.secret-key=ab#c"]),
            "session",
            Some("s3.secret-key cannot be written"),
        ),
        options(&["s3.secret-key=ab#c"], None),
        options(&[&docker, &image, &parameters], None),
        options(&[&docker, &image, &half], Some("'source' is not of the form key=value")),
        options(
            &["mesos.resourcemanager.tasks.cpus=0.0001"],
            Some("0.0001 is out of range (0.001 to 65535)"),
        ),
        options(
            &["taskmanager.memory.process.size=9223372036854775807b"],
            Some(
                "taskmanager.memory.process.size: 9223372036854775807b is out of range (0b to 256t)",
            ),
        ),
        options(
            &["taskmanager.numberOfTaskSlots=2147483647"],
            Some("taskmanager.numberOfTaskSlots: 2147483647 is out of range (1 to 65535)"),
        ),
        options(
            &["mesos.resourcemanager.framework.role=a,"],
            Some("mesos.resourcemanager.framework.role: a,: "),
        ),
        options(&["heartbeat.timeout=PT5M"], Some("heartbeat.timeout: 'PT5M' is not a duration")),
        (
            Case::with(old, &["heartbeat.timeout=50 s"]),
            "session",
            Some("'50 s' is not a whole number of milliseconds"),
        ),
        (
            Case::with(old, &["rest.async.store-duration=PT5M"]),
            "session",
            Some("'PT5M' is not a duration"),
        ),
        (Case::with(flink_2, &["heartbeat.timeout=PT5M"]), "session", None),
        options(&["rest.server.numThreads=3000000000"], Some("rest.server.numThreads: ")),
        options(&["mesos.workers=-1"], Some("mesos.workers: -1 is out of range (0 to 100000)")),
        options(
            &["mesos.executor.mem=9223372036854775807"],
            Some("is out of range (1 to 1048576 MB)"),
        ),
        options(
            &["mesos.resourcemanager.declined-offer-refuse-duration=0"],
            Some("0 is out of range (1 to "),
        ),
        options(
            &["resourcemanager.standalone.start-up-time=1000 d"],
            Some("1000 d is out of range (0 s to 248 d)"),
        ),
        options(
            &["blob.server.port=50100-50000"],
            Some("blob.server.port: '50100-50000' is not a port"),
        ),
        options(&["web.submit.enable=yes"], Some("web.submit.enable: 'yes' is not ")),
        options(&["akka.ask.timeout=ten"], Some("akka.ask.timeout: 'ten' is not a duration")),
        (Case::with(flink_2, &["blob.server.port=50100-50200,50300"]), "session", None),
        file("a:\tb\n", Some("config.yaml:1")),
        file("~: a\n", None),
        file("a: !!float 3\n", None),
        file("a: +.INF\n", Some("config.yaml:1")),
        (Case::new(old, "flink-conf.yaml", "a.b: {}\n"), "session", None),
        (Case::with(flink_1, &["a=b"]), "application", Some("--job-classname is missing")),
    ]
}

#[test]
fn a_check_and_a_start_give_the_same_verdict() {
    for (case, what, wrong) in cases() {
        let ((is_right, checked), (begun, started)) = (case.checked(what), case.started(what));
        assert_eq!(
            (is_right, begun),
            (wrong.is_none(), wrong.is_none()),
            "{}: {checked}\n{started}",
            case.name
        );
        if let Some(part) = wrong {
            assert!(checked.contains(part), "{}: no {part:?} in the check: {checked}", case.name);
            assert!(started.contains(part), "{}: no {part:?} at the start: {started}", case.name);
        }
    }
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
