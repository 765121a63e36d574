//! Compares the tables of docs/security.md, which list the access to every listener, file and
//! socket, with running programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::{
    signal::Signal,
    stat::{Mode, umask},
};
use tests::{Keeper, Line, Program, binary, cluster::FlinkMesos, flink_home, wait_until};

/// The rows of the table below a heading of the page, by column.
fn table(heading: &str) -> Vec<BTreeMap<String, String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");
    let page = fs_err::read_to_string(path).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    let mut lines = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('`', "").replace("**", ""))
            .collect()
    };
    let columns = cells(lines.next().unwrap());
    let rows = lines.skip(1).map(|line| columns.iter().cloned().zip(cells(line)).collect());
    rows.collect()
}

/// The page's name for a process of the cluster under test.
fn name_of(pid: i32) -> Option<&'static str> {
    let line = fs_err::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let program = line.split(' ').next()?.rsplit('/').next()?;
    match program {
        "flink-mesos" => Some("flink-mesos"),
        "flink-mesos-fetcher" => Some("flink-mesos-fetcher"),
        _ if line.contains("StandaloneSessionClusterEntrypoint") => Some("JobManager"),
        _ if line.contains("TaskManagerRunner") => Some("TaskManager"),
        _ => Some("executor"),
    }
}

/// A process and all its descendants.
fn family(of: i32) -> BTreeSet<i32> {
    let mut parents = BTreeMap::new();
    for entry in fs_err::read_dir("/proc").unwrap().map_while(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs_err::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<i32>().ok());
        parents.insert(pid, parent.unwrap_or_default());
    }
    let mut found = BTreeSet::from([of]);
    loop {
        let more: Vec<_> = parents
            .iter()
            .filter(|(_, parent)| found.contains(parent))
            .map(|(pid, _)| *pid)
            .collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}

/// The open sockets of a process, by inode.
fn sockets(pid: i32) -> BTreeSet<u64> {
    let Ok(entries) = fs_err::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    let inode = |path: PathBuf| {
        let target = fs_err::read_link(path).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.map_while(Result::ok).filter_map(|entry| inode(entry.path())).collect()
}

/// The names of the files, sockets and pipes that both the application master and its JobManager
/// have open.
fn shared_with_job_manager(master: i32) -> Vec<String> {
    let open = |pid: i32| -> BTreeSet<PathBuf> {
        let entries = fs_err::read_dir(format!("/proc/{pid}/fd")).unwrap().map_while(Result::ok);
        entries.filter_map(|entry| fs_err::read_link(entry.path()).ok()).collect()
    };
    let job_manager =
        family(master).into_iter().find(|pid| name_of(*pid) == Some("JobManager")).unwrap();
    let shared = &open(master) & &open(job_manager);
    // These have no name of their own.
    let is_generic = |path: &&PathBuf| {
        path.starts_with("/dev") || path.display().to_string().starts_with("anon_inode:")
    };
    let named = shared.iter().filter(|path| !is_generic(path));
    named.map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
}

/// The TCP addresses on which a process listens.
fn tcp_listeners(pid: i32) -> Vec<(IpAddr, u16)> {
    let own = sockets(pid);
    let mut found = Vec::new();
    for file in ["tcp", "tcp6"] {
        let text = fs_err::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (place, state, inode) = (fields[1], fields[3], fields[9].parse().unwrap());
            if state == "0A" && own.contains(&inode) {
                let (address, port) = place.split_once(':').unwrap();
                found.push((address_of(address), u16::from_str_radix(port, 16).unwrap()));
            }
        }
    }
    found
}

/// Parses groups of four bytes, each in the machine's byte order.
fn address_of(digits: &str) -> IpAddr {
    let word = |at: usize| u32::from_str_radix(&digits[at..at + 8], 16).unwrap().swap_bytes();
    if digits.len() == 8 {
        return IpAddr::from(word(0).to_be_bytes());
    }
    let bits =
        [0, 8, 16, 24].into_iter().fold(0_u128, |bits, at| bits << 32 | u128::from(word(at)));
    Ipv6Addr::from_bits(bits).to_canonical()
}

/// The paths on which a process listens.
fn unix_listeners(pid: i32) -> Vec<String> {
    let own = sockets(pid);
    let text = fs_err::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    let listening = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let accepts = u32::from_str_radix(fields.get(3)?, 16).ok()? & 0x1_0000 > 0;
        (accepts && own.contains(&fields.get(6)?.parse().ok()?))
            .then(|| fields.get(7).map(ToString::to_string))?
    });
    listening.collect()
}

/// All paths that match a pattern, in which `<…>` stands for any part of a name.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let fits = |name: &str| match (part.split_once('<'), part.rsplit_once('>')) {
            (Some((begin, _)), Some((_, end))) => {
                name.len() > begin.len() + end.len()
                    && name.starts_with(begin)
                    && name.ends_with(end)
            }
            _ => name == part,
        };
        let entries =
            |folder: PathBuf| fs_err::read_dir(folder).into_iter().flatten().map_while(Result::ok);
        found = found
            .into_iter()
            .flat_map(entries)
            .filter(|entry| entry.file_name().to_str().is_some_and(fits))
            .map(|entry| entry.path())
            .collect();
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_file_and_socket_is_as_the_security_page_says() {
    // The modes on the page are those of the usual umask.
    umask(Mode::from_bits_truncate(0o022));
    let host = tempfile::tempdir().unwrap();
    let path = |name: &str| host.path().join(name).display().to_string();
    let keeper = Keeper::start();
    let mut sidecar = Program::new(binary("flink-mesos-fetcher"), &host.path().join("sidecar.log"));
    let socket = path("fetcher.sock");
    sidecar.arguments = ["--config", "/dev/null", "--socket", &socket, "--cache", &path("cache")]
        .map(str::to_owned)
        .to_vec();
    let sidecar = keeper.run(&sidecar);
    let listens = async || Path::new(&socket).exists().then_some(());
    wait_until("the sidecar listens", Duration::from_secs(60), listens).await;
    fs_err::write(path("key"), "a secret").unwrap();
    let options = [
        "local".to_owned(),
        format!("-Dmesos.state.dir={}", path("state")),
        format!("-Dmesos.executor.fetcher-socket={socket}"),
        format!("-Dmesos.secret-artifacts.key={}", path("key")),
        "-Dmy.password=hunter22".to_owned(),
        // Makes the executor's own cache, although the sidecar fetches: without an archive of ours.
        "-Dmesos.executor.class-data-sharing=true".to_owned(),
        "-Denv.java.opts.taskmanager=".to_owned(),
    ];
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let mut session = FlinkMesos::start_in(&flink_home(Line::V1_20), &options, &[]);
    session.ready();

    let mut wrong = listeners(session.pid().as_raw(), sidecar, &socket);
    // One is the lock of the work folder, the other one was opened by both.
    assert_eq!(shared_with_job_manager(session.pid().as_raw()), ["jobmanager.out", "lock"]);
    let run = std::env::var("XDG_RUNTIME_DIR").map_or_else(
        |_| format!("/tmp/flink-mesos-run-{}", nix::unistd::geteuid()),
        |folder| format!("{folder}/flink-mesos"),
    );
    let work = format!("{}/flink-mesos-{}-<random>", std::env::temp_dir().display(), session.pid());
    let places = BTreeMap::from([
        ("run folder", run),
        ("work folder", work.clone()),
        ("sandbox", format!("{work}/mesos/slaves/<id>/frameworks/<id>/executors/<id>/runs/latest")),
        ("state folder", path("state")),
        ("log folder", format!("{work}/jobmanager/log")),
        ("own cache", format!("{work}/cache")),
        ("cache", path("cache")),
        ("socket", socket),
        ("pid", session.pid().to_string()),
    ]);
    wrong.extend(files(&places));
    assert!(wrong.is_empty(), "docs/security.md and the programs differ:\n{}", wrong.join("\n"));
    session.signal(Signal::SIGINT);
    assert!(session.end().success());
    assert!(
        matching(&format!("{}/control-{}.json", places["run folder"], places["pid"])).is_empty(),
        "the run file is left"
    );
}

/// Differences from the table of listeners.
fn listeners(master: i32, sidecar: i32, socket: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found: BTreeMap<&str, Vec<(IpAddr, u16)>> = BTreeMap::new();
    for pid in family(master).into_iter().chain([sidecar]) {
        let Some(name) = name_of(pid) else { continue };
        let listening = tcp_listeners(pid);
        wrong.extend(
            listening
                .iter()
                .filter(|(address, _)| !address.is_loopback())
                .map(|place| format!("{name}: {place:?} is not loopback")),
        );
        found.entry(name).or_default().extend(listening);
        let paths = unix_listeners(pid);
        let expected: &[&str] = if pid == sidecar { &[socket] } else { &[] };
        if paths != expected {
            wrong.push(format!("{name} listens at {paths:?}, expected {expected:?}"));
        }
    }
    let rows = table("Listeners");
    for (name, places) in &found {
        let expected = rows.iter().filter(|row| {
            row["process"] == *name
                && row["when"] != "option"
                && row["listener"] != "socket, socket"
        });
        let expected: Vec<_> = expected.map(|row| row["listener"].as_str()).collect();
        if expected.len() != places.len() {
            wrong.push(format!("{name} listens at {places:?}, the page has {expected:?}"));
        }
    }
    for name in ["flink-mesos", "JobManager", "TaskManager", "flink-mesos-fetcher", "executor"] {
        if !found.contains_key(name) {
            wrong.push(format!("there is no process of {name}"));
        }
    }
    wrong
}

/// Differences from the table of files.
fn files(places: &BTreeMap<&str, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    let user = nix::unistd::geteuid().as_raw();
    for row in table("Files and sockets") {
        let mut pattern = row["path"].clone();
        for (name, place) in places {
            pattern = pattern.replace(&format!("<{name}>"), place);
        }
        if pattern.contains('<') && !pattern.starts_with('/') {
            wrong.push(format!("{pattern} is no path"));
        }
        if row["when"] == "option" {
            continue;
        }
        let found = matching(&pattern);
        if found.is_empty() {
            wrong.push(format!("there is no {pattern}"));
        }
        for path in found {
            let metadata = fs_err::metadata(&path).unwrap();
            let mode = format!("{:04o}", metadata.mode() & 0o7777);
            if mode != row["mode"] || metadata.uid() != user {
                wrong.push(format!(
                    "{} has mode {mode}, the page says {}",
                    path.display(),
                    row["mode"]
                ));
            }
            known.insert(path);
        }
    }
    // Other files in these folders must be on the page too.
    let folders = ["state folder", "work folder", "log folder", "sandbox"];
    for path in folders.iter().flat_map(|folder| matching(&format!("{}/<any>", places[folder]))) {
        if !known.contains(&path) {
            wrong.push(format!("the page has no {}", path.display()));
        }
    }
    wrong
}
