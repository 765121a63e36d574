//! TLS between application master, JobManager and executors, with key stores made by `keytool`.

use std::path::Path;

use tests::cluster;

use super::*;

/// A key store with a certificate for this machine, and a trust store with that certificate.
fn stores(folder: &Path, names: &str) -> [String; 5] {
    let (keys, certificate, trust) =
        (folder.join("keys.p12"), folder.join("own.crt"), folder.join("trust.p12"));
    let [keys, certificate, trust] =
        [keys, certificate, trust].map(|path| path.display().to_string());
    let extension = format!("SAN={names}");
    let store = ["-storetype", "pkcs12", "-storepass", "changeit", "-alias", "am"];
    keytool(&[
        &[
            "-genkeypair",
            "-keystore",
            &keys,
            "-keyalg",
            "EC",
            "-dname",
            "CN=am",
            "-ext",
            &extension,
        ],
        &store[..],
    ]);
    keytool(&[&["-exportcert", "-rfc", "-keystore", &keys, "-file", &certificate], &store[..]]);
    keytool(&[
        &["-importcert", "-noprompt", "-keystore", &trust, "-file", &certificate],
        &store[..],
    ]);
    [
        "-Dsecurity.ssl.rest.enabled=true".to_owned(),
        format!("-Dsecurity.ssl.rest.keystore={keys}"),
        "-Dsecurity.ssl.rest.keystore-password=changeit".to_owned(),
        format!("-Dsecurity.ssl.rest.truststore={trust}"),
        "-Dsecurity.ssl.rest.truststore-password=changeit".to_owned(),
    ]
}

fn keytool(arguments: &[&[&str]]) {
    let made = std::process::Command::new("keytool").args(arguments.concat()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_tls_at_rest_serves_its_workers_over_tls() {
    let mesos = mesos_with_a_cold_cache().await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = stores(folder.path(), "dns:localhost,ip:127.0.0.1").to_vec();
    // The stores and their passwords are options of Flink, which also needs the key's password.
    options.push("-Dsecurity.ssl.rest.key-password=changeit".to_owned());
    // Mesos's fetcher does not trust our certificate.
    options.push("-Dmesos.resourcemanager.artifactserver.executor-port=0".to_owned());
    options.push("-Dmesos.web.ssl.enabled=true".to_owned());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut cluster = session(&mesos, Line::V1_20, 1, &options);
    let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    assert!(control.starts_with("https://localhost:"), "{control}");
    let web = cluster.ready();
    assert!(web.starts_with("https://"), "{web}");
    // The run file has token and certificate.
    let listed = cluster::command(&["workers", "list", "--output", "json", "--at", &control])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&listed.stdout);
    assert!(
        listed.status.success() && said.contains("\"wanted\":1"),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let log = walk(mesos.work_dir())
        .into_iter()
        .find(|path| path.ends_with("stderr"))
        .expect("the executor's log");
    let log = fs_err::read_to_string(log).unwrap();
    assert!(log.contains("Fetching manifest") && log.contains("from https://127.0.0.1:"), "{log}");
    end_in_order(cluster);
    assert_no_flink_in(mesos.work_dir());
}

#[test]
fn a_certificate_for_another_machine_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let options = stores(folder.path(), "dns:am.example.org");
    let mut command = cluster::command(&["session", "-Dmesos.master=127.0.0.1:1"]);
    command
        .args(cluster::SMALL)
        .args(&options)
        .env("FLINK_HOME", flink_home(Line::V1_20))
        .env_remove("FLINK_CONF_DIR");
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{error}");
    assert!(
        error.contains("security.ssl.rest.keystore: ")
            && error.contains("under the name 127.0.0.1"),
        "{error}"
    );
}
