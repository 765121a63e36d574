#![allow(clippy::unwrap_used)]
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flink::config::Source;

use super::*;

/// A Flink distribution with these files; names that end in `.sh` are executable.
struct Installation {
    folder: tempfile::TempDir,
    config: Configuration,
}

impl Installation {
    fn new(files: &[&str]) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap(), config: Configuration::new() };
        for file in ["flink/lib/flink-dist-1.20.5.jar", "flink/bin/config.sh"].iter().chain(files) {
            this.file(file);
        }
        this
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, "x").unwrap();
        let mode =
            if path.extension().is_some_and(|extension| extension == "sh") { 0o755 } else { 0o644 };
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.config.set(key, value, Source::DynamicProperty);
        self
    }

    fn link(&self, link: &str, to: &str) {
        fs_err::os::unix::fs::symlink(self.path(to), self.path(link)).unwrap();
    }

    fn collect(&self) -> Result<ContainerSpec, OverlayErrors> {
        self.collect_with(None, &[])
    }

    fn collect_with(
        &self,
        conf: Option<&Path>,
        environment: &[(&str, &str)],
    ) -> Result<ContainerSpec, OverlayErrors> {
        let home = FlinkHome::open(&self.path("flink"), conf).unwrap();
        let lookup = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        super::collect(&home, &self.config, &lookup)
    }

    /// The only problem.
    fn problem(&self) -> OverlayError {
        let mut problems = self.collect().unwrap_err().0;
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.remove(0)
    }
}

fn targets(spec: &ContainerSpec) -> Vec<&str> {
    spec.artifacts.iter().map(|file| file.target.as_str()).collect()
}

#[test]
fn the_distribution_is_shipped_in_order_with_modes_and_without_opt() {
    let installation = Installation::new(&[
        "flink/conf/log4j.properties",
        "flink/plugins/p1/p.jar",
        "flink/opt/o.jar",
        "flink/lib/sub/with blank.jar",
        "flink/lib/ü.jar",
        "flink/README.txt",
    ]);
    fs_err::create_dir(installation.path("flink/lib/empty")).unwrap();
    let spec = installation.collect().unwrap();
    let expected = [
        "bin/config.sh",
        "conf/log4j.properties",
        "lib/flink-dist-1.20.5.jar",
        "lib/sub/with blank.jar",
        "lib/ü.jar",
        "plugins/p1/p.jar",
    ];
    assert_eq!(targets(&spec), expected);
    assert_eq!(spec.artifacts.iter().filter(|file| file.executable).count(), 1);
    assert!(
        spec.artifacts[0].executable
            && spec.artifacts[0].source == installation.path("flink/bin/config.sh")
    );
}

#[test]
fn opt_is_shipped_on_request_and_plugins_from_where_the_environment_says() {
    let installation =
        Installation::new(&["flink/opt/o.jar", "elsewhere/q/q.jar"]).set("mesos.flink.opt", "true");
    let plugins = installation.path("elsewhere");
    let spec = installation
        .collect_with(None, &[("FLINK_PLUGINS_DIR", plugins.to_str().unwrap())])
        .unwrap();
    assert_eq!(targets(&spec)[2..], ["opt/o.jar", "plugins/q/q.jar"]);
}

#[test]
fn a_configuration_folder_of_any_name_lands_as_conf() {
    let installation =
        Installation::new(&["flink/conf/log4j.properties", "etc/ours/log4j-console.properties"]);
    let spec = installation.collect_with(Some(&installation.path("etc/ours")), &[]).unwrap();
    assert_eq!(targets(&spec)[1], "conf/log4j-console.properties");
    assert!(!targets(&spec).contains(&"conf/log4j.properties"));
}

#[test]
fn of_the_configuration_folder_only_what_flinks_processes_read_is_shipped() {
    let installation = Installation::new(&[
        "flink/conf/..2026_01/config.yaml",
        "flink/conf/..2026_01/log4j-console.properties",
        "flink/conf/log4j.properties",
        "flink/conf/logback-console.xml",
        "flink/conf/log4j.properties.bak",
        "flink/conf/config.yaml.bak",
        "flink/conf/config.yaml~",
        "flink/conf/.config.yaml.swp",
        "flink/conf/#config.yaml#",
        "flink/conf/config.yaml.dpkg-dist",
        "flink/conf/config.yaml.rpmsave",
        "flink/conf/flink-conf.yaml",
        "flink/conf/old/config.yaml",
        "flink/conf/log4j.d/log4j.properties",
        "flink/conf/.git/objects/aa",
        "flink/conf/masters",
    ]);
    installation.link("flink/conf/..data", "flink/conf/..2026_01");
    installation.link("flink/conf/config.yaml", "flink/conf/..data/config.yaml");
    installation
        .link("flink/conf/log4j-console.properties", "flink/conf/..data/log4j-console.properties");
    let expected =
        ["conf/log4j-console.properties", "conf/log4j.properties", "conf/logback-console.xml"];
    assert_eq!(targets(&installation.collect().unwrap())[1..4], expected);
    assert_eq!(targets(&installation.collect().unwrap())[4..], ["lib/flink-dist-1.20.5.jar"]);
}

#[test]
fn the_configuration_reaches_workers_by_no_other_tree() {
    for (link, to) in [
        ("flink/lib/etc", "flink/conf"),
        ("flink/bin/config.yaml", "flink/conf/config.yaml"),
        ("flink/usrlib", "flink"),
        ("flink/plugins", "flink/conf"),
    ] {
        let installation = Installation::new(&["flink/conf/config.yaml"]);
        installation.link(link, to);
        let error = installation.collect().unwrap_err().to_string();
        assert!(
            error.contains("it is Flink's configuration")
                || error.contains("a folder that it is in"),
            "{error}"
        );
    }
    for (key, is_shipped) in [("mesos.artifacts.etc", false), ("mesos.secret-artifacts.etc", true)]
    {
        let installation = Installation::new(&["flink/conf/config.yaml"]);
        let folder = installation.path("flink/conf").to_str().unwrap().to_owned();
        assert_eq!(installation.set(key, &folder).collect().is_ok(), is_shipped, "{key}");
    }
}

#[test]
fn a_logging_file_with_a_password_is_a_secret() {
    let installation = Installation::new(&["flink/conf/log4j.properties"]);
    for (name, text) in [
        ("log4j-console.properties", "a = b\nappender.http.password = x\n"),
        ("log4j.properties", "appender.http.url = https://user:hush@h/x\n"),
        ("log4j-cli.properties", "# password = x\nrootLogger.level = INFO\n"),
        (
            "logback-console.xml",
            "<configuration><appender><password>x</password></appender></configuration>",
        ),
        ("logback.xml", "<configuration><root level=\"INFO\"/></configuration>"),
    ] {
        fs_err::write(installation.path(&format!("flink/conf/{name}")), text).unwrap();
    }
    let spec = installation.collect().unwrap();
    let expected =
        ["conf/log4j-console.properties", "conf/log4j.properties", "conf/logback-console.xml"];
    assert_eq!(secrets(&spec), expected);
}

#[test]
fn collecting_leaves_the_distribution_as_it_was() {
    let installation = Installation::new(&[
        "flink/conf/config.yaml",
        "flink/conf/log4j.properties",
        "flink/usrlib/j.jar",
    ]);
    let state = || {
        let mut found = Vec::new();
        let mut folders = vec![installation.path("flink")];
        while let Some(folder) = folders.pop() {
            for path in fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let metadata = fs_err::symlink_metadata(&path).unwrap();
                let content =
                    if metadata.is_dir() { Vec::new() } else { fs_err::read(&path).unwrap() };
                found.push((
                    path.clone(),
                    metadata.permissions().mode(),
                    metadata.modified().unwrap(),
                    content,
                ));
                folders.extend(metadata.is_dir().then_some(path));
            }
        }
        found.sort();
        found
    };
    let before = state();
    installation.collect().unwrap();
    assert_eq!(state(), before);
}

#[test]
fn a_variable_that_no_process_can_have_is_refused_with_its_key() {
    for (name, value) in [("A=B", "x"), ("A\0B", "x"), ("", "x"), ("A", "x\0y")] {
        let key = format!("containerized.taskmanager.env.{name}");
        let error = Installation::new(&[]).set(&key, value).problem();
        assert!(
            matches!(&error, OverlayError::VariableName { key: named, .. } if *named == key),
            "{error}"
        );
        assert!(!error.to_string().contains('\0'), "{error:?}");
    }
}

#[test]
fn usrlib_is_shipped_when_there_is_one() {
    let installation = Installation::new(&["flink/usrlib/job.jar"]);
    assert_eq!(targets(&installation.collect().unwrap()).last(), Some(&"usrlib/job.jar"));
}

#[test]
fn links_to_files_and_folders_are_followed() {
    let installation = Installation::new(&["store/a.jar", "store/sub/b.jar"]);
    installation.link("flink/lib/link.jar", "store/a.jar");
    installation.link("flink/usrlib", "store");
    let spec = installation.collect().unwrap();
    assert_eq!(targets(&spec)[2..], ["lib/link.jar", "usrlib/a.jar", "usrlib/sub/b.jar"]);
}

#[test]
fn what_cannot_be_shipped_is_told_by_its_path() {
    let installation = Installation::new(&[]);
    installation.link("flink/lib/round", "flink/lib");
    assert!(
        installation.collect().unwrap_err().to_string().contains("lib/round cannot be shipped")
    );

    let installation = Installation::new(&[]);
    installation.link("flink/lib/dangling.jar", "nowhere");
    assert!(installation.collect().unwrap_err().to_string().contains("lib/dangling.jar"));

    let installation = Installation::new(&[]);
    fs_err::remove_dir_all(installation.path("flink/bin")).unwrap();
    assert!(installation.collect().unwrap_err().to_string().contains("flink/bin"));
}

#[test]
fn configured_variables_become_the_workers_environment() {
    let installation = Installation::new(&[])
        .set("containerized.taskmanager.env.LD_PRELOAD", "/lib/jemalloc.so")
        .set("containerized.taskmanager.env.GREETING", "a \"b\" $c; d=e");
    let spec = installation.collect().unwrap();
    let expected = [("LD_PRELOAD", "/lib/jemalloc.so"), ("GREETING", "a \"b\" $c; d=e")];
    assert_eq!(
        spec.environment[..2],
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let error = Installation::new(&[])
        .set("containerized.taskmanager.env.", "x")
        .collect()
        .unwrap_err()
        .to_string();
    assert!(error.contains("containerized.taskmanager.env."), "{error}");
}

#[test]
fn workers_get_the_configuration_without_what_is_between_master_and_mesos() {
    let installation = Installation::new(&[])
        .set("mesos.resourcemanager.framework.secret", "hush")
        .set("mesos.executor.running-when", "listening")
        .set("containerized.taskmanager.env.X", "y")
        .set("taskmanager.numberOfTaskSlots", "2");
    let spec = installation.collect().unwrap();
    let expected =
        [("mesos.executor.running-when", "listening"), ("taskmanager.numberOfTaskSlots", "2")];
    assert_eq!(spec.configuration.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn hosts_that_are_nobodys_choice_are_left_to_the_executor() {
    let shipped = || Source::File { path: "config.yaml".into(), line: None };
    for (key, value, source, is_kept) in [
        ("taskmanager.host", "localhost", shipped(), false),
        ("taskmanager.bind-host", "localhost", shipped(), false),
        ("taskmanager.host", "0.0.0.0", Source::DynamicProperty, false),
        ("taskmanager.bind-host", "0.0.0.0", Source::DynamicProperty, true),
        ("taskmanager.bind-host", "127.0.0.1", shipped(), true),
        ("taskmanager.bind-host", "localhost", Source::DynamicProperty, true),
    ] {
        let mut installation = Installation::new(&[]);
        installation.config.set(key, value, source);
        assert_eq!(
            installation.collect().unwrap().configuration.contains(key),
            is_kept,
            "{key}: {value}"
        );
    }
}

#[test]
fn the_same_installation_gives_the_same_specification() {
    let names: Vec<String> =
        (0..40).map(|i| format!("flink/lib/{:x}.jar", i * 7919 % 41)).collect();
    let installation = Installation::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        installation.collect().unwrap().artifacts,
        installation.collect().unwrap().artifacts
    );
    assert!(targets(&installation.collect().unwrap()).is_sorted());
}

/// The secret targets of a specification.
fn secrets(spec: &ContainerSpec) -> Vec<&str> {
    spec.artifacts.iter().filter(|file| file.secret).map(|file| file.target.as_str()).collect()
}

fn variable<'a>(spec: &'a ContainerSpec, name: &str) -> Option<&'a str> {
    spec.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn hadoops_configuration_is_shipped_from_the_first_folder_that_is_whole() {
    let installation = Installation::new(&[
        "half/core-site.xml",
        "whole/core-site.xml",
        "whole/hdfs-site.xml",
        "whole/yarn-site.xml",
        "whole/other.xml",
        "home/etc/hadoop/core-site.xml",
        "home/etc/hadoop/hdfs-site.xml",
    ]);
    let secret = "<property><name> fs.s3a.secret.key </name><value>hush</value></property>";
    fs_err::write(installation.path("whole/core-site.xml"), secret).unwrap();
    let inside = "<property><name>my.url</name><value>https://user:hush@h/x</value></property>";
    fs_err::write(installation.path("whole/hdfs-site.xml"), inside).unwrap();
    let [half, whole, home] =
        ["half", "whole", "home"].map(|name| installation.path(name).to_str().unwrap().to_owned());

    let installation = installation.set("fs.hdfs.hadoopconf", &half);
    let spec = installation
        .collect_with(None, &[("HADOOP_CONF_DIR", &whole), ("HADOOP_HOME", &home)])
        .unwrap();
    let shipped: Vec<&str> =
        targets(&spec).into_iter().filter(|target| target.starts_with("hadoop")).collect();
    let expected =
        ["hadoop/conf/core-site.xml", "hadoop/conf/hdfs-site.xml", "hadoop/conf/yarn-site.xml"];
    assert_eq!(shipped, expected);
    let expected = ["hadoop/conf/core-site.xml", "hadoop/conf/hdfs-site.xml"];
    assert_eq!(secrets(&spec), expected, "only what holds a secret is one");
    assert_eq!(spec.configuration.get("fs.hdfs.hadoopconf"), Some("_SANDBOX_/flink/hadoop/conf"));
    assert_eq!(variable(&spec, "HADOOP_CONF_DIR"), Some("_SANDBOX_/flink/hadoop/conf"));

    fs_err::File::create(installation.path("whole/yarn-site.xml"))
        .unwrap()
        .set_len((16 << 20) + 1)
        .unwrap();
    let error =
        installation.collect_with(None, &[("HADOOP_CONF_DIR", &whole)]).unwrap_err().to_string();
    assert!(error.contains("yarn-site.xml is too large: more than 16 MB"), "{error}");
    let spec = installation.collect_with(None, &[("HADOOP_HOME", &home)]).unwrap();
    assert!(spec.artifacts.iter().any(|file| file.source.starts_with(&home)));
    let spec = installation.collect().unwrap();
    assert!(
        secrets(&spec).is_empty() && variable(&spec, "HADOOP_CONF_DIR").is_none(),
        "no folder, no Hadoop"
    );
}

#[test]
fn hadoops_user_is_the_environments_or_the_processs() {
    let installation = Installation::new(&[]);
    let spec = installation.collect_with(None, &[("HADOOP_USER_NAME", "etl")]).unwrap();
    assert_eq!(variable(&spec, "HADOOP_USER_NAME"), Some("etl"));
    let process =
        nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().map(|user| user.name);
    assert_eq!(variable(&installation.collect().unwrap(), "HADOOP_USER_NAME"), process.as_deref());
}

#[test]
fn kerberos_files_are_shipped_and_named_where_the_worker_has_them() {
    let installation = Installation::new(&["etc/my.keytab", "etc/my krb5.conf"]);
    let [keytab, krb5] = ["etc/my.keytab", "etc/my krb5.conf"].map(|path| installation.path(path));
    let installation = installation
        .set("security.keytab", keytab.to_str().unwrap())
        .set("security.kerberos.krb5-conf.path", krb5.to_str().unwrap());
    let spec = installation.collect().unwrap();
    assert_eq!(secrets(&spec), ["krb5.keytab"]);
    let entries: Vec<_> = spec.configuration.iter().collect();
    let expected = [
        ("security.kerberos.login.keytab", "_SANDBOX_/flink/krb5.keytab"),
        ("security.kerberos.krb5-conf.path", "_SANDBOX_/flink/krb5.conf"),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn key_and_trust_stores_are_shipped_as_secrets_but_not_those_of_the_rest_api() {
    let mut installation = Installation::new(&["etc/store"]);
    let store = installation.path("etc/store").to_str().unwrap().to_owned();
    for layer in ["", "internal.", "rest."] {
        installation = installation
            .set(&format!("security.ssl.{layer}keystore"), &store)
            .set(&format!("security.ssl.{layer}truststore"), &store);
    }
    let spec = installation.collect().unwrap();
    let expected =
        ["keystore.jks", "ssl/internal/keystore", "ssl/internal/truststore", "truststore.jks"];
    assert_eq!(secrets(&spec), expected);
    assert_eq!(
        spec.configuration.get("security.ssl.keystore"),
        Some("_SANDBOX_/flink/keystore.jks")
    );
    assert_eq!(spec.configuration.get("security.ssl.rest.keystore"), None);
}

#[test]
fn a_configured_file_that_is_missing_is_told_by_its_key() {
    for key in
        ["security.kerberos.login.keytab", "security.ssl.internal.keystore", "mesos.artifacts.x"]
    {
        let error =
            Installation::new(&[]).set(key, "/no/such/file").collect().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{key}: ")) && error.contains("/no/such/file"),
            "{error}"
        );
    }
}

#[test]
fn a_users_own_files_and_folders_are_shipped_under_their_names() {
    let installation = Installation::new(&["data/dict.txt", "data/model/a b.bin", "data/key.pem"]);
    let [dict, model, key] = ["data/dict.txt", "data/model", "data/key.pem"]
        .map(|path| installation.path(path).to_str().unwrap().to_owned());
    let installation = installation
        .set("mesos.artifacts.terms.txt", &dict)
        .set("mesos.artifacts.models/v1", &model)
        .set("mesos.secret-artifacts.key.pem", &key);
    let spec = installation.collect().unwrap();
    let expected = ["artifacts/key.pem", "artifacts/models/v1/a b.bin", "artifacts/terms.txt"];
    assert_eq!(targets(&spec)[..3], expected);
    assert_eq!(secrets(&spec), ["artifacts/key.pem"]);
    for name in ["..", "a/../../b", "/etc", ""] {
        let key = format!("mesos.artifacts.{name}");
        let error =
            Installation::new(&[]).set(&key, "/etc/hosts").collect().unwrap_err().to_string();
        assert!(error.starts_with(&key), "{error}");
    }
}

#[test]
fn two_files_for_one_place_are_refused_with_both() {
    let installation = Installation::new(&["data/a", "data/b"]);
    let [a, b] =
        ["data/a", "data/b"].map(|path| installation.path(path).to_str().unwrap().to_owned());
    let installation =
        installation.set("mesos.artifacts.x", &a).set("mesos.secret-artifacts.x", &b);
    let error = installation.collect().unwrap_err().to_string();
    assert!(error.contains(&a) && error.contains(&b) && error.contains("artifacts/x"), "{error}");
    for (one, other) in [("x", "x/y/z"), ("x/y/z", "x")] {
        let both = Installation::new(&[]).set(&format!("mesos.artifacts.{one}"), &a);
        let both = both.set(&format!("mesos.secret-artifacts.{other}"), &b);
        assert!(matches!(both.problem(), OverlayError::Clash { .. }), "a file cannot be a folder");
    }
}

#[test]
fn every_problem_is_told_not_only_the_first() {
    let master = Installation::new(&[])
        .set("security.kerberos.login.keytab", "/no/keytab")
        .set("security.ssl.internal.keystore", "/no/keystore")
        .set("security.ssl.truststore", "/no/truststore")
        .set("mesos.artifacts.../x", "/tmp")
        .set("mesos.secret-artifacts.key", "/no/key");
    let problems = master.collect().unwrap_err();
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected = [
        "login.keytab",
        "ssl.truststore",
        "internal.keystore",
        "mesos.artifacts.../x",
        "secret-artifacts.key",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    assert!(said.iter().zip(expected).all(|(said, part)| said.contains(part)), "{said:#?}");
    assert_eq!(problems.to_string(), said.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let installation = Installation::new(&["flink/lib/gone.jar"]);
    let spec = installation.collect().unwrap();
    assert_eq!(spec.unreadable().count(), 0);
    fs_err::remove_file(installation.path("flink/lib/gone.jar")).unwrap();
    let problems: Vec<_> = spec.unreadable().map(|problem| problem.to_string()).collect();
    assert!(matches!(&problems[..], [one] if one.contains("lib/gone.jar")), "{problems:?}");
}

#[test]
fn workers_may_log_by_a_file_of_their_own() {
    let installation = Installation::new(&[
        "flink/conf/log4j-console.properties",
        "flink/conf/log4j.properties",
        "ours/quiet.properties",
        "ours/logback.xml",
    ]);
    let (log4j, logback) =
        (installation.path("ours/quiet.properties"), installation.path("ours/logback.xml"));
    let installation = installation
        .set("mesos.worker.log4j", log4j.to_str().unwrap())
        .set("mesos.worker.logback", logback.to_str().unwrap());
    let spec = installation.collect().unwrap();
    let sources: Vec<_> =
        spec.artifacts.iter().map(|file| (file.target.as_str(), file.source.clone())).collect();
    assert_eq!(
        sources[1..4],
        [
            ("conf/log4j-console.properties", log4j),
            ("conf/log4j.properties", installation.path("flink/conf/log4j.properties")),
            ("conf/logback-console.xml", logback),
        ]
    );
    assert!(spec.configuration.get("mesos.worker.log4j").is_none());
    let missing = Installation::new(&[]).set("mesos.worker.log4j", "/no/such.properties");
    assert!(missing.collect().unwrap_err().to_string().contains("mesos.worker.log4j"));
}

#[test]
fn a_logging_file_of_the_workers_own_is_limited_and_secret_if_it_holds_a_secret() {
    let installation =
        Installation::new(&["flink/conf/log4j-console.properties", "ours/own.properties"]);
    let own = installation.path("ours/own.properties");
    let installation = installation.set("mesos.worker.log4j", own.to_str().unwrap());
    fs_err::write(&own, "appender.mail.smtpPassword = hush").unwrap();
    let spec = installation.collect().unwrap();
    let file = spec.artifacts.iter().find(|file| file.source == own).unwrap();
    assert!(file.secret && file.target == "conf/log4j-console.properties");
    fs_err::OpenOptions::new().write(true).open(&own).unwrap().set_len((4 << 20) + 1).unwrap();
    assert!(installation.collect().unwrap_err().to_string().contains("too large: more than 4 MB"));
}

#[test]
fn a_python_environment_is_shipped_and_first_in_the_path() {
    let installation = Installation::new(&["env/bin/python", "env/lib/python3.11/os.py"]);
    let folder = installation.path("env");
    let installation = installation.set("mesos.python.environment", folder.to_str().unwrap());
    let spec = installation.collect().unwrap();
    assert_eq!(targets(&spec)[2..], ["python/bin/python", "python/lib/python3.11/os.py"]);
    let path = ("PATH".to_owned(), "_SANDBOX_/flink/python/bin:_AGENTS_PATH_".to_owned());
    assert!(spec.environment.contains(&path), "{:?}", spec.environment);

    let spec =
        installation.set("containerized.taskmanager.env.PATH", "/opt/bin").collect().unwrap();
    let paths: Vec<_> = spec.environment.iter().filter(|(name, _)| name == "PATH").collect();
    assert_eq!(paths, [&("PATH".to_owned(), "_SANDBOX_/flink/python/bin:/opt/bin".to_owned())]);
}

#[test]
fn a_folder_without_python_is_no_python_environment() {
    let installation = Installation::new(&["env/bin/perl"]);
    let folder = installation.path("env");
    let error = installation
        .set("mesos.python.environment", folder.to_str().unwrap())
        .collect()
        .unwrap_err();
    assert!(error.to_string().starts_with("mesos.python.environment: "), "{error}");
}
