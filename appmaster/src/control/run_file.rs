//! The run file of an application master: the address of its control API and its token, for
//! commands of the same user.
//!
//! ```text
//! <folder>/control-<pid>.json     0600, in a folder that nobody else can write to
//! ```
//!
//! The folder is `$RUNTIME_DIRECTORY` (systemd's), else `$XDG_RUNTIME_DIR/flink-mesos`, else
//! `/tmp/flink-mesos-run-<user id>`. The commands search all of these and the folders of the
//! installed units. Nothing is trusted that others could have put there: no link is followed, and
//! folder and file must have the right owner. The file is removed with its application master; the
//! next one removes the file of one that was killed.

mod folder;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use tempfile::Builder;
use tracing::warn;
use url::Url;

use self::folder::Folder;
pub use self::folder::RunFolderError;
use super::token::Token;
use crate::{environment::Lookup, process::identity::Process};

const PREFIX: &str = "control-";
const SUFFIX: &str = ".json";

/// The content of a run file.
#[derive(Clone, Serialize, Deserialize)]
pub struct Running {
    /// The control API's URL, for this machine.
    pub address: String,
    /// The URL given to other machines.
    pub advertised: String,
    /// The token that it requires.
    pub token: String,
    /// With TLS, the certificates to trust, in PEM.
    pub authorities: Option<String>,
    /// The framework's name.
    pub cluster: String,
    /// The user of the application master.
    pub user: Option<String>,
    /// The JobManager's web page for others.
    pub web: Option<String>,
    /// When this application master began to lead, in milliseconds since 1970.
    pub since: Option<u64>,
    #[serde(flatten)]
    process: Process,
}

impl Running {
    /// The content for this process.
    pub fn here(
        address: String,
        advertised: String,
        token: &Token,
        authorities: Option<String>,
        cluster: String,
    ) -> Self {
        let token = token.reveal().to_owned();
        let process = Process::this();
        let (user, web, since) = (None, None, None);
        Self { address, advertised, token, authorities, cluster, user, web, since, process }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Whether the URL is this application master's.
    pub fn is_at(&self, address: &Url) -> bool {
        let place =
            |url: &Url| (url.host_str().map(str::to_ascii_lowercase), url.port_or_known_default());
        let is_local = |url: &Url| match url.host() {
            Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        [&self.address, &self.advertised].into_iter().filter_map(|own| Url::parse(own).ok()).any(
            |own| {
                place(&own) == place(address)
                    || is_local(&own)
                        && is_local(address)
                        && own.port_or_known_default() == address.port_or_known_default()
            },
        )
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, cluster, process, .. } = self;
        f.debug_struct("Running")
            .field("address", address)
            .field("cluster", cluster)
            .field("process", process)
            .finish_non_exhaustive()
    }
}

/// The run file of this process; removed when dropped.
#[derive(Debug)]
pub struct RunFile {
    path: PathBuf,
}

impl RunFile {
    /// Writes it, and removes the files of ended processes. Blocks.
    pub fn write(running: &Running, lookup: &Lookup) -> Result<Self, RunFolderError> {
        let folder = Folder::own(lookup)?;
        sweep(&folder);
        let path = folder.path().join(format!("{PREFIX}{}{SUFFIX}", running.pid()));
        let written = || -> std::io::Result<()> {
            let prefix = format!(".{PREFIX}{}-", running.pid());
            // Readable only by this user, whatever the umask.
            let mut file = Builder::new().prefix(&prefix).tempfile_in(folder.path())?;
            file.write_all(&serde_json::to_vec(running)?)?;
            file.persist(&path)?;
            Ok(())
        };
        written().map_err(|source| RunFolderError::Write { path: path.clone(), source })?;
        Ok(Self { path })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(%error, "Cannot remove the run file");
        }
    }
}

/// The reason why a run file of this user could not be written or found, e.g. another user has
/// created its folder. Blocks.
pub fn obstacle(lookup: &Lookup) -> Option<RunFolderError> {
    Folder::obstacle(lookup)
}

/// The running application masters of this user on this machine. Blocks.
pub fn running(lookup: &Lookup) -> Vec<Running> {
    let mut found: Vec<Running> = Vec::new();
    for folder in Folder::all(lookup) {
        for path in folder.entries() {
            if process_of(&path).is_none() {
                continue;
            }
            let Some(text) = folder.read(&path) else { continue };
            let Ok(running) = serde_json::from_slice::<Running>(&text) else { continue };
            let is_known = found.iter().any(|known| known.process == running.process);
            if running.process.lives() && !is_known {
                found.push(running);
            }
        }
    }
    found.sort_by(|one, other| (&one.cluster, one.pid()).cmp(&(&other.cluster, other.pid())));
    found
}

/// Removes the files of ended processes.
fn sweep(folder: &Folder) {
    for path in folder.entries() {
        let Some(pid) = process_of(&path) else { continue };
        let noted =
            folder.read(&path).and_then(|text| serde_json::from_slice::<Running>(&text).ok());
        let lives = match &noted {
            Some(running) => running.process.lives(),
            // A file that is, or was, being written.
            None => Process::exists(pid),
        };
        if !lives && let Err(error) = fs::remove_file(&path) {
            warn!(%error, "Cannot remove the run file of an ended process");
        }
    }
}

/// The process in a file's name, also of a file that is still being written.
fn process_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let rest = name.strip_prefix('.').unwrap_or(name).strip_prefix(PREFIX)?;
    rest.split(['.', '-']).next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn lookup(folder: &Path) -> impl Fn(&str) -> Option<String> + Send + Sync + use<> {
        let folder = folder.display().to_string();
        move |name: &str| (name == "RUNTIME_DIRECTORY").then(|| folder.clone())
    }

    fn sample() -> Running {
        let token = Token::parse("a-token-of-a-test").unwrap();
        let address = "http://127.0.0.1:4711".to_owned();
        Running::here(
            address,
            "http://master.example:4711".to_owned(),
            &token,
            None,
            "Flink".to_owned(),
        )
    }

    #[test]
    fn a_run_file_is_private_to_its_user_is_found_and_is_removed_with_its_process() {
        let folder = TempDir::new().unwrap();
        let file = RunFile::write(&sample(), &lookup(folder.path())).unwrap();
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let found = running(&lookup(folder.path()));
        let mine = found
            .iter()
            .find(|running| running.pid() == std::process::id() && running.token == sample().token)
            .unwrap();
        assert_eq!((mine.token.as_str(), mine.cluster.as_str()), ("a-token-of-a-test", "Flink"));
        assert!(!format!("{mine:?}").contains("a-token"), "{mine:?}");
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn files_of_a_dead_process_are_not_trusted_and_are_removed_at_the_next_start() {
        let folder = TempDir::new().unwrap();
        // The same process id, reused later.
        let mut dead = sample();
        dead.process.started += 1;
        let old = folder.path().join("control-1.json");
        fs::write(&old, serde_json::to_vec(&dead).unwrap()).unwrap();
        fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
        let half = folder.path().join(".control-4194304-x3Xy");
        fs::write(&half, b"{").unwrap();
        let other = folder.path().join("fetcher.sock");
        fs::write(&other, b"").unwrap();
        assert!(
            !running(&lookup(folder.path())).iter().any(|running| running.process == dead.process)
        );
        let _file = RunFile::write(&sample(), &lookup(folder.path())).unwrap();
        assert!(!old.exists() && !half.exists() && other.exists());
    }

    #[test]
    fn links_fifos_and_folders_that_others_can_write_to_are_not_trusted() {
        let folder = TempDir::new().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, serde_json::to_vec(&sample()).unwrap()).unwrap();
        fs_err::os::unix::fs::symlink(&elsewhere, folder.path().join("control-1.json")).unwrap();
        nix::unistd::mkfifo(&folder.path().join("control-2.json"), nix::sys::stat::Mode::S_IRWXU)
            .unwrap();
        let opened = Folder::at(folder.path()).unwrap();
        let mine = folder.path().join("control-3.json");
        let mut options = fs::OpenOptions::new();
        fs_err::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true), 0o600);
        options.open(&mine).unwrap().write_all(b"{}").unwrap();
        let read = |name: &str| opened.read(&folder.path().join(name));
        assert_eq!(read("control-3.json"), Some(b"{}".to_vec()));
        assert_eq!((read("control-1.json"), read("control-2.json")), (None, None));
        fs::set_permissions(&mine, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(read("control-3.json"), None);
        let link = folder.path().join("link");
        fs_err::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(Folder::at(&link).is_err());
        fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = Folder::at(folder.path()).unwrap_err().to_string();
        assert!(error.contains("0777"), "{error}");
        assert!(RunFile::write(&sample(), &lookup(folder.path())).is_err());
    }

    #[test]
    fn a_run_folder_that_another_user_created_is_reported_with_its_owner_and_what_to_do() {
        let login = TempDir::new().unwrap();
        let place = login.path().display().to_string();
        let lookup = move |name: &str| (name == "XDG_RUNTIME_DIR").then(|| place.clone());
        let folder = login.path().join("flink-mesos");
        assert!(obstacle(&lookup).is_none(), "it will be created");
        drop(RunFile::write(&sample(), &lookup).unwrap());
        assert!(obstacle(&lookup).is_none(), "it belongs to this user");
        let mut owner = nix::unistd::geteuid();
        if owner.is_root() {
            owner = nix::unistd::Uid::from_raw(65534);
            nix::unistd::chown(&folder, Some(owner), None).unwrap();
        } else {
            fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let expected = format!("{} belongs to user {owner} with mode", folder.display());
        for error in [obstacle(&lookup).unwrap(), RunFile::write(&sample(), &lookup).unwrap_err()] {
            let advice = error.advice();
            assert!(advice.contains(&expected), "{advice}");
            assert!(
                advice.contains("Set XDG_RUNTIME_DIR") && advice.contains("mesos.web.token"),
                "{advice}"
            );
        }
        fs::remove_dir(&folder).unwrap();
        fs_err::os::unix::fs::symlink(login.path(), &folder).unwrap();
        assert!(obstacle(&lookup).is_some(), "a link");
    }

    #[test]
    fn an_application_master_is_known_by_each_of_its_addresses() {
        let running = sample();
        for known in
            ["http://127.0.0.1:4711", "http://localhost:4711/", "http://Master.example:4711"]
        {
            assert!(running.is_at(&Url::parse(known).unwrap()), "{known}");
        }
        for other in ["http://127.0.0.1:4712", "http://evil.example:4711", "http://10.0.0.1:4711"] {
            assert!(!running.is_at(&Url::parse(other).unwrap()), "{other}");
        }
    }
}
