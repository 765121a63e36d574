//! What the JVM writes when it crashes: `hs_err_pid<pid>.log` in its working directory.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// How much of the file is read: what happened is at its beginning.
const HEAD: usize = 4096;

/// A crash of a JVM.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crash {
    pub(super) file: PathBuf,
    /// In one line.
    pub(super) what: String,
}

/// The crash of the process with this pid, if it left one in these folders.
pub(super) fn of_process(pid: u32, folders: &[&Path]) -> Option<Crash> {
    let name = format!("hs_err_pid{pid}.log");
    let file = folders.iter().map(|folder| folder.join(&name)).find(|file| file.exists())?;
    let bytes = fs::read(&file).ok()?;
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(&bytes)).into_owned();
    Some(Crash { what: summary(&head), file })
}

/// The head of the file is a comment: what happened in its first lines, the frame below `Problematic frame:`.
fn summary(head: &str) -> String {
    let lines: Vec<&str> =
        head.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_heading = |line: &&&str| line.starts_with("A fatal error");
    let what = lines.iter().find(|line| !is_heading(line)).copied().unwrap_or("it does not say why");
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
    fn a_crash_is_summed_up_in_a_line() {
        let folder = tempfile::TempDir::new().unwrap();
        let head = "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n\
                    #  SIGSEGV (0xb) at pc=0x00007f, pid=7, tid=8\n#\n# JRE version: OpenJDK\n\
                    # Problematic frame:\n# C  [librocksdbjni.so+0x1]  open+0x2\n#\n\nnot the head\n";
        fs::write(folder.path().join("hs_err_pid7.log"), head).unwrap();
        let crash = of_process(7, &[Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(crash.what, "SIGSEGV (0xb) at pc=0x00007f, pid=7, tid=8 in C  [librocksdbjni.so+0x1]  open+0x2");
        assert_eq!(of_process(8, &[folder.path()]), None);
    }

    #[test]
    fn a_lack_of_memory_is_one_too() {
        let head =
            "#\n# There is insufficient memory for the Java Runtime Environment to continue.\n# Native memory …\n";
        assert_eq!(summary(head), "There is insufficient memory for the Java Runtime Environment to continue.");
        assert_eq!(summary(""), "it does not say why");
    }
}
