use std::path::{Path, PathBuf};

use crate::host::{Host, finish, skip};

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

async fn check(config: &Path, variables: &[(&str, &str)], flags: &[&str]) -> (i32, String, String) {
    let mut command = tokio::process::Command::new(crate::host::program());
    command
        .env_clear()
        .envs(variables.iter().copied())
        .args(["--check-config", "--config"])
        .arg(config)
        .args(flags);
    finish(command).await
}

#[tokio::test]
async fn flags_override_variables_and_variables_override_the_file() {
    let host = Host::new();
    let file = host.path("fetcher.toml");
    fs_err::write(&file, "budget = \"1 GiB\"\nfetches = 3\nconnections = 5\n").unwrap();
    let variables = [("FLINK_MESOS_FETCHER_BUDGET", "2 GiB"), ("FLINK_MESOS_FETCHER_FETCHES", "4")];
    let (code, printed, complaint) = check(&file, &variables, &["--budget", "3 GiB"]).await;
    assert_eq!(code, 0, "{complaint}");
    for line in [
        "budget = \"3 GiB\" # --budget".to_owned(),
        "fetches = \"4\" # environment variable FLINK_MESOS_FETCHER_FETCHES".to_owned(),
        format!("connections = \"5\" # {}:3", file.display()),
        "grace = \"30 s\" # default".to_owned(),
    ] {
        assert!(printed.lines().any(|printed| printed == line), "no `{line}` in\n{printed}");
    }
}

#[tokio::test]
async fn an_invalid_file_is_rejected_with_line_and_key_before_anything_starts() {
    let host = Host::new();
    let file = host.path("fetcher.toml");
    for (content, expected) in [
        (
            "fetches = 3\nbugdet = \"1 GiB\"\n",
            ":2: `bugdet` is not a setting (allowed: socket, cache, ",
        ),
        ("\nbudget = \"1 GiBi\"\n", ":2: budget = `1 GiBi` is not a size (allowed: "),
    ] {
        fs_err::write(&file, content).unwrap();
        let expected = format!("flink-mesos-fetcher: {}{expected}", file.display());
        let (code, _, complaint) = check(&file, &[], &[]).await;
        assert_eq!(code, 64);
        assert!(complaint.starts_with(&expected), "{complaint}");
        let mut command = tokio::process::Command::new(crate::host::program());
        command.env_clear().arg("--config").arg(&file).arg("--socket").arg(host.socket());
        let (code, _, complaint) = finish(command).await;
        assert_eq!(code, 64);
        assert!(complaint.starts_with(&expected) && !host.socket().exists(), "{complaint}");
    }
    let (code, _, complaint) = check(&host.path("absent.toml"), &[], &[]).await;
    assert_eq!(code, 64);
    assert!(complaint.contains("absent.toml"), "{complaint}");
    let (code, _, _) = check(Path::new("/dev/null"), &[], &["--no-such-flag"]).await;
    assert_eq!(code, 64);
}

#[tokio::test]
async fn the_packaged_file_changes_nothing_and_shows_every_setting() {
    let (code, printed, complaint) = check(&packaged("etc/fetcher.toml"), &[], &[]).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(printed.lines().all(|line| line.ends_with("# default")), "{printed}");
    let file = fs_err::read_to_string(packaged("etc/fetcher.toml")).unwrap();
    for line in printed.lines() {
        let key = line.split_once(" = ").unwrap().0;
        assert!(file.contains(&format!("\n# {key} = ")), "{key} is not in the file");
    }
    // The commented settings in it are valid.
    let host = Host::new();
    let set = host.path("fetcher.toml");
    let settings: Vec<_> = file.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let settings: Vec<_> = settings.into_iter().filter(|line| line.contains(" = ")).collect();
    fs_err::write(
        &set,
        settings.join(
            "
",
        ),
    )
    .unwrap();
    let (code, printed, complaint) = check(&set, &[], &[]).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(!printed.contains("# default"), "{printed}");
}

#[tokio::test]
async fn systemd_understands_the_packaged_unit() {
    let host = Host::new();
    let unit = host.path("flink-mesos-fetcher.service");
    // The program may not be installed here.
    let text = fs_err::read_to_string(packaged("systemd/flink-mesos-fetcher.service")).unwrap();
    let installed = "/usr/bin/flink-mesos-fetcher";
    assert!(text.contains(&format!("ExecStart={installed} daemon")), "{text}");
    fs_err::write(&unit, text.replace(installed, "/bin/true")).unwrap();
    let mut command = tokio::process::Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(&unit);
    match command.output().await {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && !said.contains("flink-mesos-fetcher.service:"),
                "{said}"
            );
        }
        Err(error) => skip(&format!("the unit file: systemd-analyze: {error}")),
    }
}
