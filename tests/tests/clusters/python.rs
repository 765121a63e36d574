//! Python functions on TaskManagers, with the Python shipped by `mesos.python.environment` and the
//! real `PyFlink`, if `tests/setup/setup pyflink` has installed it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use tests::{Line, cluster::FlinkMesos, flink_home, pyflink};

#[test]
fn an_application_in_python_runs_its_functions_with_the_shipped_python() {
    let Some(environment) = pyflink() else {
        std::io::stderr()
            .write_all(b"\nSKIPPED: Python functions: run tests/setup/setup pyflink\n")
            .unwrap();
        return;
    };
    let home = flink_home(Line::V1_20);
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/shout.py").display().to_string();
    let jar =
        home.join(format!("opt/flink-python-{}.jar", Line::V1_20.version())).display().to_string();
    let work = tempfile::tempdir().unwrap();
    let arguments = [
        "application",
        "--local",
        "--work-dir",
        &work.path().display().to_string(),
        "--jars",
        &jar,
        "--job-classname",
        "org.apache.flink.client.python.PythonDriver",
        &format!("-Dmesos.python.environment={}", environment.display()),
        &format!("-Dpython.client.executable={}/bin/python", environment.display()),
        "-Dtaskmanager.memory.process.size=1600m",
        "--",
        "-py",
        &job,
    ];
    let mut cluster = FlinkMesos::start_in(&home, &arguments, &[]);
    let code = cluster.end().code();
    assert_eq!(code, Some(0), "{}", cluster.errors());
    let printed = printed(work.path());
    assert_eq!(printed.lines().collect::<Vec<_>>(), ["MESOS", "FLINK"]);
}

/// The output of tasks, below the folder of the sandboxes.
fn printed(folder: &Path) -> String {
    let entries: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let real = entries.iter().filter(|path| !path.is_symlink());
    real.map(|path| match path.ends_with("taskmanager.out") {
        true => fs_err::read_to_string(path).unwrap(),
        false if path.is_dir() && !path.ends_with("flink") => printed(path),
        false => String::new(),
    })
    .collect()
}
