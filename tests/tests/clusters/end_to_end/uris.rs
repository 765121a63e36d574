//! `mesos.resourcemanager.tasks.uris`: TaskManagers have the users' files in their working
//! directory.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use fetcher_formats::Digest;
use fetcher_server::{ArtifactServer, ServerOptions};
use tests::cluster;

use super::*;

/// A web server with these files.
async fn web(folder: &Path, names: &[&str]) -> (ArtifactServer, Vec<String>) {
    let (manifest, catalogue) = fetcher_server::build(Vec::new()).await.unwrap();
    let bind = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ArtifactServer::start(
        ServerOptions { bind, ..ServerOptions::default() },
        manifest,
        catalogue,
    )
    .await;
    let server = server.unwrap();
    let urls = names.iter().map(|name| server.publish_file(name, folder.join(name))).collect();
    (server, urls)
}

/// An archive `name` with `file`, made by this machine's `tar`.
fn archive(folder: &Path, name: &str, file: &str, content: &str) {
    let path = folder.join(file);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, content).unwrap();
    let top = file.split('/').next().unwrap();
    let made = Command::new("tar").current_dir(folder).args(["czf", name, top]).status().unwrap();
    assert!(made.success());
}

fn local(uris: &str, work: &Path, more: &[&str]) -> FlinkMesos {
    let uris = format!("-Dmesos.resourcemanager.tasks.uris={uris}");
    let work = work.display().to_string();
    let mut arguments = vec!["local", "--workers", "1", "--work-dir", &work, &uris];
    arguments.extend(more);
    FlinkMesos::start_in(&flink_home(Line::V1_20), &arguments, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_sees_the_users_files_in_its_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path(), "model.tar.gz", "model/weights.txt", "weights");
    archive(folder.path(), "more.tgz", "any/where.txt", "elsewhere");
    for (name, content) in [("rules.json", "rules"), ("tool.sh", "#!/bin/sh\n"), ("a.jar", "jar")] {
        fs_err::write(folder.path().join(name), content).unwrap();
    }
    let (_web, urls) = web(folder.path(), &["model.tar.gz", "rules.json", "tool.sh"]).await;
    let [model, rules, tool] = <[String; 3]>::try_from(urls).unwrap();
    let here = |name: &str| folder.path().join(name).display().to_string();
    let uris = [
        model,
        format!("{rules}#sha256={}", Digest::of(b"rules")),
        format!("{tool}#executable=true&destination=tools/run"),
        format!("file://{}", here("a.jar")),
        format!("{}#destination=data/more", here("more.tgz")),
    ];
    let work = tempfile::tempdir().unwrap();
    let mut cluster = local(&uris.join(","), work.path(), &[]);
    let fetched = cluster.wait_for("fetched");
    assert!(fetched["sha256"].as_str().is_some_and(|digest| digest.len() == 64), "{fetched}");
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let pid = task_managers(&worker).pop().expect("the TaskManager's process");
    let directory = Path::new("/proc").join(pid.to_string()).join("cwd");
    for (name, content) in [
        ("model/weights.txt", "weights"),
        ("rules.json", "rules"),
        ("tools/run", "#!/bin/sh\n"),
        ("a.jar", "jar"),
        ("data/more/any/where.txt", "elsewhere"),
    ] {
        assert_eq!(fs_err::read_to_string(directory.join(name)).unwrap(), content, "{name}");
    }
    let mode =
        |name: &str| fs_err::metadata(directory.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("tools/run"), mode("rules.json")), (0o111, 0));
    end_in_order(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_digest_the_first_download_counts_for_later_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("rules.json"), "one").unwrap();
    let (_web, urls) = web(folder.path(), &["rules.json"]).await;
    let (work, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let durable = format!("-Dmesos.state.dir={}", state.path().display());
    // No Mesos answers: it is enough to see that the start continues.
    let session = |uri: &str| {
        let uris = format!("-Dmesos.resourcemanager.tasks.uris={uri}");
        FlinkMesos::start(
            &flink_home(Line::V1_20),
            &["session", "-Dmesos.master=127.0.0.1:1", &durable, &uris],
        )
    };
    let mut first = session(&urls[0]);
    first.wait_for("disconnected");
    first.signal(Signal::SIGINT);
    first.end();
    fs_err::write(folder.path().join("rules.json"), "two").unwrap();
    let mut second = session(&urls[0]);
    assert_eq!(second.end().code(), Some(64));
    let accepted = format!("{}#sha256={}", urls[0], Digest::of(b"two"));
    let mut third = session(&accepted);
    third.wait_for("disconnected");
    third.signal(Signal::SIGINT);
    third.end();
    drop(work);
}

#[test]
fn an_archive_that_no_worker_could_unpack_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("broken.tar.gz"), "no archive").unwrap();
    archive(folder.path(), "taken.tar.gz", "conf/x", "x");
    for (name, part) in
        [("broken.tar.gz", "cannot be read as tar.gz"), ("taken.tar.gz", "`conf` is reserved")]
    {
        let uris =
            format!("-Dmesos.resourcemanager.tasks.uris={}", folder.path().join(name).display());
        let mut command = cluster::command(&["session", "-Dmesos.master=127.0.0.1:1", &uris]);
        command
            .args(cluster::SMALL)
            .env("FLINK_HOME", flink_home(Line::V1_20))
            .env_remove("FLINK_CONF_DIR");
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
}
