//! A job graph or a file of SQL on a cluster of its own, which ends with the job: with the real Flink
//! of each line.

use std::path::Path;

use nix::sys::signal::Signal;
use tests::{
    FlinkRest, Line, RealMesos, RealZooKeeper,
    cluster::{FlinkMesos, PATIENCE, assert_no_flink_in, command},
    endings_jar, flink_home, graph, wait_until,
};

const SLOTS: &str = "-Dtaskmanager.numberOfTaskSlots=2";

/// Runs this job of the line's own API on the Mesos for a laptop.
fn job(line: Line, ending: &str, more: &[&str]) -> FlinkMesos {
    job_at(line, ending, &[&["--local"], more].concat())
}

fn job_at(line: Line, ending: &str, more: &[&str]) -> FlinkMesos {
    let (jar, graph) = (endings_jar(line).display().to_string(), graph(line, ending));
    let graph = graph.display().to_string();
    let arguments = ["job", "--job-graph", &graph, "--jars", &jar, SLOTS];
    FlinkMesos::start(&flink_home(line), &[&arguments, more].concat())
}

/// Runs one job graph that finishes and one that fails.
fn finishes_and_fails(line: Line) {
    // It names the jar of its classes and a file that its code reads.
    let path = graph(line, "cached").display().to_string();
    let mut cluster =
        FlinkMesos::start(&flink_home(line), &["job", "--local", "--job-graph", &path, SLOTS]);
    let submitted = cluster.wait_for("submitting");
    assert_eq!(submitted["job"].as_str().map(str::len), Some(32), "{submitted}");
    assert_eq!(cluster.end().code(), Some(0), "{}", cluster.errors());
    assert_no_flink_in(cluster.work.path());
    let mut cluster = job(line, "fail", &[]);
    assert_eq!(cluster.end().code(), Some(1));
    let errors = cluster.errors();
    let (_, said) = errors.split_once("flink-mesos: ").unwrap_or_default();
    let begin = "the job failed: java.lang.IllegalStateException: it was to fail; ";
    assert!(said.starts_with(begin) && said.contains("jobmanager.log"), "{errors}");
    assert!(said.lines().count() <= 5 && !said.contains("\tat "), "{errors}");
}

#[test]
fn a_job_graph_of_the_oldest_flink_ends_the_cluster_with_the_exit_code_of_its_job() {
    finishes_and_fails(Line::V1_18);
}

#[test]
fn a_job_graph_of_flink_1_20_ends_the_cluster_with_the_exit_code_of_its_job() {
    finishes_and_fails(Line::V1_20);
}

#[test]
fn a_job_graph_of_flink_2_ends_the_cluster_with_the_exit_code_of_its_job() {
    finishes_and_fails(Line::V2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_graph_on_the_real_mesos_that_is_cancelled_ends_with_2_and_leaves_nothing_behind() {
    let mesos = RealMesos::start(1).await;
    let master = format!("-Dmesos.master={}", mesos.master());
    let mut cluster = job_at(Line::V1_20, "never", &[&master]);
    let web = cluster.ready();
    let rest = FlinkRest::new(&web);
    rest.cancel(&running_job(&rest).await).await.unwrap();
    assert_eq!(cluster.end().code(), Some(2));
    assert!(cluster.errors().contains("the job was cancelled"));
    assert_no_flink_in(mesos.work_dir());
    let state = mesos.state().await;
    assert_eq!(state["frameworks"].as_array().map(Vec::len), Some(0), "{state:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_graph_starts_from_a_savepoint_that_the_command_line_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = job(Line::V2, "never", &[]);
    let rest = FlinkRest::new(&cluster.ready());
    let running = running_job(&rest).await;
    let savepoint = rest.stop_with_savepoint(&running, folder.path()).await;
    assert_eq!(
        cluster.end().code(),
        Some(0),
        "a job that is stopped with a savepoint has finished"
    );
    let mut cluster = job(Line::V2, "never", &["--from-savepoint", &savepoint]);
    let rest = FlinkRest::new(&cluster.ready());
    let running = running_job(&rest).await;
    let checkpoints = rest.get(&format!("jobs/{running}/checkpoints")).await.unwrap();
    assert_eq!(checkpoints["latest"]["restored"]["external_path"], *savepoint, "{checkpoints:#}");
    rest.cancel(&running).await.unwrap();
    assert_eq!(cluster.end().code(), Some(2));
}

async fn running_job(rest: &FlinkRest) -> String {
    wait_until("a job runs", PATIENCE, async || {
        let job = rest.jobs().await.ok()?.into_iter().find(|job| job.state == "RUNNING")?;
        let found = rest.get(&format!("jobs/{}", job.id)).await.ok()?;
        let vertices = found["vertices"].as_array()?;
        vertices.iter().all(|vertex| vertex["status"] == "RUNNING").then_some(job.id)
    })
    .await
}

/// What `flink-mesos` says about mistakes before it starts anything.
fn refused(line: Line, arguments: &[&str]) -> String {
    let output = command(&[&["job", "--local"], arguments].concat())
        .args(["-Djobmanager.memory.process.size=1g", "-Dtaskmanager.memory.process.size=1g"])
        .args(["-Djobmanager.rpc.port=0", "-Drest.port=0"])
        .env("FLINK_HOME", flink_home(line))
        .env_remove("FLINK_CONF_DIR")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(64), &b""[..]), "{errors}");
    errors
}

#[test]
fn a_wrong_job_graph_is_refused_before_anything_is_started_and_the_error_says_what_to_do() {
    let lines = [Line::V1_18, Line::V1_20, Line::V2];
    let made = ["1.15 to 1.18", "1.19 or 1.20", "2.0 or later"];
    for (at, of) in [(0, 1), (1, 2), (2, 0), (2, 1)] {
        let path = graph(lines[at], "finish").display().to_string();
        let jar = endings_jar(lines[of]).display().to_string();
        let errors = refused(lines[of], &["--job-graph", &path, "--jars", &jar]);
        let here = lines[of].version();
        let expected = format!(
            "--job-graph: {path}: made with the API of Flink {}, but this is Flink {here}",
            made[at]
        );
        assert!(
            errors.contains(&expected) && errors.contains("make the job graph again"),
            "{errors}"
        );
    }
    let path = graph(Line::V1_20, "finish").display().to_string();
    let errors = refused(Line::V1_20, &["--job-graph", &path]);
    assert!(errors.contains("has the class Endings$") && errors.contains("--jars"), "{errors}");
    let errors = refused(Line::V1_20, &["-Dinterval.jobgraph-path=/no/such.graph"]);
    assert!(
        errors.contains("internal.jobgraph-path") && errors.contains("/no/such.graph"),
        "{errors}"
    );
    let half = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(half.path(), &fs_err::read(&path).unwrap()[..5000]).unwrap();
    let errors = refused(Line::V1_20, &["--job-graph", &half.path().display().to_string()]);
    assert!(errors.contains("not a serialized job graph, or not all of it"), "{errors}");
}

const TABLES: &str = "SET 'execution.runtime-mode' = 'batch'; -- no; statement\n\
    CREATE TABLE numbers (x INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3');\n\n";

/// Runs several jobs of one file, and reports a mistake in another.
fn sql(line: Line) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = folder.path().join("job.sql");
    let path = file.display().to_string();
    // A check only parses this.
    let plan = folder.path().join("plan.json");
    let compile = format!(
        "COMPILE PLAN '{}' FOR INSERT INTO numbers SELECT 1;\nSELECT y FROM numbers;",
        plan.display()
    );
    for (mistake, place) in [
        (compile.as_str(), "job.sql:5:8"),
        ("INSERT INTO numbers\n  VALUES ONE;", "job.sql:5:10"),
        ("SELECT 1;\nSELECT x, y\n  FROM numbers", "job.sql:5:11"),
        ("BEGIN STATEMENT SET;\nINSERT INTO nowhere SELECT x FROM numbers;\nEND;", "nowhere"),
    ] {
        fs_err::write(&file, format!("{TABLES}{mistake}")).unwrap();
        let errors = refused(line, &["--sql", &path]);
        assert!(
            errors.starts_with("flink-mesos: --sql: job.sql:") && errors.contains(place),
            "{errors}"
        );
        assert!(errors.lines().count() <= 5, "{errors}");
    }
    assert!(!plan.exists());
    let tables = format!(
        "CREATE TABLE files (x INT) WITH ('connector' = 'filesystem', 'path' = 'file://{}', 'format' = 'csv');\n\
         CREATE TABLE nothing (x INT) WITH ('connector' = 'blackhole');\n",
        out.display()
    );
    let jobs = "CREATE TABLE copy WITH ('connector' = 'blackhole') AS SELECT x FROM numbers;\n\
        INSERT INTO nothing SELECT x FROM numbers WHERE x <> 7 ;\n\
        EXECUTE STATEMENT SET BEGIN\nINSERT INTO files SELECT 41 FROM numbers;\n\
        INSERT INTO nothing SELECT CASE WHEN x = 1 THEN 2 ELSE 3 END FROM numbers;\nEND";
    fs_err::write(&file, format!("{TABLES}{tables}{jobs}")).unwrap();
    let mut cluster = FlinkMesos::start(&flink_home(line), &["job", "--local", "--sql", &path]);
    assert_eq!(cluster.end().code(), Some(0), "{}", cluster.errors());
    assert_eq!(content(&out), "41\n41\n41\n");
}

/// All files of a folder.
fn content(folder: &Path) -> String {
    let files = fs_err::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.is_file()).map(|file| fs_err::read_to_string(file).unwrap()).collect()
}

#[test]
fn the_jobs_of_a_sql_file_run_on_the_oldest_flink_and_a_mistake_is_reported_with_its_line() {
    sql(Line::V1_18);
}

#[test]
fn the_jobs_of_a_sql_file_run_on_flink_1_20_and_a_mistake_is_reported_with_its_line() {
    sql(Line::V1_20);
}

#[test]
fn the_jobs_of_a_sql_file_run_on_flink_2_and_a_mistake_is_reported_with_its_line() {
    sql(Line::V2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_high_availability_the_job_of_a_graph_continues_after_a_kill_and_is_not_submitted_again()
 {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let options = [
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
        format!("-Dhigh-availability.storageDir=file://{}", storage.path().display()),
        "-Dhigh-availability.type=zookeeper".to_owned(),
        "-Dhigh-availability.zookeeper.client.session-timeout=4 s".to_owned(),
    ];
    let options = options.each_ref().map(String::as_str);
    let mut first = job_at(Line::V2, "never", &options);
    let job = running_job(&FlinkRest::new(&first.ready())).await;
    first.signal(Signal::SIGKILL);
    first.end();
    let mut second = job_at(Line::V2, "never", &options);
    let rest = FlinkRest::new(&second.ready());
    assert_eq!(running_job(&rest).await, job);
    assert_eq!(rest.jobs().await.unwrap().len(), 1);
    rest.cancel(&job).await.unwrap();
    assert_eq!(second.end().code(), Some(2), "{}", second.errors());
}
