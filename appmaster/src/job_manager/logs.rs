//! Separate logs for clusters that are started from one Flink and so share a folder of logs.

use std::{fs::TryLockError, io, path::Path};

use common::own_files::{append, check_place, claim};

use super::JobManager;

/// The log's name in Flink's scripts.
pub(crate) const USUAL: &str = "jobmanager";

/// Checks that no other user has put one of the usual log's files into a folder. Blocks.
pub(crate) fn check(folder: &Path) -> io::Result<()> {
    ["out", "err", "log"]
        .iter()
        .try_for_each(|ending| check_place(&folder.join(format!("{USUAL}.{ending}"))))
}

impl JobManager {
    /// Claims the log for this JobManager: under the usual name, or, if another cluster uses that,
    /// under a name with `port`, which is unique on this machine. Blocks.
    ///
    /// # Errors
    /// One of its files cannot be written, is a link or another kind of file, or belongs to another
    /// user.
    pub(crate) fn take_log(&mut self, port: u16) -> io::Result<()> {
        for name in [USUAL.to_owned(), format!("{USUAL}-{port}")] {
            self.log_name = name;
            let file = append(&self.file("out"))?;
            let taken = file.file().try_lock();
            self.log_lock = Some(file);
            match taken {
                Err(TryLockError::WouldBlock) => {}
                // The file system does not support locks.
                Ok(()) | Err(TryLockError::Error(_)) => break,
            }
        }
        // The JobManager itself writes this one.
        claim(&self.file("log"))?;
        let option = "-Dlog.file=";
        let path = self.file("log").display().to_string();
        for argument in
            self.command.arguments.iter_mut().filter(|argument| argument.starts_with(option))
        {
            *argument = format!("{option}{path}");
        }
        // The file for standard error must be writable too.
        append(&self.file("err")).map(drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _};

    use flink::{command::CommandLine, config::Configuration};

    use crate::{flink_rest::FlinkRest, job_manager::JobManager};

    fn job_manager(folder: &std::path::Path) -> JobManager {
        let log = format!("-Dlog.file={}/jobmanager.log", folder.display());
        JobManager {
            command: CommandLine {
                program: "java".into(),
                arguments: vec!["-Xmx1g".to_owned(), log],
                environment: Vec::new(),
                directory: folder.to_owned(),
            },
            runs_application: false,
            graph: None,
            resumes: false,
            config: Configuration::new(),
            log: folder.to_owned(),
            log_name: String::new(),
            log_lock: None,
            work_lock: None,
            rest: FlinkRest::new("http://localhost:1".to_owned(), String::new(), None).unwrap(),
            adaptive: false,
            web: String::new(),
        }
    }

    #[test]
    fn a_pipe_or_a_link_in_the_place_of_a_log_is_refused_and_neither_waited_for_nor_followed() {
        for name in ["jobmanager.out", "jobmanager.err", "jobmanager.log"] {
            let folder = tempfile::tempdir().unwrap();
            let (place, precious) = (folder.path().join(name), folder.path().join("precious"));
            nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).unwrap();
            let error = job_manager(folder.path()).take_log(8081).unwrap_err().to_string();
            assert!(
                error.ends_with(&format!("{name} is a pipe: a regular file is required")),
                "{error}"
            );
            fs_err::remove_file(&place).unwrap();
            fs_err::os::unix::fs::symlink(&precious, &place).unwrap();
            let error = job_manager(folder.path()).take_log(8081).unwrap_err().to_string();
            assert!(
                error.ends_with(&format!("{name} is a link: a regular file is required")),
                "{error}"
            );
            assert!(!precious.exists());
        }
    }

    #[test]
    fn a_log_that_another_user_has_put_there_is_refused() {
        if !nix::unistd::geteuid().is_root() {
            return std::io::stderr()
                .write_all(b"\nSKIPPED: a log of another user: needs root\n")
                .unwrap();
        }
        for name in ["jobmanager.out", "jobmanager.err", "jobmanager.log"] {
            let folder = tempfile::tempdir().unwrap();
            fs_err::write(folder.path().join(name), "theirs").unwrap();
            nix::unistd::chown(&folder.path().join(name), Some(65534.into()), None).unwrap();
            let error = job_manager(folder.path()).take_log(8081).unwrap_err().to_string();
            assert_eq!(error, super::check(folder.path()).unwrap_err().to_string());
            assert!(error.contains(&format!("{name} belongs to the user 65534, and")), "{error}");
            assert_eq!(fs_err::read_to_string(folder.path().join(name)).unwrap(), "theirs");
        }
    }

    #[test]
    fn nobody_else_may_write_to_a_log_of_an_earlier_run_any_more() {
        for name in ["jobmanager.out", "jobmanager.err", "jobmanager.log"] {
            for (before, after) in [(0o666, 0o644), (0o660, 0o640), (0o600, 0o600)] {
                let folder = tempfile::tempdir().unwrap();
                let log = folder.path().join(name);
                fs_err::write(&log, "earlier").unwrap();
                fs_err::set_permissions(&log, Permissions::from_mode(before)).unwrap();
                job_manager(folder.path()).take_log(8081).unwrap();
                let mode = fs_err::metadata(&log).unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode, after, "{name}: {before:o}");
                assert_eq!(fs_err::read_to_string(&log).unwrap(), "earlier");
            }
        }
    }

    #[test]
    fn two_clusters_that_share_a_folder_of_logs_do_not_share_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = job_manager(folder.path());
        first.take_log(8081).unwrap();
        let mut second = job_manager(folder.path());
        second.take_log(8082).unwrap();
        assert_eq!(
            (first.log_name.as_str(), second.log_name.as_str()),
            ("jobmanager", "jobmanager-8082")
        );
        let expected = format!("-Dlog.file={}/jobmanager-8082.log", folder.path().display());
        assert_eq!(second.command.arguments, ["-Xmx1g".to_owned(), expected]);
        drop(first);
        let mut third = job_manager(folder.path());
        third.take_log(8083).unwrap();
        assert_eq!(third.log_name, "jobmanager");
        let mut nowhere = job_manager(&folder.path().join("not/there"));
        assert!(
            nowhere.take_log(8081).unwrap_err().to_string().contains("not/there/jobmanager.out")
        );
    }
}
