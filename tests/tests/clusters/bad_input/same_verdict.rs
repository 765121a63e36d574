//! A start refuses what a check refuses, with the same errors.

use std::io::{BufRead as _, BufReader};

use tempfile::TempDir;
use tests::{
    Line,
    cluster::{self, command},
    flink_home,
};

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
        let mut errors = checked.lines().filter_map(|line| line.strip_prefix("error: "));
        if let Some(error) = errors.clone().find(|error| !started.contains(error)) {
            panic!("{}: no {error:?} at the start: {started}", case.name);
        }
        if let Some(part) = wrong {
            assert!(
                errors.any(|error| error.contains(part)),
                "{}: no {part:?} in {checked}",
                case.name
            );
        }
    }
}
