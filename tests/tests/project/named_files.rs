//! A file that a user names may be a pipe that nobody writes to, or have more bytes than any such
//! file needs: it is refused at once, with its path.

use std::path::{Path, PathBuf};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tests::{Line, flink_home};

const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;

/// A Flink whose files may be replaced, and the two files that users may name by mistake.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (home, flink) = (folder.path().join("flink"), flink_home(Line::V1_20));
        for created in ["conf", "usrlib"] {
            fs_err::create_dir_all(home.join(created)).unwrap();
        }
        for part in ["bin", "lib"] {
            fs_err::os::unix::fs::symlink(flink.join(part), home.join(part)).unwrap();
        }
        let memory = "taskmanager.memory.process.size: 1g\njobmanager.memory.process.size: 1g\n";
        fs_err::write(home.join("conf/config.yaml"), memory).unwrap();
        mkfifo(&folder.path().join("pipe.jar"), Mode::S_IRWXU).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of one byte too many. It is sparse.
    fn larger_than(&self, most: u64) -> PathBuf {
        let path = self.path("large");
        fs_err::File::create(&path).unwrap().set_len(most + 1).unwrap();
        path
    }

    /// Runs a program that must fail, and returns what it printed.
    fn refused(&self, program: &str, arguments: &[String]) -> String {
        // A program that waits for the pipe is ended, with 124.
        let mut command = std::process::Command::new("timeout");
        command
            .arg("60")
            .arg(tests::binary(program))
            .args(arguments)
            .env("FLINK_HOME", self.path("flink"));
        let output = command.env_remove("FLINK_CONF_DIR").output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert!(
            matches!(output.status.code(), Some(1 | 64)),
            "{:?} {arguments:?}: {printed}",
            output.status
        );
        printed
    }

    /// Names the pipe and, if the file may have at most `most` bytes, a larger one.
    #[track_caller]
    fn assert_refused(
        &self,
        program: &str,
        most: Option<u64>,
        arguments: impl Fn(&Path) -> Vec<String>,
    ) {
        let size = |most: u64| {
            if most < MB { format!("{} KB", most / KB) } else { format!("{} MB", most / MB) }
        };
        let large = most.map(|most| {
            (self.larger_than(most), format!("is too large: more than {}", size(most)))
        });
        let pipe = (self.path("pipe.jar"), "is a pipe: a regular file is required".to_owned());
        for (path, expected) in large.into_iter().chain([pipe]) {
            let arguments = arguments(&path);
            let printed = self.refused(program, &arguments);
            assert!(
                printed.contains(&expected),
                "{expected:?} is missing after {arguments:?} in: {printed}"
            );
        }
    }

    /// Puts the file in the place of one of Flink's.
    fn replace(&self, name: &str, path: &Path) {
        let place = self.path("flink").join(name);
        // The first one is not there yet.
        _ = fs_err::remove_file(&place);
        fs_err::os::unix::fs::symlink(path, place).unwrap();
    }
}

/// `flink-mesos config check` with these options.
fn check(options: &[&str]) -> Vec<String> {
    let command = ["config", "check", "--offline", "-Dmesos.master=127.0.0.1:1"];
    command
        .map(str::to_owned)
        .into_iter()
        .chain(options.iter().map(|option| format!("-D{option}")))
        .collect()
}

#[test]
fn neither_configuration_nor_logging_file_is_read_without_a_bound() {
    for (name, most) in [("conf/config.yaml", 16 * MB), ("conf/log4j-console.properties", 4 * MB)] {
        let scene = Scene::new();
        scene.assert_refused("flink-mesos", Some(most), |path| {
            scene.replace(name, path);
            check(&[])
        });
    }
}

#[test]
fn no_file_that_an_option_names_is_read_without_a_bound() {
    let scene = Scene::new();
    for option in [
        "mesos.worker.log4j=",
        "mesos.application.jars=",
        "mesos.resourcemanager.tasks.uris=",
        "security.kerberos.login.keytab=",
        "security.ssl.internal.keystore=",
    ] {
        scene.assert_refused("flink-mesos", None, |path| {
            check(&[&format!("{option}{}", path.display())])
        });
    }
    let server = "mesos.resourcemanager.artifactserver.ssl";
    scene.assert_refused("flink-mesos", Some(4 * MB), |path| {
        let [certificate, key] =
            ["certificate", "key"].map(|name| format!("{server}.{name}={}", path.display()));
        check(&[&certificate, &key])
    });
}

#[test]
fn neither_a_job_graph_nor_a_file_of_sql_is_read_without_a_bound() {
    let scene = Scene::new();
    for (option, most) in [("--job-graph", None), ("--sql", Some(16 * MB))] {
        scene.assert_refused("flink-mesos", most, |path| {
            let job = ["job", option, &path.display().to_string()].map(str::to_owned);
            [check(&[]), job.to_vec()].concat()
        });
    }
    scene.assert_refused("flink-mesos", None, |path| {
        ["run", "--at", "http://127.0.0.1:1", &path.display().to_string()]
            .map(str::to_owned)
            .to_vec()
    });
}

#[test]
fn no_file_that_a_system_property_of_zookeepers_client_names_is_read_without_a_bound() {
    let scene = Scene::new();
    let tls = "-Dzookeeper.client.secure=true -Dzookeeper.ssl.trustStore.";
    for (properties, most) in [
        ("-Djava.security.auth.login.config=", MB),
        (&format!("{tls}location="), 4 * MB),
        (&format!("{tls}location=/dev/null -Dzookeeper.ssl.trustStore.passwordPath="), 64 * KB),
    ] {
        scene.assert_refused("flink-mesos", Some(most), |path| {
            let properties = format!("env.java.opts.all={properties}{}", path.display());
            check(&[
                "high-availability.type=zookeeper",
                "high-availability.zookeeper.quorum=127.0.0.1:1",
                &properties,
            ])
        });
    }
}

#[test]
fn no_jar_of_an_application_is_waited_for() {
    let scene = Scene::new();
    scene.assert_refused("flink-mesos", None, |path| {
        scene.replace("usrlib/job.jar", path);
        check(&[]).into_iter().chain(["application".to_owned()]).collect()
    });
}

#[test]
fn no_file_that_the_command_line_names_is_read_without_a_bound() {
    let scene = Scene::new();
    let token = scene.path("token");
    fs_err::write(&token, "sixteen-letters.").unwrap();
    let written = |text: &str, path: &Path| {
        let text = text.replace("TOKEN", token.to_str().unwrap());
        text.split(' ').map(str::to_owned).chain([path.display().to_string()]).collect()
    };
    let digest = "0".repeat(64);
    let prefetch = format!("prefetch --manifest {digest} --url http://127.0.0.1:1 --token-file");
    for (program, arguments, most) in [
        ("flink-mesos", "workers --at http://127.0.0.1:1 list --token-file", 64 * KB),
        (
            "flink-mesos",
            "workers --at https://127.0.0.1:1 list --token-file TOKEN --authorities",
            4 * MB,
        ),
        ("flink-mesos-fetcher", "--check-config --config", MB),
        ("flink-mesos-fetcher", prefetch.as_str(), 64 * KB),
        ("flink-mesos-fetcher", &format!("{prefetch} TOKEN --authorities"), 4 * MB),
    ] {
        scene.assert_refused(program, Some(most), |path| written(arguments, path));
    }
}
