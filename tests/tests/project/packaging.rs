//! The packages' additional files: the scripts of Flink 1.13 in a current distribution, the unit of
//! a cluster, the folder of executors' logs.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use fs_err::{self as fs, os::unix::fs::symlink};
use tempfile::TempDir;
use tests::{Line, binary, flink_home};

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)
}

/// A distribution with this packaged script in its `bin`.
fn distribution_with(script: &str) -> TempDir {
    let (home, flink) = (tempfile::tempdir().unwrap(), flink_home(Line::V1_20));
    fs::create_dir(home.path().join("bin")).unwrap();
    for folder in ["conf", "plugins"] {
        symlink(flink.join(folder), home.path().join(folder)).unwrap();
    }
    // Flink's scripts do not follow a link to the whole folder; they find their distribution by
    // their own real path.
    fs::create_dir(home.path().join("lib")).unwrap();
    for file in fs::read_dir(flink.join("lib")).unwrap().map(Result::unwrap) {
        symlink(file.path(), home.path().join("lib").join(file.file_name())).unwrap();
    }
    for file in fs::read_dir(flink.join("bin")).unwrap().map(Result::unwrap) {
        if file.path().is_file() {
            fs::copy(file.path(), home.path().join("bin").join(file.file_name())).unwrap();
        }
    }
    fs::copy(packaged("bin").join(script), home.path().join("bin").join(script)).unwrap();
    home
}

fn run(home: &TempDir, script: &str, arguments: &[&str]) -> Output {
    let programs = binary("flink-mesos").parent().unwrap().display().to_string();
    Command::new(home.path().join("bin").join(script))
        .args(arguments)
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
        .env("FLINK_LOG_DIR", home.path())
        .env_remove("FLINK_HOME")
        .env_remove("FLINK_CONF_DIR")
        .output()
        .unwrap()
}

#[test]
fn the_scripts_of_flink_1_13_start_a_session_and_an_application_of_their_distribution() {
    for script in ["mesos-appmaster.sh", "mesos-appmaster-job.sh"] {
        let home = distribution_with(script);
        let arguments = ["-Dtaskmanager.memory.process.size=1g", "-Dmesos.master=no:such:master"];
        let output = run(&home, script, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{script}: {said}");
        assert!(said.contains("no:such:master"), "{script}: {said}");
    }
}

#[test]
fn the_job_script_takes_what_standalone_job_sh_takes() {
    let home = distribution_with("mesos-appmaster-job.sh");
    let output =
        run(&home, "mesos-appmaster-job.sh", &["--job-classname", "a.B", "--job-id", "17"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && said.contains("32 hexadecimal digits"), "{said}");
}

#[test]
fn the_task_manager_script_becomes_a_task_manager_that_knows_its_arguments() {
    let home = distribution_with("mesos-taskmanager.sh");
    let arguments = [
        "-Dtaskmanager.resource-id=the-one",
        "-D",
        "taskmanager.memory.process.size=1g",
        "-Djobmanager.rpc.address=127.0.0.1",
        "-Djobmanager.rpc.port=1",
        "-Dtaskmanager.registration.timeout=1 ms",
    ];
    let output = run(&home, "mesos-taskmanager.sh", &arguments);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1), "it was to give up registering:\n{said}");
    assert!(said.contains("TaskManager with ResourceID: the-one"), "{said}");
}

const UNIT: &str = "systemd/flink-mesos@.service";
const INSTALLED: &str = "/usr/bin/flink-mesos";

/// Starts the packaged unit as systemd would for the instance `name`, with this `service.env` and
/// with system folders below `root`.
fn start_unit(root: &Path, name: &str, service_env: &str) -> Output {
    let unit = fs::read_to_string(packaged(UNIT)).unwrap().replace("%i", name);
    let settings = |text: &str| {
        let lines: Vec<_> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines.into_iter().filter_map(|line| {
            line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
        })
    };
    let in_root = |value: String| {
        if value.starts_with('/') { format!("{}{value}", root.display()) } else { value }
    };
    let of_unit = settings(&unit)
        .filter(|(key, _)| key == "Environment")
        .flat_map(|(_, value)| settings(&value));
    let of_unit = of_unit.map(|(key, value)| (key, in_root(value)));
    let variables: Vec<(String, String)> = of_unit.chain(settings(service_env)).collect();
    let (_, written) = settings(&unit).find(|(key, _)| key == "ExecStart").unwrap();
    let arguments = written.split(' ').flat_map(|word| match word.strip_prefix('$') {
        None => vec![word.to_owned()],
        Some(name) => {
            let (_, value) = variables.iter().rev().find(|(key, _)| key == name).unwrap();
            value.split_whitespace().map(str::to_owned).collect()
        }
    });
    let arguments: Vec<String> = arguments.collect();
    assert_eq!(arguments[0], INSTALLED);
    Command::new(binary("flink-mesos")).args(&arguments[1..]).envs(variables).output().unwrap()
}

/// A root with the configuration of the cluster `name`: Flink's own with `more` appended.
fn root_with_cluster(name: &str, more: &str) -> TempDir {
    let (root, flink) = (tempfile::tempdir().unwrap(), flink_home(Line::V1_20));
    fs::create_dir(root.path().join("opt")).unwrap();
    symlink(&flink, root.path().join("opt/flink")).unwrap();
    let conf = root.path().join("etc/flink-mesos").join(name);
    fs::create_dir_all(&conf).unwrap();
    for file in fs::read_dir(flink.join("conf")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), conf.join(file.file_name())).unwrap();
    }
    let mut config = fs::OpenOptions::new().append(true).open(conf.join("config.yaml")).unwrap();
    write!(config, "\nmesos.master: 127.0.0.1:1\njobmanager.rpc.port: 0\nrest.port: 0\n{more}")
        .unwrap();
    root
}

#[test]
fn the_unit_starts_nothing_with_a_wrong_configuration() {
    let root = root_with_cluster("blue", "mesos.resourcemanager.tasks.gpus: many\n");
    let output = start_unit(root.path(), "blue", "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("etc/flink-mesos/blue/config.yaml:"), "{said}");
}

#[test]
fn the_unit_starts_the_application_of_its_settings() {
    let root = root_with_cluster("green", "");
    let service_env =
        "FLINK_MESOS_START=application --job-classname no.Such --jars /no/such.jar -- --input in";
    let output = start_unit(root.path(), "green", service_env);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("the class no.Such") && said.contains("/no/such.jar"), "{said}");
    let output = start_unit(root.path(), "green", "FLINK_MESOS_START=application --job-id 17");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && said.contains("32 hexadecimal digits"), "{said}");
}

#[test]
fn the_example_settings_of_a_cluster_match_the_unit() {
    let (unit, shown) = (
        fs::read_to_string(packaged(UNIT)).unwrap(),
        fs::read_to_string(packaged("etc/service.env")).unwrap(),
    );
    for name in ["FLINK_HOME", "FLINK_MESOS_START"] {
        let value = unit
            .lines()
            .find_map(|line| line.strip_prefix(&format!("Environment={name}=")))
            .unwrap();
        assert!(shown.contains(&format!("\n# {name}={value}\n")), "{name}");
    }
}

#[test]
fn no_unit_restarts_on_a_configuration_error() {
    for unit in [UNIT, "systemd/flink-mesos-fetcher.service"] {
        let text = fs::read_to_string(packaged(unit)).unwrap();
        assert!(text.lines().any(|line| line == "RestartPreventExitStatus=64"), "{unit}");
        // The exit code of an ExecStartPre does not count for it.
        assert!(!text.contains("\nExecStartPre="), "{unit}");
    }
}

#[test]
fn systemd_understands_the_unit_and_its_user() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("flink-mesos@blue.service");
    // Program and user need not exist.
    let text = fs::read_to_string(packaged(UNIT)).unwrap();
    assert!(text.contains("\nUser=flink\n"), "{text}");
    fs::write(&unit, text.replace(INSTALLED, "/bin/true").replace("User=flink", "User=root"))
        .unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output();
    let Ok(verified) = verified else {
        std::io::stderr()
            .write_all(b"\nSKIPPED: the unit of a cluster: there is no systemd-analyze\n")
            .unwrap();
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("flink-mesos@"), "{said}");
    let user = packaged("sysusers.d/flink-mesos.conf");
    match Command::new("systemd-sysusers")
        .args(["--dry-run", "--root"])
        .arg(folder.path())
        .arg(user)
        .output()
    {
        Ok(made) => {
            let said = String::from_utf8_lossy(&made.stderr);
            assert!(made.status.success() && said.contains("flink"), "{said}");
        }
        Err(_) => {
            std::io::stderr()
                .write_all(b"\nSKIPPED: the user of a cluster: there is no systemd-sysusers\n")
                .unwrap();
        }
    }
}

#[test]
fn executors_of_all_users_can_write_to_the_folder_of_logs() {
    let root = tempfile::tempdir().unwrap();
    let packaged = packaged("tmpfiles.d/flink-mesos.conf");
    let made = Command::new("systemd-tmpfiles")
        .arg("--create")
        .arg("--root")
        .arg(root.path())
        .arg(&packaged)
        .output();
    let Ok(made) = made else {
        return std::io::stderr().write_all(b"\nSKIPPED: there is no systemd-tmpfiles\n").unwrap();
    };
    let folder = root.path().join("var/log/flink-mesos");
    let mode = fs::metadata(folder).map(|about| about.permissions().mode() & 0o7777);
    assert_eq!(mode.ok(), Some(0o1777), "{}", String::from_utf8_lossy(&made.stderr));
}
