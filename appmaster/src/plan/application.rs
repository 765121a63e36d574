//! Checks an application: its jars, the class with `main`, the savepoint that it starts from.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use flink::{
    command::{Application, application_jars},
    config::Configuration,
    home::FlinkHome,
    java::Java,
};
use zip::ZipArchive;

use crate::report::Report;

/// The manifest attributes that name the class with `main`, in the order in which Flink reads them.
const ENTRY_NAMES: [&str; 2] = ["program-class", "Main-Class"];

/// The version in a class file less this number is the version of Java that it was compiled for.
const CLASS_FILES_BEFORE_JAVA_1: u32 = 44;

/// The longest manifest that is read, in bytes.
const LONGEST_MANIFEST: u64 = 1 << 20;

pub(super) fn check(
    job: &Application,
    home: &FlinkHome,
    config: &Configuration,
    java: Option<&Java>,
    report: &mut Report,
) {
    let jars = jars(home, config, report);
    let class = match &job.job_class {
        Some(class) => Some(class.clone()),
        None => only_entry_class(&jars, report),
    };
    if let Some(class) = class {
        find_class(&class, jars, home, java, report);
    }
}

/// A savepoint on this machine must exist.
pub(super) fn check_savepoint(savepoint: Option<&str>, report: &mut Report) {
    let local = savepoint.and_then(local_path);
    if let Some(path) = local.filter(|path| !path.exists()) {
        report.error(format!("--from-savepoint: {} does not exist", path.display()));
    }
}

/// A readable jar.
struct Jar {
    path: PathBuf,
    archive: ZipArchive<fs_err::File>,
}

impl Jar {
    fn open(path: PathBuf) -> io::Result<Self> {
        let archive = ZipArchive::new(common::files::open(&path)?)
            .map_err(|e| io::Error::other(e.to_string()))?;
        Ok(Self { path, archive })
    }

    /// The class with `main`, if its manifest names one.
    fn entry_class(&mut self) -> Option<String> {
        let mut manifest = String::new();
        let file = self.archive.by_name("META-INF/MANIFEST.MF").ok()?;
        file.take(LONGEST_MANIFEST).read_to_string(&mut manifest).ok()?;
        // A line that begins with a blank continues the one before.
        let manifest = manifest.replace("\r\n", "\n").replace("\n ", "");
        ENTRY_NAMES.into_iter().find_map(|name| {
            let lines = manifest.lines().filter_map(|line| line.split_once(':'));
            let (_, class) = lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            Some(class.trim().to_owned())
        })
    }

    /// The Java version that the class was compiled for, if the jar contains it.
    fn java_of(&mut self, class: &str) -> Option<u32> {
        let mut head = [0; 8];
        let mut file = self.archive.by_name(&format!("{}.class", class.replace('.', "/"))).ok()?;
        file.read_exact(&mut head).ok()?;
        let major = u32::from(u16::from_be_bytes([head[6], head[7]]));
        major.checked_sub(CLASS_FILES_BEFORE_JAVA_1)
    }
}

/// The jars of `usrlib` and the configured ones. Missing jars were already reported by the overlay
/// that ships them.
fn jars(home: &FlinkHome, config: &Configuration, report: &mut Report) -> Vec<Jar> {
    let opened = user_jars(home, config).into_iter().filter_map(|path| {
        let no_jar = |e: io::Error| report.error(format!("{}: not a jar: {e}", path.display()));
        Jar::open(path.clone()).map_err(no_jar).ok()
    });
    opened.collect()
}

/// The paths of the same. Blocks.
pub(super) fn user_jars(home: &FlinkHome, config: &Configuration) -> Vec<PathBuf> {
    let configured = application_jars(config).unwrap_or_default();
    let configured =
        configured.into_iter().map(|(jar, _)| PathBuf::from(jar)).filter(|jar| jar.is_file());
    jars_below(&home.path.join("usrlib")).into_iter().chain(configured).collect()
}

fn jars_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let below = |path: PathBuf| if path.is_dir() { jars_below(&path) } else { vec![path] };
    let jars = paths
        .into_iter()
        .flat_map(below)
        .filter(|path| path.extension().is_some_and(|end| end == "jar"));
    jars.collect()
}

/// Without a configured class, Flink uses that of the only jar that names one.
fn only_entry_class(jars: &[Jar], report: &mut Report) -> Option<String> {
    let named =
        |jar: &Jar| Some((jar.path.clone(), Jar::open(jar.path.clone()).ok()?.entry_class()?));
    let mut found: Vec<_> = jars.iter().filter_map(named).collect();
    match found.len() {
        1 => found.pop().map(|(_, class)| class),
        0 => {
            report.error(
                "--job-classname is missing: no jar of usrlib or --jars names a class with main",
            );
            None
        }
        _ => {
            let all: Vec<_> =
                found.iter().map(|(jar, class)| format!("{} ({class})", jar.display())).collect();
            report.error(format!(
                "--job-classname is missing: several jars name a class with main: {}",
                all.join(", ")
            ));
            None
        }
    }
}

/// The class must be in one of the jars or in Flink's own, compiled for this Java or an older one.
fn find_class(
    class: &str,
    jars: Vec<Jar>,
    home: &FlinkHome,
    java: Option<&Java>,
    report: &mut Report,
) {
    let flinks = jars_below(&home.lib()).into_iter().filter_map(|path| Jar::open(path).ok());
    let found =
        jars.into_iter().chain(flinks).find_map(|mut jar| Some((jar.java_of(class)?, jar.path)));
    match (found, java) {
        (None, _) => report.error(format!(
            "--job-classname: no jar of usrlib, --jars or lib has the class {class}"
        )),
        (Some((made_for, jar)), Some(java)) if made_for > java.version => report.error(format!(
            "{}: {class} was compiled for Java {made_for}, but {} is Java {}",
            jar.display(),
            java.program.display(),
            java.version
        )),
        (Some((_, jar)), _) => {
            report.fact(format!("the application is {class} of {}", jar.display()));
        }
    }
}

/// A path on this machine as Flink accepts it: with `file:` or without a scheme.
fn local_path(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix("file://").or_else(|| path.strip_prefix("file:")).unwrap_or(path);
    path.starts_with('/').then(|| PathBuf::from(path))
}
