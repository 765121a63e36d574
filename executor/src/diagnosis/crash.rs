//! What the JVM writes when it crashes: `hs_err_pid<pid>.log` in its working directory.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
};

use fs_err as fs;

use crate::files;

/// How many bytes of the file are read; the reason is at its beginning.
const HEAD: u64 = 4096;

/// The most files that are listed.
const MOST_LEFT: usize = 10;

/// A crash of a JVM.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crash {
    pub(super) file: PathBuf,
    /// The crash in one line.
    pub(super) what: String,
}

/// The crash of this process, if it left a report in one of these folders.
pub(super) fn of_process(pid: u32, folders: &[&Path]) -> Option<Crash> {
    let name = format!("hs_err_pid{pid}.log");
    let mut files = folders.iter().map(|folder| folder.join(&name));
    let (report, file) = files.find_map(|path| Some((files::open(&path).ok()?, path)))?;
    let mut head = Vec::new();
    report.take(HEAD).read_to_end(&mut head).ok()?;
    Some(Crash { what: summary(&String::from_utf8_lossy(&head)), file })
}

/// What crashes left in this folder, with sizes: JVM reports (also unfinished ones), heap dumps,
/// core dumps.
pub(super) fn left_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut left = BTreeSet::new();
    for entry in entries {
        let Some(name) = entry.file_name().into_string().ok().filter(|name| is_left(name)) else {
            continue;
        };
        let Some(about) = entry.metadata().ok().filter(std::fs::Metadata::is_file) else {
            continue;
        };
        left.insert(format!("{name} ({:.1} MB)", about.len() as f64 / 1e6));
        if left.len() > MOST_LEFT {
            left.pop_last();
        }
    }
    left.into_iter().collect()
}

fn is_left(name: &str) -> bool {
    let numbered = |prefix: &str, end: &str| {
        let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(end));
        number
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    name == "core"
        || [("hs_err_pid", ".log"), ("replay_pid", ".log"), ("java_pid", ".hprof"), ("core.", "")]
            .iter()
            .any(|(prefix, end)| numbered(prefix, end))
}

/// Summarises the head of the file, which is a comment: its first lines say what happened, the line
/// below `Problematic frame:` says where.
fn summary(head: &str) -> String {
    let lines: Vec<&str> = head
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_heading = |line: &&&str| line.starts_with("A fatal error");
    let what =
        lines.iter().find(|line| !is_heading(line)).copied().unwrap_or("it does not say why");
    let frame = lines.iter().skip_while(|line| !line.starts_with("Problematic frame")).nth(1);
    match frame {
        Some(frame) => format!("{what} in {frame}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_summarised_in_one_line() {
        let folder = tempfile::TempDir::new().unwrap();
        let head = "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n\
                    #  SIGSEGV (0xb) at pc=0x00007f, pid=7, tid=8\n#\n# JRE version: OpenJDK\n\
                    # Problematic frame:\n# C  [librocksdbjni.so+0x1]  open+0x2\n#\n\nnot the head\n";
        fs::write(folder.path().join("hs_err_pid7.log"), head).unwrap();
        let crash = of_process(7, &[Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(
            crash.what,
            "SIGSEGV (0xb) at pc=0x00007f, pid=7, tid=8 in C  [librocksdbjni.so+0x1]  open+0x2"
        );
        assert_eq!(of_process(8, &[folder.path()]), None);
    }

    #[test]
    fn only_files_that_crashes_leave_are_listed() {
        let folder = tempfile::TempDir::new().unwrap();
        for name in [
            "hs_err_pid7.log",
            "replay_pid7.log",
            "java_pid7.hprof",
            "core",
            "core.7",
            "core.jar",
            "stderr",
        ] {
            fs::write(folder.path().join(name), vec![0; 150_000]).unwrap();
        }
        fs::create_dir(folder.path().join("core.8")).unwrap();
        let expected = ["core", "core.7", "hs_err_pid7.log", "java_pid7.hprof", "replay_pid7.log"];
        assert_eq!(left_in(folder.path()), expected.map(|name| format!("{name} (0.1 MB)")));
        assert!(left_in(Path::new("/does/not/exist")).is_empty());
    }

    #[test]
    fn a_lack_of_memory_is_a_crash_too() {
        let head = "#\n# There is insufficient memory for the Java Runtime Environment to continue.\n# Native memory …\n";
        assert_eq!(
            summary(head),
            "There is insufficient memory for the Java Runtime Environment to continue."
        );
        assert_eq!(summary(""), "it does not say why");
    }
}
