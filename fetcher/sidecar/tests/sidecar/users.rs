use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use fetcher_client::{Projection, Request, Ways, obtain};
use fetcher_formats::Digest;
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::host::{
    Host, NOBODY, PATIENCE, Tree, ask_for_what_never_comes, copy_program, finish, is_root, post,
    quick, skip,
};

/// Variable with the task of the other process: socket, manifests, URL, token, target.
const TASK_VARIABLE: &str = "FLINK_MESOS_TEST_WORKER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_all_users_share_the_cache_of_root() {
    if !is_root() {
        return skip("a worker of another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let sandbox = host.path("sandbox");
    fs_err::create_dir(&sandbox).unwrap();
    nix::unistd::chown(&sandbox, Some(NOBODY.into()), None).unwrap();
    let target = sandbox.join("flink");
    let program = host.path("tests");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let task = [
        host.socket().display().to_string(),
        tree.digest().to_string(),
        tree.secrets().to_string(),
        tree.url().to_owned(),
        tree.token().to_owned(),
        target.display().to_string(),
    ];
    let mut worker = std::process::Command::new(&program);
    worker.args(["--exact", "--ignored", "--nocapture", "users::as_a_worker_of_another_user"]);
    worker
        .env(TASK_VARIABLE, task.join(" "))
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir(&sandbox)
        .stdin(Stdio::piped());
    let (code, printed, complaint) = finish(worker.into()).await;
    assert_eq!(code, 0, "{printed}\n{complaint}");
    assert!(printed.contains("1 passed"), "{printed}");
    tree.assert_arrived(&target);
}

#[tokio::test]
#[ignore = "the other process of the test above"]
async fn as_a_worker_of_another_user() {
    let task = std::env::var(TASK_VARIABLE).unwrap();
    let [socket, manifest, secrets, url, token, target] = task.split(' ').collect::<Vec<_>>()[..]
    else {
        panic!("{task}")
    };
    let request = Request {
        urls: vec![url.to_owned()],
        manifest: manifest.parse().unwrap(),
        secrets: Some(secrets.parse().unwrap()),
        token: token.parse().unwrap(),
        target: PathBuf::from(target),
    };
    let ways = Ways { socket: Some(PathBuf::from(socket)), caches: Vec::new() };
    let obtaining = obtain(request, quick(), ways, watch::Sender::default());
    let materialised = tokio::time::timeout(PATIENCE, obtaining).await.unwrap().unwrap();
    let shared = materialised.shared.expect("the sidecar was not used");
    // Users cannot make hard links to files that they do not own, and need not.
    assert_ne!(shared.projection, Projection::HardLink);
}

#[tokio::test]
async fn only_the_owner_may_make_room() {
    if !is_root() {
        return skip("another user who makes room: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let copy = host.path("flink-mesos-fetcher");
    copy_program(crate::host::program(), &copy);
    for (command, code) in [("gc", 1), ("verify", 1), ("status", 0)] {
        let mut other = tokio::process::Command::new(&copy);
        other
            .env_clear()
            .args(["--socket"])
            .arg(host.socket())
            .arg(command)
            .uid(NOBODY)
            .gid(NOBODY);
        let (ended, _, complaint) = finish(other).await;
        assert_eq!(ended, code, "{command}: {complaint}");
        assert!(
            code == 0 || complaint.contains("403: only root and the daemon's own user may do that"),
            "{complaint}"
        );
    }
}

/// Requests as many trees as possible that are never sent; the task is socket, manifest and URL.
#[tokio::test]
#[ignore = "the other process of the test below"]
async fn as_a_user_who_requests_trees_that_are_never_sent() {
    let task = std::env::var(TASK_VARIABLE).unwrap();
    let [socket, manifest, url, count] = task.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{task}")
    };
    let _asked = ask_for_what_never_comes(socket, manifest, url, count.parse().unwrap()).await;
    std::io::stdin().read_line(&mut String::new()).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_fetches_of_one_user_do_not_delay_others() {
    if !is_root() {
        return skip("slow fetches of another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&["--fetches", "16"]).await;
    let tree = Tree::served(&host, 1).await;
    // A server that accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let program = host.path("tests");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let mut noisy = tokio::process::Command::new(&program);
    noisy.args([
        "--exact",
        "--ignored",
        "--nocapture",
        "users::as_a_user_who_requests_trees_that_are_never_sent",
    ]);
    let task = format!("{} {} {url} 40", host.socket().display(), tree.digest());
    noisy
        .env(TASK_VARIABLE, task)
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let _noisy = noisy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // This user's share of the permits: a quarter of sixteen.
    let mut taken = Vec::new();
    while taken.len() < 4 {
        taken.push(tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap());
    }
    let all = async {
        while host.json(&["status"]).await["daemon"]["fetches_in_flight"] != 40 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    let materialised =
        tokio::time::timeout(PATIENCE, host.obtain(&tree, "flink")).await.unwrap().unwrap();
    tree.assert_arrived(&materialised.target);
    assert!(
        materialised.shared.unwrap().path.starts_with(host.cache()),
        "it did not come through the sidecar"
    );
    let running = &host.json(&["status"]).await["daemon"];
    assert!(running["fetches_in_flight"].as_u64().unwrap() >= 39, "{running}");
    let further = silent.accept().now_or_never();
    assert!(further.is_none(), "one user has more than a quarter of all permits");
}

/// Reports usage; the task is socket, worker and seconds. Prints the answer.
#[tokio::test]
#[ignore = "the other process of the test below"]
async fn as_a_user_who_reports_usage() {
    let task = std::env::var(TASK_VARIABLE).unwrap();
    let [socket, worker, seconds] = task.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{task}")
    };
    let rest = r#""memory_bytes":1,"processes":1,"threads":1,"open_files":1,"sandbox_bytes":1"#;
    let body = format!(r#"{{"worker":"{worker}","cpu_seconds":{seconds},{rest}}}"#);
    let mut stream = post(socket, "/v1/usage", &body).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    println!("\n{answer}");
}

#[tokio::test]
async fn usage_is_only_accepted_from_the_taskmanagers_own_user() {
    if !is_root() {
        return skip("usage reported by another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let program = host.path("tests");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let report = async |uid: u32, worker: &str, seconds: &str| {
        let mut other = tokio::process::Command::new(&program);
        other.args(["--exact", "--ignored", "--nocapture", "users::as_a_user_who_reports_usage"]);
        other
            .env(TASK_VARIABLE, format!("{} {worker} {seconds}", host.socket().display()))
            .uid(uid)
            .gid(uid)
            .current_dir("/");
        let (_, printed, _) = finish(other).await;
        printed
            .lines()
            .find_map(|line| Some(line.strip_prefix("HTTP/1.1 ")?.get(..3)?.to_owned()))
            .unwrap()
    };
    assert_eq!(report(NOBODY, "theirs", "1.5").await, "204");
    assert_eq!(report(NOBODY - 1, "theirs", "1.5").await, "403");
    assert_eq!(report(NOBODY, "theirs", "1e999").await, "400");
    assert_eq!(report(NOBODY, "theirs", "1e308").await, "400");
}

/// Tries every change to a tree of the cache at the given path; prints which ones succeeded.
#[test]
#[ignore = "the other process of the test below"]
fn as_a_reader_who_tries_to_change_a_tree() {
    let tree = PathBuf::from(std::env::var(TASK_VARIABLE).unwrap());
    let cache = tree.parent().and_then(std::path::Path::parent).unwrap();
    let mut files = vec![tree.clone()];
    let mut at = 0;
    while let Some(path) = files.get(at).cloned() {
        at += 1;
        if fs_err::symlink_metadata(&path).unwrap().is_dir() {
            files.extend(fs_err::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.extend(
        ["blobs", "manifests", "archives", "partial", "reserved"].map(|folder| cache.join(folder)),
    );
    files.extend(fs_err::read_dir(cache.join("blobs")).unwrap().map(|entry| entry.unwrap().path()));
    for file in &files {
        let could = [
            fs_err::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o777)),
            fs_err::OpenOptions::new().append(true).open(file).map(drop),
            fs_err::write(file.join("new"), "new"),
            fs_err::rename(file, file.with_extension("moved")),
            if file.is_dir() { fs_err::remove_dir(file) } else { fs_err::remove_file(file) },
            fs_err::File::open(file)
                .and_then(|open| open.file().set_modified(std::time::UNIX_EPOCH)),
        ];
        assert!(could.iter().all(Result::is_err), "{}: {could:?}", file.display());
    }
    println!("nothing of {}", files.len());
}

#[tokio::test]
async fn readers_of_a_linked_tree_cannot_change_the_cache() {
    if !is_root() {
        return skip("a reader of another user: needs root");
    }
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let tree = Tree::served(&host, 1).await;
    let shared = host.obtain(&tree, "flink").await.unwrap().shared.unwrap();
    let program = host.path("tests");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let mut reader = tokio::process::Command::new(&program);
    reader.args([
        "--exact",
        "--ignored",
        "--nocapture",
        "users::as_a_reader_who_tries_to_change_a_tree",
    ]);
    reader.env(TASK_VARIABLE, &shared.path).uid(NOBODY).gid(NOBODY).current_dir("/");
    let (code, printed, complaint) = finish(reader).await;
    assert!(code == 0 && printed.contains("nothing of "), "{printed}\n{complaint}");
    assert_eq!(host.json(&["verify"]).await["wrong"], serde_json::json!([]));
}

/// The answer to a request for a tree with this body, whether or not all of it was read.
async fn fetched(socket: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let head = format!(
        "POST /v1/fetch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

fn body(urls: &[String], trusted: &str) -> String {
    let (manifest, token) = (Digest::of(b"").to_string(), "t".repeat(32));
    serde_json::json!({ "manifest": manifest, "urls": urls, "token": token, "trusted": trusted })
        .to_string()
}

#[tokio::test]
async fn a_request_that_is_too_large_in_any_way_is_refused_with_the_limit() {
    let host = Host::new();
    let _sidecar = host.start(&[]).await;
    let socket = host.socket().display().to_string();
    let url = |length: usize| format!("ftp://{}", "x".repeat(length - 6));
    for (urls, trusted, status, limit) in [
        (vec![url(20); 17], 0, "400", "at most 16"),
        (vec![url(20); 3000], 0, "400", "at most 16"),
        (vec![url(2049)], 0, "400", "at most 2048"),
        (vec![], 5 << 20, "413", "65536 bytes"),
    ] {
        let answer = fetched(&socket, &body(&urls, &"x".repeat(trusted))).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains(limit), "{answer}");
    }
    // What is allowed is answered, though not fetched from there.
    for (urls, trusted) in [(vec![url(2048); 16], 0), (vec![url(20)], 4 << 20)] {
        let answer = fetched(&socket, &body(&urls, &"x".repeat(trusted))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_requests_at_once_take_little_memory() {
    let host = Host::new();
    let sidecar = host.start(&[]).await;
    let socket = host.socket().display().to_string();
    let urls: Vec<_> = (0..150_000).map(|number| format!("http://{number}")).collect();
    let (many_urls, certificates) = (body(&urls, ""), body(&[], &"x".repeat(4 << 20)));
    for body in [&many_urls, &certificates] {
        let answers =
            futures_util::future::join_all((0..100).map(|_| fetched(&socket, body))).await;
        let all = ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 503", ""];
        assert!(answers.iter().all(|answer| all.iter().any(|start| answer.starts_with(start))));
    }
    let status = fs_err::read_to_string(format!("/proc/{}/status", sidecar.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    let peak: u64 = peak.unwrap().trim().parse().unwrap();
    assert!(peak < 256 << 10, "{peak} kB at most were used");
}

#[tokio::test]
async fn what_a_user_sends_takes_few_characters_of_the_log() {
    let host = Host::new();
    let mut sidecar = host.start(&[]).await;
    let socket = host.socket().display().to_string();
    for url in
        [format!("ftp://{}", "x".repeat(2000)), format!("http://a\u{1b}{}", "x".repeat(2000))]
    {
        fetched(&socket, &body(std::slice::from_ref(&url), "")).await;
        fetched(&socket, &body(&vec![url; 16], "no certificate")).await;
    }
    fetched(&socket, &body(&["ftp://last".to_owned()], "")).await;
    sidecar.says("ftp://last").await;
    let log = sidecar.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("Cannot fetch a tree")).collect();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines.iter().all(|line| line.len() < 1000), "{lines:#?}");
}
