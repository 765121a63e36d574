//! Files that every user may change.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use super::*;

fn chmod(path: &str, mode: u32) {
    fs_err::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_file_of_configuration_or_code_that_everybody_may_change_is_refused() {
    for name in [
        "flink/conf/config.yaml",
        "flink/conf/log4j-console.properties",
        "flink/lib/flink-dist-1.20.5.jar",
        "flink-mesos-executor",
    ] {
        let installation = Installation::new("127.0.0.1:1");
        let path = installation.path(name);
        chmod(&path, 0o646);
        let errors = installation.errors().await;
        let [error] = errors.as_slice() else { panic!("{name}: {errors:#?}") };
        let path = fs_err::canonicalize(path).unwrap();
        let expected = format!(
            "every user of this machine may change {} (mode 646) and so run programs as this user",
            path.display()
        );
        assert!(error.starts_with(&expected) && error.ends_with("chmod o-w"), "{error}");
        chmod(path.to_str().unwrap(), 0o664);
        assert_eq!(installation.errors().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_link_to_a_configuration_as_a_config_map_has_it_is_judged_by_its_file() {
    let installation = Installation::new("127.0.0.1:1");
    let [conf, file, data] =
        ["flink/conf", "flink/conf/config.yaml", "flink/conf/..data"].map(|n| installation.path(n));
    fs_err::create_dir(&data).unwrap();
    fs_err::rename(&file, format!("{data}/config.yaml")).unwrap();
    fs_err::os::unix::fs::symlink("..data/config.yaml", &file).unwrap();
    assert_eq!(installation.errors().await, Vec::<String>::new());
    chmod(&format!("{data}/config.yaml"), 0o666);
    let errors = installation.errors().await;
    assert!(errors.len() == 1 && errors[0].contains("..data/config.yaml (mode 666)"), "{errors:?}");
    chmod(&format!("{data}/config.yaml"), 0o644);
    for mode in [0o777, 0o1777] {
        chmod(&conf, mode);
        let findings = installation.check().await.findings;
        let warned = findings.iter().any(|found| {
            let mode = format!("flink/conf (mode {mode:o})");
            !found.fatal
                && found.text.contains("may replace files in")
                && found.text.contains(&mode)
        });
        assert!(warned && !findings.iter().any(|found| found.fatal), "{findings:#?}");
    }
}
