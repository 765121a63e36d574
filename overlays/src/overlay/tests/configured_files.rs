//! Files that options and variables name: Hadoop's, Kerberos's, stores of keys, the user's own.

use super::*;

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
