//! A JVM with a Flink distribution's classes that answers questions, one line each: see the
//! programs in `tests/java`.

#![allow(dead_code, reason = "shared by the tests of several crates")]

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use flink::home::FlinkHome;
use flink::version::FlinkVersion;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The lines of Flink that everything is compared with.
pub(crate) const LINES: [&str; 2] = ["flink-1.20.5", "flink-2.3.0"];

/// The distribution of this name from the set-up's cache.
pub(crate) fn flink_home(name: &str) -> FlinkHome {
    FlinkHome::open(&cached(name), None).unwrap_or_else(|error| panic!("{error}\nrun: make setup"))
}

/// A folder of the set-up's cache.
pub(crate) fn cached(name: &str) -> PathBuf {
    let cache = variable("FLINK_MESOS_CACHE")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&variable("HOME")?).join(".cache/flink-mesos")))
        .expect("neither FLINK_MESOS_CACHE nor HOME is set");
    cache.join(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the set-up's folder and the seed come to tests from the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Chance from a seed that is the same in every run of the tests; `make soak` sets another one.
/// What a fresh seed finds joins the fixed lists of the test that it failed.
pub(crate) fn seeded(what: &str) -> (u64, StdRng) {
    let seed = variable("FLINK_MESOS_TEST_SEED")
        .map_or(Ok(0), |text| text.parse())
        .expect("FLINK_MESOS_TEST_SEED");
    println!("{what}: FLINK_MESOS_TEST_SEED={seed}");
    (seed, StdRng::seed_from_u64(seed))
}

/// The JVM. Ended and reaped when dropped; one that is shared ends when nobody can ask it.
pub(crate) struct Oracle {
    pub(crate) version: FlinkVersion,
    jvm: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Flink refused: class and message of the exception and of its causes.
pub(crate) struct Refusal(Vec<String>);

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join(" <- "))
    }
}

/// The folder of this program's classes, which the first test that needs them compiles with this
/// class path: compiling takes longer than most tests.
fn compiled(program: &Path, class_path: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (fs_err::read(program).unwrap(), class_path).hash(&mut hasher);
    let name = format!("java-{:016x}", hasher.finish());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = fs_err::File::create(folder.with_extension("lock")).unwrap().into_parts().0;
    lock.lock().unwrap();
    if !folder.exists() {
        let new = folder.with_extension("new");
        #[expect(clippy::disallowed_methods, reason = "waits for the compiler")]
        let mut javac = Command::new("javac");
        javac.args(["-proc:none", "-nowarn", "-encoding", "UTF-8", "-cp", class_path, "-d"]);
        let output = javac.arg(&new).arg(program).output().expect("javac runs; else: make setup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs_err::rename(&new, &folder).unwrap();
    }
    folder
}

/// The JVM of this distribution, which all tests of a process share: it is started once.
pub(crate) fn flink(name: &str) -> MutexGuard<'static, Oracle> {
    static STARTED: LazyLock<Mutex<HashMap<String, &'static Mutex<Oracle>>>> =
        LazyLock::new(Mutex::default);
    let shared = *STARTED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(name.to_owned())
        .or_insert_with(|| Box::leak(Box::new(Mutex::new(Oracle::start(&flink_home(name))))));
    // A test that failed has read its answer.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Oracle {
    /// A JVM of this distribution that no other test asks.
    pub(crate) fn start(home: &FlinkHome) -> Self {
        let class_path = format!("{0}/bin/bash-java-utils.jar:{0}/lib/*", home.path.display());
        Self::run("FlinkOracle.java", &class_path, home.version, &[])
    }

    /// A JVM that answers questions with this program out of `tests/java`, with these classes and
    /// this environment.
    pub(crate) fn run(
        program: &str,
        class_path: &str,
        version: FlinkVersion,
        environment: &[(&str, PathBuf)],
    ) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java").join(program);
        let classes = compiled(&program, class_path);
        #[expect(clippy::disallowed_methods, reason = "ended and reaped by Drop")]
        let mut jvm = Command::new("java")
            .args([
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:+DisplayVMOutputToStderr",
                "-Dlog4j2.level=OFF",
                "-cp",
                &format!("{}:{class_path}", classes.display()),
            ])
            .arg(program.file_stem().unwrap())
            // Else the JVM cannot read names beyond ASCII.
            .env("LC_ALL", "C.UTF-8")
            .env_remove("HADOOP_CONF_DIR")
            .env_remove("HADOOP_HOME")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("java (a JDK) runs; else run: make setup");
        let questions = jvm.stdin.take().unwrap();
        let answers = BufReader::new(jvm.stdout.take().unwrap());
        Self { version, jvm, questions, answers }
    }

    pub(crate) fn ask(
        &mut self,
        question: &str,
        arguments: &[String],
    ) -> Result<Vec<String>, Refusal> {
        let mut line = question.to_owned();
        for argument in arguments {
            line.push('\t');
            line.push_str(&escape(argument));
        }
        line.push('\n');
        self.questions.write_all(line.as_bytes()).expect("the JVM listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the JVM answers");
        let mut fields =
            answer.strip_suffix('\n').expect("the JVM lives").split('\t').map(unescape);
        match fields.next().as_deref() {
            Some("ok") => Ok(fields.collect()),
            _ => Err(Refusal(fields.collect())),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.jvm.kill().ok();
        self.jvm.wait().ok();
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match (c, if c == '\\' { characters.next() } else { None }) {
            (_, Some('t')) => '\t',
            (_, Some('n')) => '\n',
            (_, Some('r')) => '\r',
            (_, Some(other)) => other,
            (c, None) => c,
        });
    }
    plain
}
