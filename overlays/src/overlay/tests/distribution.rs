//! The distribution, what is left out of it, and what cannot be shipped.

use super::*;

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
