#![allow(clippy::unwrap_used)]
use flink::config::Configuration;

use super::*;

/// A sandbox with a materialised manifest and a java.
struct Agent {
    folder: tempfile::TempDir,
    spec: WorkerSpec,
    lookup: Vec<(&'static str, String)>,
}

impl Agent {
    fn new(configuration: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "flink/lib/flink-dist-1.20.5.jar",
            "flink/lib/a.jar",
            "flink/conf/log4j-console.properties",
            "jdk/bin/java",
        ];
        for file in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        fs_err::write(folder.path().join("jdk/release"), "JAVA_VERSION=\"17.0.15\"\n").unwrap();
        let mut entries = vec![Entry::new("taskmanager.memory.process.size", "1728m")];
        entries.extend(configuration.iter().map(|(key, value)| Entry::new(key, value)));
        let spec = WorkerSpec {
            worker_id: "taskmanager-00001".to_owned(),
            flink_version: "1.20.5".to_owned(),
            configuration: entries,
            ports: [("taskmanager.rpc.port".to_owned(), 31000)].into(),
            hostname: "agent-7".to_owned(),
            ..WorkerSpec::default()
        };
        let java_home = folder.path().join("jdk").to_str().unwrap().to_owned();
        Self { folder, spec, lookup: vec![("JAVA_HOME", java_home)] }
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox { path: self.folder.path().to_owned() }
    }

    fn apply(&self) -> Result<CommandLine, ApplyError> {
        let lookup = |name: &str| {
            self.lookup.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
        };
        apply(&self.spec, &self.sandbox(), None, &lookup)
    }

    /// The configuration that was written.
    fn written(&self) -> Configuration {
        Configuration::load(&self.sandbox().conf(), &"1.20.5".parse().unwrap()).unwrap()
    }
}

#[test]
fn the_sandbox_gets_configuration_logging_properties_and_folders() {
    let entries =
        [("taskmanager.numberOfTaskSlots", "2"), ("mesos.executor.running-when", "listening")];
    let agent = Agent::new(&entries);
    agent.apply().unwrap();
    assert!(
        !agent.written().contains("mesos.executor.running-when"),
        "that is between master and executor"
    );
    let (config, tmp) = (agent.written(), agent.sandbox().tmp());
    let expected = [
        ("taskmanager.resource-id", "taskmanager-00001"),
        ("taskmanager.rpc.port", "31000"),
        ("taskmanager.host", "agent-7"),
        ("taskmanager.bind-host", "0.0.0.0"),
        ("taskmanager.numberOfTaskSlots", "2"),
        ("io.tmp.dirs", tmp.to_str().unwrap()),
    ];
    for (key, value) in expected {
        assert_eq!(config.get(key), Some(value), "{key}");
    }
    assert!(agent.sandbox().conf().join("log4j-console.properties").exists());
    assert!(agent.sandbox().log().is_dir() && agent.sandbox().tmp().is_dir());
}

#[test]
fn the_command_runs_a_task_manager_with_flinks_class_path_and_memory() {
    let agent = Agent::new(&[]);
    let command = agent.apply().unwrap();
    let flink = agent.sandbox().flink();
    let class_path = format!("{0}/lib/a.jar:{0}/lib/flink-dist-1.20.5.jar", flink.display());
    let arguments = command.arguments.join(" ");
    assert!(arguments.contains(&format!(
        "-classpath {class_path} org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    )));
    assert!(
        arguments.contains("-Xmx536870902")
            && arguments.contains("-D taskmanager.memory.managed.size=536870920b")
    );
    assert!(arguments.contains("-XX:+UseG1GC") && arguments.contains("/log/taskmanager.log"));
    assert_eq!(
        (command.program, command.directory),
        (agent.folder.path().join("jdk/bin/java"), agent.sandbox().path)
    );
}

#[test]
fn the_class_path_leads_to_those_jars_that_are_in_the_tree() {
    let agent = Agent::new(&[]);
    let tree = tempfile::tempdir().unwrap();
    fs_err::create_dir(tree.path().join("lib")).unwrap();
    fs_err::write(tree.path().join("lib/flink-dist-1.20.5.jar"), "").unwrap();
    let lookup = |name: &str| {
        agent.lookup.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    };
    let command = apply(&agent.spec, &agent.sandbox(), Some(tree.path()), &lookup).unwrap();
    let flink = agent.sandbox().flink();
    let expected = format!(
        "{}/lib/a.jar:{}/lib/flink-dist-1.20.5.jar",
        flink.display(),
        tree.path().display()
    );
    assert!(command.arguments.contains(&expected), "{:?}", command.arguments);
    let home = command.environment.iter().find(|(name, _)| name == "FLINK_LIB_DIR").unwrap();
    assert_eq!(home.1, flink.join("lib").to_str().unwrap());
}

#[test]
fn a_configured_host_stays_and_may_name_the_worker() {
    let agent = Agent::new(&[
        ("taskmanager.host", "_TASK_.flink.mesos"),
        ("taskmanager.bind-host", "10.0.0.1"),
    ]);
    agent.apply().unwrap();
    assert_eq!(agent.written().get("taskmanager.host"), Some("taskmanager-00001.flink.mesos"));
    assert_eq!(agent.written().get("taskmanager.bind-host"), Some("10.0.0.1"));
}

#[test]
fn without_configured_hosts_a_worker_is_known_by_its_agents_and_listens_where_that_is() {
    for (hostname, host, bind) in [
        ("agent-7", "agent-7", "0.0.0.0"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("fd00::7", "fd00::7", "::"),
    ] {
        // A wildcard is no address.
        let mut agent = Agent::new(&[("taskmanager.host", "0.0.0.0")]);
        agent.spec.hostname = hostname.to_owned();
        agent.apply().unwrap();
        assert_eq!(agent.written().get("taskmanager.host"), Some(host));
        assert_eq!(agent.written().get("taskmanager.bind-host"), Some(bind));
    }
}

#[test]
fn a_deliberate_loopback_is_kept() {
    let agent =
        Agent::new(&[("taskmanager.host", "localhost"), ("taskmanager.bind-host", "127.0.0.1")]);
    agent.apply().unwrap();
    assert_eq!(agent.written().get("taskmanager.host"), Some("localhost"));
    assert_eq!(agent.written().get("taskmanager.bind-host"), Some("127.0.0.1"));
}

#[test]
fn a_host_that_flink_cannot_use_is_refused_with_its_place_and_owner() {
    let refused = |agent: &Agent| match agent.apply().unwrap_err() {
        ApplyError::Host { whose, host, is_agents } => (whose, host, is_agents),
        other => panic!("{other}"),
    };
    let agent = Agent::new(&[("taskmanager.host", "$HOST_IP")]);
    assert_eq!(refused(&agent), ("taskmanager.host", "$HOST_IP".to_owned(), false));
    let mut agent = Agent::new(&[("taskmanager.host", "fine")]);
    agent.lookup.push(("FLINK_CONF_taskmanager__host", "a_b".to_owned()));
    assert_eq!(refused(&agent), ("taskmanager.host", "a_b".to_owned(), true));
    let mut agent = Agent::new(&[]);
    agent.spec.hostname = "agent_7".to_owned();
    let (whose, host, is_agents) = refused(&agent);
    assert!(whose.contains("agent's host name") && host == "agent_7" && is_agents);
}

#[test]
fn secrets_from_the_manifest_are_in_the_configuration_and_never_in_the_command() {
    let agent = Agent::new(&[]);
    let secrets = WorkerSecrets {
        configuration: vec![Entry::new("security.ssl.internal.key-password", "hush")],
        environment: vec![Entry::new("AWS_SECRET_ACCESS_KEY", "quiet")],
    };
    fs_err::write(agent.sandbox().flink().join(SECRETS), secrets.encode_to_vec()).unwrap();
    let command = agent.apply().unwrap();
    assert_eq!(agent.written().get("security.ssl.internal.key-password"), Some("hush"));
    assert_eq!(command.environment[0], ("AWS_SECRET_ACCESS_KEY".to_owned(), "quiet".to_owned()));
    assert!(!command.arguments.join(" ").contains("hush"));
}

#[test]
fn the_workers_own_variables_win_over_the_agents() {
    let mut agent = Agent::new(&[("env.java.opts.taskmanager", "-Dwho=$WHO")]);
    agent.lookup.push(("WHO", "agent".to_owned()));
    assert!(agent.apply().unwrap().arguments.contains(&"-Dwho=agent".to_owned()));
    agent.spec.environment.push(Entry::new("WHO", "worker"));
    assert!(agent.apply().unwrap().arguments.contains(&"-Dwho=worker".to_owned()));
}

#[test]
fn what_is_put_before_the_agents_path_does_not_hide_it() {
    let mut agent = Agent::new(&[]);
    agent.spec.environment.push(Entry::new("PATH", "_SANDBOX_/flink/python/bin:_AGENTS_PATH_"));
    agent.spec.environment.push(Entry::new("OTHER", "_AGENTS_PATH_"));
    let python = format!("{}/python/bin", agent.sandbox().flink().display());
    let variable = |agent: &Agent, name: &str| {
        let environment = agent.apply().unwrap().environment;
        environment.into_iter().find(|(known, _)| known == name).unwrap().1
    };
    assert_eq!(variable(&agent, "PATH"), python, "an empty part would be the working directory");
    agent.lookup.push(("PATH", "/usr/bin:/bin".to_owned()));
    assert_eq!(variable(&agent, "PATH"), format!("{python}:/usr/bin:/bin"));
    assert_eq!(variable(&agent, "OTHER"), "_AGENTS_PATH_");
}

#[test]
fn shipped_files_are_named_where_they_are() {
    let mut agent = Agent::new(&[
        ("security.kerberos.login.keytab", "_SANDBOX_/flink/krb5.keytab"),
        ("security.kerberos.krb5-conf.path", "_SANDBOX_/flink/krb5.conf"),
    ]);
    agent.spec.environment.push(Entry::new("HADOOP_CONF_DIR", "_SANDBOX_/flink/hadoop/conf"));
    let command = agent.apply().unwrap();
    let flink = agent.sandbox().flink().to_str().unwrap().to_owned();
    assert_eq!(
        agent.written().get("security.kerberos.login.keytab"),
        Some(format!("{flink}/krb5.keytab").as_str())
    );
    assert!(command.arguments.contains(&format!("-Djava.security.krb5.conf={flink}/krb5.conf")));
    assert_eq!(command.environment[0].1, format!("{flink}/hadoop/conf"));
    let class_path =
        command.arguments.iter().skip_while(|argument| *argument != "-classpath").nth(1).unwrap();
    assert!(class_path.ends_with(&format!(":{flink}/hadoop/conf")), "{class_path}");
}

#[test]
fn an_agent_may_set_its_disks_and_names_and_nothing_else() {
    let mut agent = Agent::new(&[("io.tmp.dirs", "/tmp"), ("taskmanager.numberOfTaskSlots", "2")]);
    agent.lookup.push(("FLINK_CONF_io__tmp__dirs", "/data1,/data2".to_owned()));
    agent.lookup.push(("FLINK_CONF_taskmanager__host", "agent-7.inside".to_owned()));
    agent.lookup.push(("FLINK_CONF_taskmanager__numberOfTaskSlots", "99".to_owned()));
    agent.apply().unwrap();
    assert_eq!(agent.written().get("io.tmp.dirs"), Some("/data1,/data2"));
    assert_eq!(agent.written().get("taskmanager.host"), Some("agent-7.inside"));
    assert_eq!(agent.written().get("taskmanager.numberOfTaskSlots"), Some("2"));
}

#[test]
fn what_cannot_work_is_refused_with_its_reason() {
    let refusal = |change: fn(&mut Agent)| {
        let mut agent = Agent::new(&[]);
        change(&mut agent);
        agent.apply().unwrap_err().to_string()
    };
    assert!(
        refusal(|agent| agent.spec.flink_version = "2.3.0".to_owned()).contains("Flink 1.20.5")
    );
    assert!(refusal(|agent| agent.spec.worker_id.clear()).contains("worker id"));
    assert!(refusal(|agent| agent.spec.hostname.clear()).contains("host name"));
    assert!(
        refusal(|agent| agent.spec.configuration.clear())
            .contains("taskmanager.memory.process.size")
    );
    assert!(refusal(|agent| agent.lookup.clear()).contains("no java found"));
    assert!(refusal(|agent| agent.spec.java_home = "/no/such".to_owned()).contains("/no/such"));
    assert!(
        refusal(|agent| fs_err::write(agent.sandbox().flink().join(SECRETS), b"\xff").unwrap())
            .contains("secrets")
    );
    assert!(
        refusal(|agent| fs_err::remove_dir_all(agent.sandbox().flink()).unwrap()).contains("flink")
    );
}

#[test]
fn a_bootstrap_command_runs_before_the_task_manager_in_the_same_shell() {
    let mut agent = Agent::new(&[("env.java.opts.taskmanager", "'-Da=b c $d `e`'")]);
    let java = "#!/bin/sh\nprintf '%s|' \"$GREETING$FLINK_MESOS_COMMAND\" \"$@\" > \"$OUT\"\n";
    fs_err::write(agent.folder.path().join("jdk/bin/java"), java).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(agent.folder.path().join("jdk/bin/java"), permissions).unwrap();
    let plain = agent.apply().unwrap();
    agent.spec.bootstrap_command = "GREETING='good day'; export GREETING".to_owned();
    let out = agent.folder.path().join("out");
    let command = agent.apply().unwrap();
    assert!(!command.arguments.concat().contains("good day"), "everybody can read arguments");
    run(&command, &out);
    let said = fs_err::read_to_string(&out).unwrap();
    assert_eq!(said, format!("good day|{}|", plain.arguments.join("|")));
    assert!(said.contains("|-Da=b c $d `e`|"), "{said}");

    fs_err::remove_file(&out).unwrap();
    agent.spec.bootstrap_command = "false".to_owned();
    run(&agent.apply().unwrap(), &out);
    assert!(!out.exists(), "the TaskManager was started after a failure");
}

#[test]
fn a_worker_reads_numbers_and_lists_as_the_application_master_read_them() {
    let master = tempfile::tempdir().unwrap();
    let text =
        "a: .inf\nb: '.inf'\nc: [x, '1', null]\nd: '[x]'\ne: 1e400\nf: 5\ng: [a b, 'c: d']\n";
    fs_err::write(master.path().join("config.yaml"), text).unwrap();
    let config = Configuration::load(master.path(), &"2.3.0".parse().unwrap()).unwrap();
    let mut agent = Agent::new(&[]);
    for (key, value) in config.iter() {
        agent.spec.configuration.push(Entry::new(key, value));
    }
    agent.spec.yaml_keys = config.yaml_keys().map(str::to_owned).collect();
    agent.apply().unwrap();
    let written = fs_err::read_to_string(agent.sandbox().conf().join("config.yaml")).unwrap();
    for line in
        ["a: .inf", "b: '.inf'", "c: [x, '1', null]", "d: '[x]'", "e: .inf", "g: [a b, 'c: d']"]
    {
        assert!(written.contains(&format!("{line}\n")), "{line} is not in {written}");
    }
}

#[test]
fn a_command_of_the_users_own_gets_memory_and_configuration() {
    let mut agent = Agent::new(&[]);
    agent.spec.task_manager_command =
        "printf '%s|' \"$JVM_ARGS\" \"$FLINK_CONF_DIR\" \"$0\" > \"$OUT\"; echo".to_owned();
    agent.lookup.push(("JVM_ARGS", "-Dx=y".to_owned()));
    let command = agent.apply().unwrap();
    let out = agent.folder.path().join("out");
    run(&command, &out);
    let said = fs_err::read_to_string(&out).unwrap();
    assert!(said.contains("-Xmx536870902 ") && said.contains(" -Dx=y|"), "{said}");
    assert!(
        said.contains(&format!("|{}|taskmanager|", agent.sandbox().conf().display())),
        "{said}"
    );
    assert!(
        !command.environment.iter().any(|(name, _)| name == "FLINK_LIB_DIR"),
        "the script has its own"
    );
    let arguments = command.arguments.join(" ");
    assert!(arguments.contains("-D taskmanager.memory.managed.size=536870920b"), "{arguments}");
    assert!(!arguments.contains("-classpath") && !arguments.contains("--configDir"), "{arguments}");
}

/// Runs a command to its end; `$OUT` is the file that it writes to.
fn run(command: &CommandLine, out: &Path) {
    #[expect(clippy::disallowed_methods, reason = "status() waits for the end")]
    let mut process = std::process::Command::new(&command.program);
    process.args(&command.arguments).envs(command.environment.iter().cloned()).env("OUT", out);
    process.stdout(std::process::Stdio::null()).status().unwrap();
}
