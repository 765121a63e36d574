//! The command lines of masters and agents; ports are added at their start.

use std::path::Path;

use crate::{PortBlock, Program, class_data::executors_cache, mesos_home};
use serde_json::json;

use super::{ExecutorsCache, RealMesosOptions};

/// The master `name`; with `zookeeper` ("zk://..."), one of several.
pub(super) fn master(
    options: &RealMesosOptions,
    work: &Path,
    name: &str,
    zookeeper: Option<&str>,
) -> Program {
    let mut program =
        Program::new(mesos_home().join("bin/mesos-master"), &work.join(format!("{name}.log")));
    let home = work.join(name);
    program.arguments = common();
    program.arguments.extend([
        format!("--work_dir={}", home.display()),
        format!("--webui_dir={}", work.display()),
        // Without ZooKeeper, an agent notices a restarted master when no ping has come for this
        // long.
        "--agent_ping_timeout=1secs".to_owned(),
        "--max_agent_ping_timeouts=5".to_owned(),
    ]);
    if let Some(zookeeper) = zookeeper {
        let quorum = options.masters / 2 + 1;
        let election = [
            format!("--zk={zookeeper}"),
            format!("--quorum={quorum}"),
            "--zk_session_timeout=2secs".to_owned(),
        ];
        program.arguments.extend(election);
    }
    if !options.credentials.is_empty() {
        let file = work.join("credentials.json");
        let credentials: Vec<_> = options
            .credentials
            .iter()
            .map(|(name, secret)| json!({ "principal": name, "secret": secret }))
            .collect();
        fs_err::write(&file, json!({ "credentials": credentials }).to_string())
            .expect("credentials are written");
        program.arguments.extend([
            format!("--credentials=file://{}", file.display()),
            "--authenticate_http_frameworks=true".to_owned(),
            "--http_framework_authenticators=basic".to_owned(),
        ]);
    }
    program.arguments.extend(options.master_flags.iter().cloned());
    program
}

/// The agent `name`, which joins `master` ("host:port" or "zk://...").
pub(super) fn agent(
    options: &RealMesosOptions,
    work: &Path,
    name: &str,
    master: &str,
    block: &PortBlock,
) -> Program {
    let bin = mesos_home().join("bin");
    let mut program = Program::new(bin.join("mesos-agent"), &work.join(format!("{name}.log")));
    let home = work.join(name);
    program.arguments = common();
    let cache = match options.cache {
        ExecutorsCache::Shared => Some(executors_cache()),
        ExecutorsCache::Own => Some(home.join("cache")),
        ExecutorsCache::Default => None,
    };
    if let Some(cache) = cache {
        let variables =
            json!({ "FLINK_MESOS_CACHE_DIR": cache, "FLINK_MESOS_LOG_DIR": home.join("logs") });
        program.arguments.push(format!("--executor_environment_variables={variables}"));
    }
    for (flag, folder) in [
        ("work_dir", "work"),
        ("runtime_dir", "run"),
        ("fetcher_cache_dir", "fetch"),
        ("docker_store_dir", "docker"),
        ("appc_store_dir", "appc"),
    ] {
        program.arguments.push(format!("--{flag}={}", home.join(folder).display()));
    }
    program.arguments.extend([
        format!("--master={master}"),
        format!("--launcher_dir={}", bin.display()),
        // Works in a container and without systemd, for any user.
        "--launcher=posix".to_owned(),
        "--isolation=posix/cpu,posix/mem,filesystem/posix".to_owned(),
        "--containerizers=mesos".to_owned(),
        "--systemd_enable_support=false".to_owned(),
        "--switch_user=false".to_owned(),
        "--registration_backoff_factor=10ms".to_owned(),
        "--http_command_executor".to_owned(),
        format!("--resources={}", resources(&options.resources, block)),
    ]);
    if !options.attributes.is_empty() {
        program.arguments.push(format!("--attributes={}", options.attributes));
    }
    if let Some(key) = &options.jwt_key {
        let file = work.join("jwt-key");
        fs_err::write(&file, key).expect("the key is written");
        program.arguments.extend([
            "--authenticate_http_executors=true".to_owned(),
            "--http_authenticators=jwt".to_owned(),
            format!("--jwt_secret_key={}", file.display()),
        ]);
    }
    program.arguments.extend(options.agent_flags.iter().cloned());
    program
}

fn common() -> Vec<String> {
    vec!["--ip=127.0.0.1".to_owned(), "--hostname=127.0.0.1".to_owned()]
}

fn resources(wanted: &str, block: &PortBlock) -> String {
    if wanted.split(';').any(|resource| resource.trim_start().starts_with("ports")) {
        return wanted.to_owned();
    }
    format!("{wanted};ports:[{}-{}]", block.ports().start(), block.ports().end())
}
