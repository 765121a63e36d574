//! Our overlays against those of Flink 1.13.6, for random installations: the same but for the
//! improvements that `docs/migrating-from-flink-1.13.md` lists, which are taken out here one by one
//! and have tests of their own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flink::config::{Configuration, Source};
use flink::home::FlinkHome;
use flink::version::FlinkVersion;
use overlays::overlay::{self, ContainerSpec};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::oracle::{Oracle, cached};

const INSTALLATIONS: u64 = 300;

/// Kind and name, and what there is of it.
type Facts = BTreeMap<(String, String), (String, String)>;

/// The overlays of Flink 1.13, in this environment; see `tests/java/UpstreamOverlays.java`.
fn upstream(environment: &[(&str, PathBuf)]) -> Oracle {
    let lib = cached("flink-1.13.6").join("lib");
    assert!(lib.is_dir(), "{} is not there\nrun: make setup", lib.display());
    let version = FlinkVersion { major: 1, minor: 13, patch: 6 };
    Oracle::run("UpstreamOverlays.java", &format!("{}/*", lib.display()), version, environment)
}

#[test]
fn the_overlays_agree_with_those_of_flink_1_13() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let mut oracle = upstream(&environment(&root));
    let (mut agreed, mut refused) = (0, 0);
    for seed in 0..INSTALLATIONS {
        let config = installation(&root, &mut StdRng::seed_from_u64(seed));
        let entries: Vec<String> =
            config.iter().flat_map(|(key, value)| [key.to_owned(), value.to_owned()]).collect();
        let theirs = oracle.ask("collect", &entries);
        let home = FlinkHome::open(&root.join("flink"), None).unwrap();
        let variables = environment(&root);
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        match (overlay::collect(&home, &config, &lookup), theirs) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(
                    without_improvements(&ours),
                    known_better(facts(&theirs)),
                    "installation {seed}"
                );
                agreed += 1;
            }
            (Err(_), Err(_)) => refused += 1,
            (ours, theirs) => panic!("installation {seed}: ours {ours:?}, theirs {theirs:?}"),
        }
    }
    println!("{agreed} installations agree, {refused} are refused by both");
    assert!(
        agreed > 100 && refused > 10,
        "the installations are too much alike: {agreed} agree, {refused} are refused"
    );
}

fn environment(root: &Path) -> Vec<(&'static str, PathBuf)> {
    let flink = |name: &str| root.join("flink").join(name);
    vec![
        ("FLINK_BIN_DIR", flink("bin")),
        ("FLINK_CONF_DIR", flink("conf")),
        ("FLINK_LIB_DIR", flink("lib")),
        ("FLINK_PLUGINS_DIR", flink("plugins")),
        ("HADOOP_CONF_DIR", root.join("hadoop conf")),
        ("HADOOP_HOME", root.join("hadoop")),
    ]
}

/// A random installation in place of the last one, and its configuration.
fn installation(root: &Path, random: &mut StdRng) -> Configuration {
    fs_err::remove_dir_all(root).ok();
    for file in
        ["flink/lib/flink-dist-1.20.5.jar", "flink/bin/config.sh", "flink/conf/log4j.properties"]
    {
        put(root, file, random);
    }
    let names = [
        "a.jar",
        "b c.jar",
        "ü.sh",
        "config.yaml",
        "flink-conf.yaml",
        "sub/x.jar",
        "sub/d e/é.txt",
        ".hidden",
    ];
    for folder in [
        "flink/bin",
        "flink/conf",
        "flink/lib",
        "flink/plugins",
        "flink/usrlib",
        "flink/opt",
        "flink/log",
    ] {
        for name in names {
            if random.random_bool(0.3) {
                put(root, &format!("{folder}/{name}"), random);
            }
        }
    }
    for folder in ["configured", "hadoop conf", "hadoop/conf", "hadoop/etc/hadoop"] {
        for name in ["core-site.xml", "hdfs-site.xml", "yarn-site.xml"] {
            if random.random_bool(0.6) {
                put(root, &format!("{folder}/{name}"), random);
            }
        }
    }
    if random.random_bool(0.3) {
        fs_err::os::unix::fs::symlink(
            root.join("flink/bin/config.sh"),
            root.join("flink/lib/link"),
        )
        .unwrap();
        fs_err::create_dir_all(root.join("flink/lib/empty")).unwrap();
    }
    configuration(root, random)
}

fn configuration(root: &Path, random: &mut StdRng) -> Configuration {
    let mut config = Configuration::new();
    let mut set = |key: &str, value: &str| config.set(key, value, Source::Computed("the test"));
    set("some.key", ["v", "v with space", "ü;=$", ""].choose(random).unwrap());
    if random.random_bool(0.5) {
        set("fs.hdfs.hadoopconf", root.join("configured").to_str().unwrap());
    }
    for (key, file) in [
        ("security.kerberos.login.keytab", "secrets/k.keytab"),
        ("security.kerberos.krb5-conf.path", "etc/krb5.conf"),
        ("security.ssl.keystore", "secrets/key store"),
        ("security.ssl.truststore", "secrets/trust.jks"),
        ("security.ssl.rest.keystore", "secrets/rest.jks"),
    ] {
        if random.random_bool(0.4) {
            set(key, root.join(file).to_str().unwrap());
            // Upstream did not look at the stores of REST.
            if random.random_bool(0.9) || key.contains("rest") {
                put(root, file, random);
            }
        }
    }
    config
}

fn put(root: &Path, file: &str, random: &mut StdRng) {
    let path = root.join(file);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, "x").unwrap();
    let mode = if random.random_bool(0.3) { 0o755 } else { 0o644 };
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn fact(kind: &str, name: &str, value: &str, more: &str) -> ((String, String), (String, String)) {
    ((kind.to_owned(), name.to_owned()), (value.to_owned(), more.to_owned()))
}

fn facts(answer: &[String]) -> Facts {
    let facts =
        answer.chunks_exact(4).map(|chunk| fact(&chunk[0], &chunk[1], &chunk[2], &chunk[3]));
    facts.collect()
}

/// What upstream did, with what is better now and can be seen in one item alone.
fn known_better(mut facts: Facts) -> Facts {
    let remove = |facts: &mut Facts, kind: &str, name: &str| {
        facts.remove(&(kind.to_owned(), name.to_owned()))
    };
    // Of the configuration folder only logging files travel: any other may be a copy of the
    // configuration.
    facts.retain(|(_, name), _| !name.starts_with("conf/") || name == "conf/log4j.properties");
    // Only the JobManager reads the stores of REST.
    remove(&mut facts, "configuration", "security.ssl.rest.keystore");
    // An absolute path, set where the command line is built.
    remove(&mut facts, "environment", "FLINK_HOME");
    // The key is rewritten instead, and the command line hands it to the JVM.
    if let Some((path, _)) = remove(&mut facts, "property", "java.security.krb5.conf") {
        facts.extend([fact("configuration", "security.kerberos.krb5-conf.path", &path, "")]);
    }
    facts
}

/// What ours did, with paths as upstream had them and without what upstream did not have.
fn without_improvements(spec: &ContainerSpec) -> Facts {
    let relative = |value: &str| value.replace("_SANDBOX_/flink/", "");
    let mut facts = Facts::new();
    let is_new = |target: &str| target.starts_with("ssl/") || target == "hadoop/conf/yarn-site.xml";
    for file in spec.artifacts.iter().filter(|file| !is_new(&file.target)) {
        // Files that are configured one by one were never executable.
        let alone = ["krb5", "keystore", "truststore", "hadoop/"]
            .iter()
            .any(|part| file.target.starts_with(part));
        let mode = if file.executable && !alone { "x" } else { "-" };
        let flags = format!("{mode}{}", if file.secret { "s" } else { "-" });
        facts.extend([fact("artifact", &file.target, file.source.to_str().unwrap(), &flags)]);
    }
    for (name, value) in spec.environment.iter().filter(|(name, _)| name != "HADOOP_USER_NAME") {
        facts.extend([fact("environment", name, &relative(value), "")]);
    }
    for (key, value) in spec.configuration.iter().filter(|(key, _)| *key != "env.hadoop.conf.dir") {
        facts.extend([fact("configuration", key, &relative(value), "")]);
    }
    facts
}
